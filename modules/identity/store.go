package identity

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/fault"
)

type store struct {
	db  *database.DB
	say func(time.Time) fault.Text // a time, in what people read
}

type userRow struct {
	ID             string `gorm:"primaryKey"`
	Email          string
	EmailFolded    string
	EmailCanonical string
	PasswordHash   string
	FirstName      string
	LastName       string
	City           string
	Country        string
	Language       string
	CreatedAt      int64 `gorm:"autoCreateTime:false"`

	EmailVerifiedAt int64
	PasswordAt      int64
	LeftAt          int64
	ReturnedAt      int64
}

func (userRow) TableName() string { return "identity_users" }

func (r userRow) user() User {
	return User{
		ID: r.ID, Email: r.Email, PasswordHash: r.PasswordHash, FirstName: r.FirstName, LastName: r.LastName,
		City: r.City, Country: r.Country, Language: r.Language, CreatedAt: database.FromMicros(r.CreatedAt),
		EmailVerified: r.EmailVerifiedAt > 0, PasswordAt: database.FromMicros(r.PasswordAt), left: r.LeftAt > 0,
		returnedAt: database.FromMicros(r.ReturnedAt),
	}
}

func rowOf(u User) userRow {
	row := userRow{
		ID: u.ID, Email: u.Email, EmailFolded: fold(u.Email), EmailCanonical: canonicalEmail(u.Email),
		PasswordHash: u.PasswordHash, FirstName: u.FirstName, LastName: u.LastName, City: u.City,
		Country: u.Country, Language: cmp.Or(u.Language, "es"), CreatedAt: database.Micros(u.CreatedAt),
	}
	if u.EmailVerified {
		row.EmailVerifiedAt = row.CreatedAt
	}
	return row
}

func (s *store) count(ctx context.Context) (int, error) {
	var n int64
	if err := s.db.Gorm(ctx).Model(&userRow{}).Count(&n).Error; err != nil {
		return 0, fmt.Errorf("count accounts: %w", err)
	}
	return int(n), nil
}

func (s *store) insert(ctx context.Context, u User) error {
	row := rowOf(u)
	err := s.db.InTx(ctx, func(ctx context.Context) error { return s.db.Gorm(ctx).Create(&row).Error })
	switch database.UniqueViolation(err) {
	case "identity_users_email_folded_key", "identity_users_email_canonical_key":
		return errEmailTaken.With(err)
	}
	if err != nil {
		return fmt.Errorf("insert account: %w", err)
	}
	return nil
}

// byID returns errNoAccount if there is no such account, or it is deleted; byEmail does the same.
func (s *store) byID(ctx context.Context, id string) (User, error) {
	return s.find(ctx, "", "id = ?", id)
}

// byEmail finds the account with this e-mail, or else the one with another spelling of it. Both are looked for in one
// query, whether they exist or not.
func (s *store) byEmail(ctx context.Context, email string) (User, error) {
	folded := fold(email)
	return s.find(ctx, folded, "email_folded = ? OR email_canonical = ? AND email_canonical <> ''",
		folded, canonicalEmail(email))
}

// find returns the account that meets the condition. If several do, it prefers the one with the folded e-mail.
func (s *store) find(ctx context.Context, folded, condition string, values ...any) (User, error) {
	var rows []userRow
	if err := s.db.Gorm(ctx).Where("left_at = 0").Where(condition, values...).Find(&rows).Error; err != nil {
		return User{}, fmt.Errorf("read account: %w", err)
	}
	if len(rows) == 0 {
		return User{}, errNoAccount
	}
	for _, row := range rows {
		if row.EmailFolded == folded {
			return row.user(), nil
		}
	}
	return rows[0].user(), nil
}
