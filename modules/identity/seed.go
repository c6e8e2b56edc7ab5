package identity

import (
	"context"
	"fmt"
)

// Count returns the number of accounts.
func (m *Module) Count(ctx context.Context) (int, error) { return m.store.count(ctx) }

// Seed adds accounts that exist for a demonstration or a load test, all in one transaction. It does not check their
// texts. It fails if one of them exists already.
func (m *Module) Seed(ctx context.Context, users []User) error {
	rows := make([]userRow, len(users))
	for i, u := range users {
		rows[i] = rowOf(u)
	}
	err := m.store.db.InTx(ctx, func(ctx context.Context) error {
		return m.store.db.Gorm(ctx).CreateInBatches(rows, seedBatch).Error
	})
	if err != nil {
		return fmt.Errorf("add %d accounts: %w", len(users), err)
	}
	return nil
}

// HashPassword returns what accounts of Seed are signed in to with a password.
func (m *Module) HashPassword(password string) (string, error) { return m.passwords.Hash(password) }

// seedBatch rows have fewer values than a statement may have.
const seedBatch = 1000
