package mail

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"risingstars/platform/database"
)

// What becomes of a letter.
const (
	sent   = "sent"
	failed = "failed" // it was refused for good, or became pointless
	dead   = "dead"   // nobody could send it; an operator may have it tried again
)

// store keeps letters. All times are the database's.
type store struct{ db *database.DB }

// details are the column of the same name.
type details struct {
	Values map[string]string `json:"values,omitempty"`
	Page   string            `json:"page,omitempty"`
	Secret []byte            `json:"secret,omitempty"`
}

func (s store) after(d time.Duration) string {
	return fmt.Sprintf(`(%s + CAST(%d AS BIGINT))`, s.db.Clock(), d.Microseconds())
}

func (s store) insert(ctx context.Context, l Letter, grace time.Duration) error {
	content, err := json.Marshal(details{l.Values, l.Page, l.Secret}) //nolint:gosec // it is useless without its seal
	if err != nil {
		return err
	}
	_, err = s.db.Exec(ctx, `
		INSERT INTO mail_letters
			(id, user_id, template, recipient, language, details, state, due_at, created_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, 'waiting', `+s.after(grace)+`, `+s.db.Clock()+`, `+s.after(l.Life)+`)
		ON CONFLICT (id) DO NOTHING`, l.ID, l.UserID, l.Template, l.To, l.Language, string(content))
	return err
}

// held is a letter that its reader is to send.
type held struct {
	Letter

	tries   int // before this one
	expired bool
}

// hold takes a letter that nobody else is sending, for as long as hold lasts. It returns nil if there is nothing to
// send.
func (s store) hold(ctx context.Context, id string, hold time.Duration) (*held, error) {
	var rows []struct {
		ID, Template, Recipient, Language, Details string
		Tries                                      int
		Expired                                    bool
	}
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		rows = nil // of a run that was rolled back
		return s.db.Query(ctx, &rows, `
			UPDATE mail_letters SET held_until = `+s.after(hold)+`, due_at = `+s.after(hold)+`
			WHERE id = ? AND state IN ('waiting', 'dead') AND held_until < `+s.db.Clock()+`
			RETURNING id, template, recipient, language, details, tries, expires_at < `+s.db.Clock()+` AS expired`, id)
	})
	if err != nil || len(rows) == 0 {
		return nil, wrap(err, "take a letter")
	}
	row, content := rows[0], details{}
	if err := json.Unmarshal([]byte(row.Details), &content); err != nil {
		return nil, fmt.Errorf("read a letter: %w", err)
	}
	return &held{Letter{
		ID: row.ID, Template: row.Template, To: row.Recipient, Language: row.Language, Values: content.Values,
		Page: content.Page, Secret: content.Secret,
	}, row.Tries, row.Expired}, nil
}

// due returns letters that are to be sent now, whatever the queue does.
func (s store) due(ctx context.Context, most int) (ids []string, err error) {
	var rows []struct{ ID string }
	err = s.db.Query(ctx, &rows, `
		SELECT id FROM mail_letters WHERE state = 'waiting' AND due_at < `+s.db.Clock()+`
		ORDER BY due_at LIMIT ?`, most)
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	return ids, wrap(err, "look for letters")
}

// end forgets what a letter said.
func (s store) end(ctx context.Context, id, state string) error {
	_, err := s.db.Exec(ctx, `
		UPDATE mail_letters SET state = ?, recipient = '', details = '', held_until = 0, ended_at = `+s.db.Clock()+`
		WHERE id = ?`, state, id)
	return wrap(err, "note what became of a letter")
}

// later lets a letter be tried again: by the queue after pause, and by the sweeper after grace more.
func (s store) later(ctx context.Context, id string, pause, grace time.Duration) error {
	_, err := s.db.Exec(ctx, `
		UPDATE mail_letters SET tries = tries + 1, held_until = 0, due_at = `+s.after(pause+grace)+`
		WHERE id = ? AND state IN ('waiting', 'dead')`, id)
	return wrap(err, "put a letter back")
}

// bury keeps what a dead letter says, because an operator may have it tried again.
func (s store) bury(ctx context.Context, id string) error {
	_, err := s.db.Exec(ctx, `
		UPDATE mail_letters SET state = ?, tries = 0, held_until = 0 WHERE id = ? AND state = 'waiting'`, dead, id)
	return wrap(err, "bury a letter")
}

// old returns the letters that have ended, and the dead ones, long ago.
func (s store) old(ctx context.Context, after time.Duration, most int) (ids []string, err error) {
	var rows []struct{ ID string }
	err = s.db.Query(ctx, &rows, `
		SELECT id FROM mail_letters WHERE ended_at > 0 AND ended_at < `+s.after(-after)+`
			OR state = 'dead' AND expires_at < `+s.after(-after)+` LIMIT ?`, most)
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	return ids, wrap(err, "look for old letters")
}

// giveUp lets nobody send the letters about an account any more, and returns all of them.
func (s store) giveUp(ctx context.Context, userID string) (ids []string, err error) {
	_, err = s.db.Exec(ctx, `
		UPDATE mail_letters SET state = ?, recipient = '', details = '', ended_at = `+s.db.Clock()+`
		WHERE user_id = ? AND state IN ('waiting', 'dead')`, failed, userID)
	if err != nil {
		return nil, wrap(err, "give up letters")
	}
	var rows []struct{ ID string }
	err = s.db.Query(ctx, &rows, `SELECT id FROM mail_letters WHERE user_id = ?`, userID)
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	return ids, wrap(err, "look for the letters about an account")
}

// delete deletes what is left of letters.
func (s store) delete(ctx context.Context, ids []string) error {
	_, err := s.db.Exec(ctx, `DELETE FROM mail_letters WHERE id IN ?`, ids)
	return wrap(err, "forget letters")
}

func wrap(err error, what string) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
