package limit

import (
	"context"
	"embed"
	"fmt"
	"time"

	"risingstars/platform/database"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations returns the migrations of the store in PostgreSQL. SQLite has no such store.
func Migrations() database.Migrations { return database.NewMigrations("limit", files) }

// inPostgres counts in PostgreSQL, by its clock, in tables that no crash or failover keeps.
type inPostgres struct {
	db *database.DB
}

// NewPostgres returns a store in the database, which stays open after Close.
func NewPostgres(db *database.DB) *Shared {
	return &Shared{&inPostgres{db: db}}
}

// nowMicros is the database's clock at the start of the statement, in microseconds.
const nowMicros = `CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000000 AS BIGINT)`

// take is memory's algorithm in one statement, so that the row's lock makes it atomic. A use beyond the rate changes no
// row.
func (s *inPostgres) take(ctx context.Context, id string, r Rate) (time.Duration, error) {
	interval := r.interval().Microseconds()
	changed, err := s.db.Exec(ctx, `
		INSERT INTO limit_rates AS r (id, full_at) VALUES (?, `+nowMicros+` + ?)
		ON CONFLICT (id) DO UPDATE SET full_at = GREATEST(r.full_at, `+nowMicros+`) + ?
		WHERE GREATEST(r.full_at, `+nowMicros+`) - `+nowMicros+` <= ?`,
		id, interval, interval, int64(r.Burst-1)*interval)
	if err != nil {
		return 0, fmt.Errorf("count in PostgreSQL: %w", err)
	}
	if changed > 0 {
		return 0, nil
	}
	var row struct{ Wait int64 }
	err = s.db.Query(ctx, &row, `SELECT full_at - `+nowMicros+` - ? AS wait FROM limit_rates WHERE id = ?`,
		int64(r.Burst-1)*interval, id)
	if err != nil {
		return 0, fmt.Errorf("read a count in PostgreSQL: %w", err)
	}
	return max(time.Duration(row.Wait)*time.Microsecond, time.Millisecond), nil
}

func (s *inPostgres) reset(ctx context.Context, id string) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM limit_rates WHERE id = ?`, id); err != nil {
		return fmt.Errorf("reset in PostgreSQL: %w", err)
	}
	return nil
}

func (s *inPostgres) hold(ctx context.Context, h *Hold, most int64) (held bool, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		// The lock makes those who acquire the same budget wait for one another.
		_, err := s.db.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended(?, 0))`, h.id)
		if err == nil {
			_, err = s.db.Exec(ctx, `DELETE FROM limit_holds WHERE id = ? AND until <= `+nowMicros, h.id)
		}
		var row struct {
			Holders int64
			Oldest  string
		}
		if err == nil {
			err = s.db.Query(ctx, &row, `
				SELECT COUNT(*) AS holders, COALESCE(MIN(holder), '') AS oldest FROM limit_holds WHERE id = ?`, h.id)
		}
		if held = row.Holders < most || h.newest; err != nil || !held {
			return err
		}
		if row.Holders >= most {
			if err := s.delete(ctx, h.id, row.Oldest); err != nil {
				return err
			}
		}
		return s.lease(ctx, h)
	})
	if err != nil {
		return false, fmt.Errorf("hold in PostgreSQL: %w", err)
	}
	return held, nil
}

// lease inserts the hold or extends its lease.
func (s *inPostgres) lease(ctx context.Context, h *Hold) error {
	_, err := s.db.Exec(ctx, `
		INSERT INTO limit_holds (id, holder, until) VALUES (?, ?, `+nowMicros+` + ?)
		ON CONFLICT (id, holder) DO UPDATE SET until = excluded.until`,
		h.id, h.holder, leaseTime.Microseconds())
	return err
}

func (s *inPostgres) renew(ctx context.Context, h *Hold) (held bool, err error) {
	held = true
	if h.newest {
		var changed int64
		changed, err = s.db.Exec(ctx, `UPDATE limit_holds SET until = `+nowMicros+` + ? WHERE id = ? AND holder = ?`,
			leaseTime.Microseconds(), h.id, h.holder)
		held = changed > 0
	} else {
		err = s.lease(ctx, h)
	}
	if err != nil {
		return false, fmt.Errorf("renew a hold in PostgreSQL: %w", err)
	}
	return held, nil
}

func (s *inPostgres) release(ctx context.Context, h *Hold) error {
	if err := s.delete(ctx, h.id, h.holder); err != nil {
		return fmt.Errorf("release in PostgreSQL: %w", err)
	}
	return nil
}

func (s *inPostgres) delete(ctx context.Context, id, holder string) error {
	_, err := s.db.Exec(ctx, `DELETE FROM limit_holds WHERE id = ? AND holder = ?`, id, holder)
	return err
}

// sweep deletes the rows of all processes. The budgets' rows are few while nobody attacks: one per key in use.
func (s *inPostgres) sweep(ctx context.Context) error {
	for _, statement := range []string{
		`DELETE FROM limit_rates WHERE full_at <= ` + nowMicros, `DELETE FROM limit_holds WHERE until <= ` + nowMicros,
	} {
		if _, err := s.db.Exec(ctx, statement); err != nil {
			return fmt.Errorf("sweep limits in PostgreSQL: %w", err)
		}
	}
	return nil
}

func (s *inPostgres) Close() error { return nil }
