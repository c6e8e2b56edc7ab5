package identity

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"risingstars/platform/database"
)

// departure is the row of an account that was deleted. Times are the database's clock.
type departure struct {
	UserID, State, Email, PasswordHash      string
	EmailCanonical                          *string
	EmailVerifiedAt, LeftAt, EraseAt, DueAt int64
	Now                                     int64
}

// due reports whether the account is to be erased. Both the database's clock and that of the process, whose time is
// given, must say so: one that is wrong erases nothing too early. Nothing is erased while other processes may not know
// of the deletion.
func (d departure) due(now time.Time) bool {
	at := max(d.EraseAt, d.LeftAt+lookAgainAfter.Microseconds())
	return at <= d.Now && at <= database.Micros(now)
}

// canonical is "" for an account that is not the one of its mailbox.
func (d departure) canonical() string {
	if d.EmailCanonical == nil {
		return canonicalEmail(d.Email)
	}
	return *d.EmailCanonical
}

func (d departure) leftAt() time.Time { return database.FromMicros(d.LeftAt) }

// anyByID also finds accounts that are deleted and not yet erased.
func (s *store) anyByID(ctx context.Context, id string) (User, error) {
	var rows []userRow
	if err := s.db.Gorm(ctx).Where("id = ?", id).Find(&rows).Error; err != nil {
		return User{}, fmt.Errorf("read account: %w", err)
	}
	if len(rows) == 0 {
		return User{}, errNoAccount
	}
	return rows[0].user(), nil
}

// byAny is anyByID, or byEmail.
func (s *store) byAny(ctx context.Context, idOrEmail string) (User, error) {
	if uuid.Validate(idOrEmail) == nil {
		return s.anyByID(ctx, idOrEmail)
	}
	return s.byEmail(ctx, idOrEmail)
}

// leave takes e-mail and password from an account, for as long as life lasts, and returns until when it can come back.
func (s *store) leave(ctx context.Context, userID string, life time.Duration) (until time.Time, err error) {
	var row struct{ LeftAt int64 }
	margin := undoMargin
	if life == 0 {
		margin = 0
	}
	err = s.db.Query(ctx, &row, `
		INSERT INTO identity_departures
			(user_id, state, email, email_canonical, email_verified_at, password_hash, left_at, erase_at, due_at)
		SELECT id, 'leaving', email, email_canonical, email_verified_at, password_hash,
			`+s.db.Clock()+`, `+s.after(life+margin)+`,
			`+s.db.Clock()+`
		FROM identity_users WHERE id = ? AND left_at = 0
		ON CONFLICT (user_id) DO UPDATE SET state = 'leaving', email = excluded.email,
			email_canonical = excluded.email_canonical,
			email_verified_at = excluded.email_verified_at, password_hash = excluded.password_hash,
			left_at = excluded.left_at, erase_at = excluded.erase_at, due_at = excluded.due_at
		RETURNING left_at`, userID)
	if err == nil && row.LeftAt == 0 {
		err = errNoAccount
	}
	if err == nil {
		_, err = s.db.Exec(ctx, `
			UPDATE identity_users SET left_at = `+s.db.Clock()+`, email = id || '@invalid',
				email_folded = id || '@invalid', email_canonical = '', email_verified_at = 0, password_hash = ''
			WHERE id = ?`, userID)
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("delete an account: %w", err)
	}
	return database.FromMicros(row.LeftAt).Add(life), nil
}

// hurryDeparture lets a deleted account be erased now, if that is wanted. It reports whether that changes anything.
func (s *store) hurryDeparture(ctx context.Context, userID string, now bool) (bool, error) {
	if !now {
		return false, nil
	}
	n, err := s.db.Exec(ctx, `UPDATE identity_departures SET erase_at = `+s.db.Clock()+`, due_at = `+s.db.Clock()+`
		WHERE user_id = ? AND state = 'leaving' AND erase_at > `+s.db.Clock(), userID)
	if err != nil {
		return false, fmt.Errorf("erase an account sooner: %w", err)
	}
	return n > 0, nil
}

// reopen gives an account its password back, and returns its departure. The error is errLinkExpired if it is not
// deleted, or too late.
func (s *store) reopen(ctx context.Context, userID string) (departure, error) {
	return s.reopenIf(ctx, `user_id = ? AND erase_at > `+s.db.Clock(), userID)
}

// reopenBefore is reopen, however late it is, for an account that was deleted before a time.
func (s *store) reopenBefore(ctx context.Context, userID string, at time.Time) (departure, error) {
	return s.reopenIf(ctx, `user_id = ? AND left_at < ?`, userID, database.Micros(at))
}

func (s *store) reopenIf(ctx context.Context, condition, userID string, values ...any) (departure, error) {
	var rows []departure
	err := s.db.Query(ctx, &rows, `
		UPDATE identity_departures SET state = 'returning', due_at = `+s.db.Clock()+`
		WHERE state = 'leaving' AND `+condition+` RETURNING *`, append([]any{userID}, values...)...)
	if err == nil && len(rows) == 0 {
		return departure{}, errLinkExpired
	}
	if err == nil {
		_, err = s.db.Exec(ctx, `
			UPDATE identity_users SET left_at = 0, returned_at = `+s.db.Clock()+`, password_hash = ? WHERE id = ?`,
			rows[0].PasswordHash, userID)
	}
	if err != nil {
		return departure{}, fmt.Errorf("bring an account back: %w", err)
	}
	return rows[0], nil
}

// giveEmailBack returns errEmailTakenSince if another account has the e-mail.
func (s *store) giveEmailBack(ctx context.Context, d departure) error {
	_, err := s.db.Exec(ctx, `
		UPDATE identity_users SET email = ?, email_folded = ?, email_canonical = ?, email_verified_at = ? WHERE id = ?`,
		d.Email, fold(d.Email), d.canonical(), d.EmailVerifiedAt, d.UserID)
	switch database.UniqueViolation(err) {
	case "identity_users_email_folded_key", "identity_users_email_canonical_key":
		return errEmailTakenSince.With(err)
	}
	if err != nil {
		return fmt.Errorf("give an e-mail back: %w", err)
	}
	return nil
}

// delayErasures gives all deleted accounts at least a while.
func (s *store) delayErasures(ctx context.Context, least time.Duration) error {
	_, err := s.db.Exec(ctx, `UPDATE identity_departures SET erase_at = `+s.after(least)+`
		WHERE state = 'leaving' AND erase_at < `+s.after(least))
	if err != nil {
		return fmt.Errorf("delay erasures: %w", err)
	}
	return nil
}

// known returns those of the accounts that are not erased.
func (s *store) known(ctx context.Context, ids []string) (known []string, err error) {
	var rows []struct{ ID string }
	if err := s.db.Query(ctx, &rows, `SELECT id FROM identity_users WHERE id IN ?`, ids); err != nil {
		return nil, fmt.Errorf("look for accounts: %w", err)
	}
	for _, row := range rows {
		known = append(known, row.ID)
	}
	return known, nil
}

// nextDeparture returns one that is due, which nobody else gets for a while; "": there is none.
func (s *store) nextDeparture(ctx context.Context) (userID string, err error) {
	var row struct{ UserID string }
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		row.UserID = ""
		return s.db.Query(ctx, &row, `
			UPDATE identity_departures SET due_at = `+s.after(departPause)+`
			WHERE due_at <= `+s.db.Clock()+` AND user_id = (
				SELECT user_id FROM identity_departures WHERE due_at <= `+s.db.Clock()+`
				ORDER BY due_at, user_id LIMIT 1)
			RETURNING user_id`)
	})
	if err != nil {
		return "", fmt.Errorf("look for deleted accounts: %w", err)
	}
	return row.UserID, nil
}

// departure returns the zero value if the account is not deleted.
func (s *store) departure(ctx context.Context, userID string) (d departure, err error) {
	err = s.db.Query(ctx, &d, `
		SELECT identity_departures.*, `+s.db.Clock()+` AS now FROM identity_departures WHERE user_id = ?`, userID)
	if err != nil {
		return d, fmt.Errorf("read a deletion: %w", err)
	}
	return d, nil
}

// keepState keeps a departure in a state until the transaction of ctx ends, and reports whether it is in it.
func (s *store) keepState(ctx context.Context, userID, state string) (bool, error) {
	n, err := s.db.Exec(ctx, `UPDATE identity_departures SET state = state WHERE user_id = ? AND state = ?`,
		userID, state)
	if err != nil {
		return false, fmt.Errorf("keep a deletion: %w", err)
	}
	return n > 0, nil
}

// settled notes when to look at a deletion again: once more soon after it, and then to erase the account; later if the
// clock of the process says that it is too early.
func (s *store) settled(ctx context.Context, userID string) error {
	again := fmt.Sprintf(`left_at + CAST(%d AS BIGINT)`, lookAgainAfter.Microseconds())
	_, err := s.db.Exec(ctx, `
		UPDATE identity_departures
		SET due_at = CASE WHEN `+again+` > `+s.db.Clock()+` THEN `+again+`
			WHEN erase_at > `+s.db.Clock()+` THEN erase_at ELSE `+s.after(lookAgainAfter)+` END
		WHERE user_id = ? AND state = 'leaving'`, userID)
	if err != nil {
		return fmt.Errorf("note the state of a deletion: %w", err)
	}
	return nil
}

func (s *store) beginErasing(ctx context.Context, userID string) error {
	_, err := s.db.Exec(ctx, `
		UPDATE identity_departures SET state = 'erasing'
		WHERE user_id = ? AND state = 'leaving' AND erase_at <= `+s.db.Clock(), userID)
	if err != nil {
		return fmt.Errorf("begin to erase an account: %w", err)
	}
	return nil
}

func (s *store) endReturn(ctx context.Context, userID string) error {
	_, err := s.db.Exec(ctx, `DELETE FROM identity_departures WHERE user_id = ? AND state = 'returning'`, userID)
	if err != nil {
		return fmt.Errorf("forget a deletion: %w", err)
	}
	return nil
}

// eraseAccount erases all rows of an account but what the log says of its id, and that its link has expired. It reports
// false if somebody else has done so.
func (s *store) eraseAccount(ctx context.Context, userID string) (bool, error) {
	fail := func(err error) (bool, error) { return false, fmt.Errorf("erase an account: %w", err) }
	n, err := s.db.Exec(ctx, `DELETE FROM identity_departures WHERE user_id = ? AND state = 'erasing'`, userID)
	if err != nil {
		return fail(err)
	}
	if n == 0 {
		return false, nil
	}
	for _, statement := range []string{
		`DELETE FROM identity_browsers WHERE user_id = ?`,
		`DELETE FROM identity_recovery_codes WHERE user_id = ?`,
		`DELETE FROM identity_factors WHERE user_id = ?`,
		`DELETE FROM identity_roles WHERE user_id = ?`,
		`DELETE FROM identity_suspensions WHERE user_id = ?`,
		`DELETE FROM identity_proofs WHERE user_id = ? AND purpose <> 'undelete'`,
		`UPDATE identity_proofs SET email = '', expires_at = created_at WHERE user_id = ?`,
		`DELETE FROM identity_users WHERE id = ? AND left_at > 0`,
	} {
		if _, err := s.db.Exec(ctx, statement, userID); err != nil {
			return fail(err)
		}
	}
	return true, nil
}
