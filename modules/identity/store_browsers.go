package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"risingstars/platform/database"
)

type browserRow struct {
	TokenHash string `gorm:"primaryKey"`
	UserID    string
	Agent     string
	CreatedAt int64 `gorm:"autoCreateTime:false"`
	UsedAt    int64
	ExpiresAt int64
}

func (browserRow) TableName() string { return "identity_browsers" }

func (r browserRow) usedBefore(t time.Time) bool { return r.UsedAt < database.Micros(t) }

// insertBrowser also deletes those that were not used for so long that they are signed out, and the account's oldest if
// there are too many.
func (s *store) insertBrowser(ctx context.Context, row browserRow, now time.Time) error {
	row.CreatedAt, row.UsedAt = database.Micros(now), database.Micros(now)
	row.ExpiresAt = database.Micros(now.Add(BrowserTTL))
	return s.db.InTx(ctx, func(ctx context.Context) error {
		_, err := s.db.Exec(ctx, `DELETE FROM identity_browsers WHERE expires_at < ?`, database.Micros(now))
		if err != nil {
			return err
		}
		_, err = s.db.Exec(ctx, `DELETE FROM identity_browsers WHERE user_id = ? AND token_hash NOT IN (
			SELECT token_hash FROM identity_browsers WHERE user_id = ? ORDER BY used_at DESC LIMIT ?)`,
			row.UserID, row.UserID, mostBrowsers-1)
		if err != nil {
			return err
		}
		return s.db.Gorm(ctx).Create(&row).Error
	})
}

func (s *store) browser(ctx context.Context, hash string, now time.Time) (browserRow, error) {
	var row browserRow
	err := s.db.Gorm(ctx).Where("token_hash = ? AND expires_at >= ?", hash, database.Micros(now)).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return row, errNoBrowser
	}
	if err != nil {
		return row, fmt.Errorf("read a browser: %w", err)
	}
	return row, nil
}

func (s *store) renewBrowser(ctx context.Context, hash string, now time.Time) error {
	_, err := s.db.Exec(ctx, `UPDATE identity_browsers SET used_at = ?, expires_at = ? WHERE token_hash = ?`,
		database.Micros(now), database.Micros(now.Add(BrowserTTL)), hash)
	if err != nil {
		return fmt.Errorf("renew a browser: %w", err)
	}
	return nil
}

func (s *store) deleteBrowser(ctx context.Context, hash string) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM identity_browsers WHERE token_hash = ?`, hash); err != nil {
		return fmt.Errorf("sign out a browser: %w", err)
	}
	return nil
}
