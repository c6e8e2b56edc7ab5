package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"risingstars/platform/database"
)

// userByID returns errNoUser if there is no such account. It also finds one that is deleted and may come back.
func (s *store) userByID(ctx context.Context, id string) (User, error) {
	if uuid.Validate(id) != nil {
		return User{}, errNoUser
	}
	user, err := s.anyByID(ctx, id)
	if errors.Is(err, errNoAccount) {
		err = errNoUser
	}
	return user, err
}

func (s *store) rolesOf(ctx context.Context, userIDs []string) (map[string][]Role, error) {
	var rows []struct {
		UserID string
		Role   Role
	}
	err := s.db.Query(ctx, &rows, `SELECT user_id, role FROM identity_roles WHERE user_id IN ?`, userIDs)
	if err != nil {
		return nil, fmt.Errorf("read roles: %w", err)
	}
	held := map[string][]Role{}
	for _, role := range Roles() {
		for _, row := range rows {
			if row.Role == role {
				held[row.UserID] = append(held[row.UserID], role)
			}
		}
	}
	return held, nil
}

func (s *store) granted(ctx context.Context) ([]Granted, error) {
	var rows []userRow
	err := s.db.Query(ctx, &rows, `
		SELECT * FROM identity_users WHERE left_at = 0 AND id IN (SELECT user_id FROM identity_roles)
		ORDER BY email_folded`)
	if err != nil {
		return nil, fmt.Errorf("list who has roles: %w", err)
	}
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	roles, err := s.rolesOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	all := make([]Granted, len(rows))
	for i, row := range rows {
		all[i] = Granted{row.user(), roles[row.ID]}
	}
	return all, nil
}

// lockAdmins keeps others from changing who is an admin, or suspending one, until the transaction ends. SQLite has one
// writer anyway.
func (s *store) lockAdmins(ctx context.Context) error {
	if s.db.Dialect() == database.SQLite {
		return nil
	}
	_, err := s.db.Exec(ctx, `SELECT 1 FROM identity_roles WHERE role = ? ORDER BY user_id FOR UPDATE`, Admin)
	if err != nil {
		return fmt.Errorf("lock the admins: %w", err)
	}
	return nil
}

func (s *store) countAdmins(ctx context.Context) (int, error) {
	var row struct{ N int }
	err := s.db.Query(ctx, &row, `
		SELECT COUNT(*) AS n FROM identity_roles r JOIN identity_users u ON u.id = r.user_id
		WHERE r.role = ? AND u.left_at = 0 AND NOT EXISTS (
			SELECT 1 FROM identity_suspensions s
			WHERE s.user_id = r.user_id AND (s.until = 0 OR s.until > `+s.db.Clock()+`))`, Admin)
	if err != nil {
		return 0, fmt.Errorf("count the admins: %w", err)
	}
	return row.N, nil
}

func (s *store) setRoles(ctx context.Context, userID string, roles []Role) error {
	_, err := s.db.Exec(ctx, `DELETE FROM identity_roles WHERE user_id = ? AND role NOT IN ?`, userID,
		append(slices.Clone(roles), "")) // a list must not be empty
	for _, role := range roles {
		if err == nil {
			_, err = s.db.Exec(ctx, `INSERT INTO identity_roles (user_id, role, granted_at) VALUES (?, ?, ?)
				ON CONFLICT (user_id, role) DO NOTHING`, userID, role, database.Micros(time.Now()))
		}
	}
	if err != nil {
		return fmt.Errorf("set roles: %w", err)
	}
	return nil
}

// people returns a page of the accounts, the latest first, and how many match.
func (s *store) people(ctx context.Context, f PeopleFilter, offset, limit int) ([]User, int, error) {
	where, values := []string{"left_at = 0"}, []any{}
	if word := strings.TrimSpace(f.Search); word != "" {
		pattern := "%" + patternEscaper.Replace(strings.ToLower(word)) + "%"
		typed := "%" + patternEscaper.Replace(word) + "%" // SQLite's LOWER leaves letters like Á as they are
		where = append(where, `(email_folded LIKE ? ESCAPE '\'
			OR LOWER(first_name || ' ' || last_name) LIKE ? ESCAPE '\'
			OR first_name || ' ' || last_name LIKE ? ESCAPE '\' OR id = ?)`)
		values = append(values, pattern, pattern, typed, word)
	}
	if f.Role != "" {
		where = append(where, `id IN (SELECT user_id FROM identity_roles WHERE role = ?)`)
		values = append(values, f.Role)
	}
	if f.Suspended {
		where = append(where, `id IN (SELECT user_id FROM identity_suspensions)`)
	}
	condition := strings.Join(where, " AND ")
	var count struct{ N int }
	err := s.db.Query(ctx, &count, `SELECT COUNT(*) AS n FROM identity_users WHERE `+condition, values...)
	if err != nil {
		return nil, 0, fmt.Errorf("count accounts: %w", err)
	}
	var rows []userRow
	err = s.db.Query(ctx, &rows, `SELECT * FROM identity_users WHERE `+condition+`
		ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?`, append(values, limit, offset)...)
	if err != nil {
		return nil, 0, fmt.Errorf("list accounts: %w", err)
	}
	users := make([]User, len(rows))
	for i, row := range rows {
		users[i] = row.user()
	}
	return users, count.N, nil
}

var patternEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
