package identity

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"risingstars/platform/database"
)

type store struct {
	db *database.DB
}

type userRow struct {
	ID           string `gorm:"primaryKey"`
	Email        string
	EmailFolded  string
	PasswordHash string
	FirstName    string
	LastName     string
	City         string
	Country      string
	CreatedAt    int64 `gorm:"autoCreateTime:false"`
}

func (userRow) TableName() string { return "identity_users" }

func (r userRow) user() User {
	return User{
		ID: r.ID, Email: r.Email, PasswordHash: r.PasswordHash, FirstName: r.FirstName, LastName: r.LastName,
		City: r.City, Country: r.Country, CreatedAt: database.FromMicros(r.CreatedAt),
	}
}

func (s *store) insert(ctx context.Context, u User) error {
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		return s.db.Gorm(ctx).Create(&userRow{
			ID: u.ID, Email: u.Email, EmailFolded: fold(u.Email), PasswordHash: u.PasswordHash, FirstName: u.FirstName,
			LastName: u.LastName, City: u.City, Country: u.Country, CreatedAt: database.Micros(u.CreatedAt),
		}).Error
	})
	if database.UniqueViolation(err) == "identity_users_email_folded_key" {
		return errEmailTaken.With(err)
	}
	if err != nil {
		return fmt.Errorf("insert account: %w", err)
	}
	return nil
}

// byID returns errNoAccount if there is no such account; byEmail does the same.
func (s *store) byID(ctx context.Context, id string) (User, error) {
	return s.find(ctx, "id = ?", id)
}

func (s *store) byEmail(ctx context.Context, email string) (User, error) {
	return s.find(ctx, "email_folded = ?", fold(email))
}

func (s *store) find(ctx context.Context, condition string, value any) (User, error) {
	var row userRow
	err := s.db.Gorm(ctx).Where(condition, value).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return User{}, errNoAccount
	}
	if err != nil {
		return User{}, fmt.Errorf("read account: %w", err)
	}
	return row.user(), nil
}
