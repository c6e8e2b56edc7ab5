package archive

import (
	"context"
	"fmt"
	"time"

	"risingstars/platform/database"
)

// store keeps copies. All times are the database's.
type store struct{ db *database.DB }

type copyRow struct {
	ID        string
	State     State
	CreatedAt int64
	ReadyAt   int64
	ExpiresAt int64
	SizeBytes int64
}

func (r copyRow) copy() Copy {
	if r.ID == "" {
		return Copy{State: None}
	}
	c := Copy{ID: r.ID, State: r.State, AskedAt: database.FromMicros(r.CreatedAt), Bytes: r.SizeBytes}
	if r.ReadyAt > 0 {
		c.ReadyAt, c.ExpiresAt = database.FromMicros(r.ReadyAt), database.FromMicros(r.ExpiresAt)
	}
	return c
}

func (s *store) after(d time.Duration) string {
	return fmt.Sprintf(`(%s + CAST(%d AS BIGINT))`, s.db.Clock(), d.Microseconds())
}

// insert returns the person's copy that is on its way, or else a new one with the id.
func (s *store) insert(ctx context.Context, id, userID string) (Copy, error) {
	var row copyRow
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		_, err := s.db.Exec(ctx, `
			INSERT INTO archive_copies (id, user_id, state, created_at) VALUES (?, ?, 'waiting', `+s.db.Clock()+`)
			ON CONFLICT (user_id) WHERE state IN ('waiting', 'making') DO NOTHING`, id, userID)
		if err != nil {
			return err
		}
		row = copyRow{} // of a run that was rolled back
		return s.db.Query(ctx, &row, `
			SELECT id, state, created_at, ready_at, expires_at, size_bytes FROM archive_copies
			WHERE user_id = ? AND state IN ('waiting', 'making')`, userID)
	})
	return row.copy(), wrap(err, "ask for a copy")
}

func (s *store) latest(ctx context.Context, userID string) (Copy, error) {
	var row copyRow
	err := s.db.Query(ctx, &row, `
		SELECT id, state, created_at, ready_at, expires_at, size_bytes FROM archive_copies
		WHERE user_id = ? AND state <> 'over' AND (expires_at = 0 OR expires_at > `+s.db.Clock()+`)
		ORDER BY created_at DESC, id DESC LIMIT 1`, userID)
	return row.copy(), wrap(err, "read a copy")
}

// fresh returns the person's copy if it is ready and was asked for less than an age ago.
func (s *store) fresh(ctx context.Context, userID string, age time.Duration) (Copy, error) {
	var row copyRow
	err := s.db.Query(ctx, &row, `
		SELECT id, state, created_at, ready_at, expires_at, size_bytes FROM archive_copies
		WHERE user_id = ? AND state = 'ready' AND created_at > `+s.after(-age)+` AND expires_at > `+s.db.Clock()+`
			AND NOT EXISTS (
				SELECT 1 FROM archive_copies c
				WHERE c.user_id = archive_copies.user_id AND c.state IN ('waiting', 'making'))
		ORDER BY created_at DESC, id DESC LIMIT 1`, userID)
	return row.copy(), wrap(err, "look for a fresh copy")
}

func (s *store) sent(ctx context.Context, id string) error {
	_, err := s.db.Exec(ctx, `UPDATE archive_copies SET sent_at = `+s.db.Clock()+` WHERE id = ?`, id)
	return wrap(err, "note that a copy was sent")
}

// take returns nil if the copy is not to be made, or somebody else makes it.
func (s *store) take(ctx context.Context, id string, life time.Duration) (*hold, error) {
	var rows []hold
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		return s.db.Query(ctx, &rows, `
			UPDATE archive_copies SET state = 'making', attempt = attempt + 1, held_until = `+s.after(life)+`
			WHERE id = ? AND (state = 'waiting' OR state = 'making' AND held_until < `+s.db.Clock()+`)
			RETURNING id, user_id, attempt`, id)
	})
	if err != nil || len(rows) == 0 {
		return nil, wrap(err, "take a copy")
	}
	return &rows[0], nil
}

// pending reports whether the copy is still to be made.
func (s *store) pending(ctx context.Context, id string) (bool, error) {
	var row struct{ N int }
	err := s.db.Query(ctx, &row, `
		SELECT COUNT(*) AS n FROM archive_copies WHERE id = ? AND state IN ('waiting', 'making')`, id)
	return row.N > 0, wrap(err, "look at a copy")
}

// renew reports false if the hold is lost.
func (s *store) renew(ctx context.Context, h hold, life time.Duration) (bool, error) {
	n, err := s.db.Exec(ctx, `
		UPDATE archive_copies SET held_until = `+s.after(life)+`
		WHERE id = ? AND attempt = ? AND state = 'making'`, h.ID, h.Attempt)
	return n > 0, wrap(err, "hold a copy")
}

// giveBack lets a copy be made anew at once. The attempt counts only if it is said to.
func (s *store) giveBack(ctx context.Context, h hold, counts bool) error {
	forgiven := 1
	if counts {
		forgiven = 0
	}
	_, err := s.db.Exec(ctx, `
		UPDATE archive_copies SET state = 'waiting', attempt = attempt - ?, held_until = 0, sent_at = `+s.db.Clock()+`
		WHERE id = ? AND attempt = ? AND state = 'making'`, forgiven, h.ID, h.Attempt)
	return wrap(err, "give a copy back")
}

// release lets the file of a copy that is over be deleted: its worker writes no more.
func (s *store) release(ctx context.Context, h hold) error {
	_, err := s.db.Exec(ctx, `UPDATE archive_copies SET held_until = 0 WHERE id = ? AND attempt = ? AND state = 'over'`,
		h.ID, h.Attempt)
	return wrap(err, "let a copy go")
}

// finish replaces an earlier copy of the same person. It reports false if the hold is lost.
func (s *store) finish(ctx context.Context, h hold, size int64) (bool, error) {
	n, err := s.db.Exec(ctx, `
		UPDATE archive_copies SET state = 'ready', held_until = 0, size_bytes = ?, ready_at = `+s.db.Clock()+`,
			expires_at = `+s.after(Life)+`
		WHERE id = ? AND attempt = ? AND state = 'making'`, size, h.ID, h.Attempt)
	if err != nil || n == 0 {
		return false, wrap(err, "finish a copy")
	}
	_, err = s.db.Exec(ctx, `
		UPDATE archive_copies SET state = 'over' WHERE user_id = ? AND state IN ('ready', 'failed') AND id <> ?`,
		h.UserID, h.ID)
	return true, wrap(err, "replace a copy")
}

func (s *store) fail(ctx context.Context, id string) error {
	_, err := s.db.Exec(ctx, `
		UPDATE archive_copies SET state = 'failed', held_until = 0, expires_at = `+s.after(Life)+`
		WHERE id = ? AND state IN ('waiting', 'making')`, id)
	return wrap(err, "note that a copy has failed")
}

// silent returns the copies whose tasks may be lost, and that nobody else returns for a while.
func (s *store) silent(ctx context.Context, after time.Duration, most int) (ids []string, err error) {
	var rows []struct{ ID string }
	now := s.db.Clock()
	due := `(state = 'waiting' OR state = 'making' AND held_until < ` + now + `)
		AND (sent_at <= ` + s.after(-after) + ` OR sent_at > ` + now + `)`
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		rows = nil // of a run that was rolled back
		return s.db.Query(ctx, &rows, `
			UPDATE archive_copies SET sent_at = `+now+` WHERE `+due+`
				AND id IN (SELECT id FROM archive_copies WHERE `+due+` ORDER BY sent_at LIMIT ?)
			RETURNING id`, most)
	})
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	return ids, wrap(err, "look for lost copies")
}

func (s *store) expire(ctx context.Context) error {
	_, err := s.db.Exec(ctx, `
		UPDATE archive_copies SET state = 'over' WHERE state IN ('ready', 'failed') AND expires_at <= `+s.db.Clock())
	return wrap(err, "let copies expire")
}

// end makes all copies of a person over.
func (s *store) end(ctx context.Context, userID string) error {
	_, err := s.db.Exec(ctx, `UPDATE archive_copies SET state = 'over' WHERE user_id = ? AND state <> 'over'`, userID)
	return wrap(err, "end the copies of a person")
}

// over returns copies whose files can be deleted: those who made them have noticed, or have vanished.
func (s *store) over(ctx context.Context, most int) (ids []string, err error) {
	var rows []struct{ ID string }
	err = s.db.Query(ctx, &rows, `
		SELECT id FROM archive_copies WHERE state = 'over' AND held_until < `+s.db.Clock()+` ORDER BY id LIMIT ?`, most)
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	return ids, wrap(err, "look for copies to delete")
}

func (s *store) delete(ctx context.Context, id string) error {
	_, err := s.db.Exec(ctx, `DELETE FROM archive_copies WHERE id = ? AND state = 'over'`, id)
	return wrap(err, "delete the row of a copy")
}

func (s *store) exists(ctx context.Context, id string) (bool, error) {
	var row struct{ N int }
	err := s.db.Query(ctx, &row, `SELECT COUNT(*) AS n FROM archive_copies WHERE id = ?`, id)
	return row.N > 0, wrap(err, "look for a copy")
}

func (s *store) left(ctx context.Context, userID string) (int, error) {
	var row struct{ N int }
	err := s.db.Query(ctx, &row, `SELECT COUNT(*) AS n FROM archive_copies WHERE user_id = ?`, userID)
	return row.N, wrap(err, "count the copies of a person")
}

func wrap(err error, what string) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
