package identity

import (
	"context"
	"fmt"
	"time"

	"risingstars/platform/database"
)

// Times of links are the database's, so that the clocks of processes may differ.

func (s *store) after(d time.Duration) string {
	return fmt.Sprintf(`(%s + CAST(%d AS BIGINT))`, s.db.Clock(), d.Microseconds())
}

func (s *store) insertProof(ctx context.Context, p proof, life time.Duration) error {
	_, err := s.db.Exec(ctx, `
		INSERT INTO identity_proofs (secret_hash, user_id, purpose, email, created_at, expires_at)
		VALUES (?, ?, ?, ?, `+s.db.Clock()+`, `+s.after(life)+`)`, p.SecretHash, p.UserID, p.Purpose, p.Email)
	return wrapProof(err, "keep a link")
}

// usable is the condition of a link that can be used.
func (s *store) usable() string { return `used_at = 0 AND expires_at >= ` + s.db.Clock() }

// takeProof uses a link up. Of two at once, one gets it. It returns nil if it cannot be used.
func (s *store) takeProof(ctx context.Context, hash string, purposes []Purpose) (*proof, error) {
	var rows []proof
	err := s.db.Query(ctx, &rows, `
		UPDATE identity_proofs SET used_at = `+s.db.Clock()+`
		WHERE secret_hash = ? AND purpose IN ? AND `+s.usable()+`
		RETURNING secret_hash, user_id, purpose, email, created_at`, hash, purposes)
	return first(rows), wrapProof(err, "use a link")
}

// freshProof is takeProof without using the link up.
func (s *store) freshProof(ctx context.Context, hash string, purposes []Purpose) (*proof, error) {
	var rows []proof
	err := s.db.Query(ctx, &rows, `
		SELECT secret_hash, user_id, purpose, email, created_at FROM identity_proofs
		WHERE secret_hash = ? AND purpose IN ? AND `+s.usable(), hash, purposes)
	return first(rows), wrapProof(err, "read a link")
}

func first(rows []proof) *proof {
	if len(rows) == 0 {
		return nil
	}
	return &rows[0]
}

// whyUseless returns the fault of a link that cannot be used.
func (s *store) whyUseless(ctx context.Context, hash string, purposes []Purpose) error {
	var rows []struct{ UsedAt int64 }
	err := s.db.Query(ctx, &rows, `SELECT used_at FROM identity_proofs WHERE secret_hash = ? AND purpose IN ?`,
		hash, purposes)
	switch {
	case err != nil:
		return wrapProof(err, "read a link")
	case len(rows) == 0:
		return errLinkInvalid
	case rows[0].UsedAt > 0:
		return errLinkUsed
	}
	return errLinkExpired
}

// pendingEmail returns the e-mail that an account has once the latest link to another one is used; "" if none waits.
func (s *store) pendingEmail(ctx context.Context, userID string) (string, error) {
	var row struct{ Email string }
	err := s.db.Query(ctx, &row, `
		SELECT email FROM identity_proofs WHERE user_id = ? AND purpose = ? AND `+s.usable()+`
		ORDER BY created_at DESC LIMIT 1`, userID, Change)
	return row.Email, wrapProof(err, "read which e-mail waits")
}

// voidProofs makes the links for the purposes that are newer than a time useless.
func (s *store) voidProofs(ctx context.Context, userID string, after int64, purposes ...Purpose) error {
	_, err := s.db.Exec(ctx, `
		UPDATE identity_proofs SET used_at = `+s.db.Clock()+`
		WHERE user_id = ? AND purpose IN ? AND used_at = 0 AND created_at > ?`, userID, purposes, after)
	return wrapProof(err, "make links useless")
}

func (s *store) forgetProofs(ctx context.Context, after time.Duration) error {
	_, err := s.db.Exec(ctx, `DELETE FROM identity_proofs WHERE expires_at < `+s.after(-after))
	return wrapProof(err, "forget links")
}

func (s *store) verify(ctx context.Context, userID string) error {
	_, err := s.db.Exec(ctx, `
		UPDATE identity_users SET email_verified_at = `+s.db.Clock()+` WHERE id = ? AND email_verified_at = 0`, userID)
	return wrapProof(err, "note that an e-mail is proved")
}

// verified reports whether the account has proved its e-mail.
func (s *store) verified(ctx context.Context, userID string) (bool, error) {
	var row struct{ EmailVerifiedAt int64 }
	err := s.db.Query(ctx, &row, `SELECT email_verified_at FROM identity_users WHERE id = ?`, userID)
	return row.EmailVerifiedAt > 0, wrapProof(err, "read whether an e-mail is proved")
}

// setEmail replaces the e-mail of an account by one that is proved.
func (s *store) setEmail(ctx context.Context, userID, email string) error {
	_, err := s.db.Exec(ctx, `
		UPDATE identity_users
		SET email = ?, email_folded = ?, email_canonical = ?, email_verified_at = `+s.db.Clock()+` WHERE id = ?`,
		email, fold(email), canonicalEmail(email), userID)
	switch database.UniqueViolation(err) {
	case "identity_users_email_folded_key", "identity_users_email_canonical_key":
		return errEmailTaken.With(err)
	}
	return wrapProof(err, "change an e-mail")
}

// evict takes an e-mail from the account that holds it without having proved it, for one that has, and returns whose it
// was. That account keeps an address that is nobody's. canonical is "" for one that is not the account of its mailbox.
func (s *store) evict(ctx context.Context, userID, email, canonical string) (evicted []string, err error) {
	var rows []struct{ ID string }
	err = s.db.Query(ctx, &rows, `
		UPDATE identity_users
		SET email = id || '@invalid', email_folded = id || '@invalid', email_canonical = ''
		WHERE (email_folded = ? OR email_canonical = ? AND email_canonical <> '') AND id <> ?
			AND email_verified_at = 0 RETURNING id`,
		fold(email), canonical, userID)
	for _, row := range rows {
		evicted = append(evicted, row.ID)
	}
	return evicted, wrapProof(err, "take an e-mail that is not proved")
}

// setPassword replaces the hash; "" is that of no password.
func (s *store) setPassword(ctx context.Context, userID, hash string) error {
	_, err := s.db.Exec(ctx, `UPDATE identity_users SET password_hash = ?, password_at = `+s.db.Clock()+` WHERE id = ?`,
		hash, userID)
	return wrapProof(err, "change a password")
}

// stillHas returns errWrongPassword if the hash is no longer that of the account's password: it was changed since it
// was checked. Otherwise it stays so until the transaction of ctx ends.
func (s *store) stillHas(ctx context.Context, userID, hash string) error {
	same, err := s.db.Exec(ctx, `UPDATE identity_users SET id = id WHERE id = ? AND password_hash = ?`, userID, hash)
	if err == nil && same == 0 {
		return errWrongPassword
	}
	return wrapProof(err, "look at a password again")
}

// forgottenRow is a request for a new password.
type forgottenRow struct{ ID, Email string }

func (s *store) insertForgotten(ctx context.Context, id, email string) error {
	_, err := s.db.Exec(ctx, `INSERT INTO identity_forgotten (id, email, created_at) VALUES (?, ?, `+s.db.Clock()+`)`,
		id, email)
	return wrapProof(err, "keep a request for a new password")
}

func (s *store) forgotten(ctx context.Context, most int) (rows []forgottenRow, err error) {
	err = s.db.Query(ctx, &rows, `SELECT id, email FROM identity_forgotten ORDER BY id LIMIT ?`, most)
	return rows, wrapProof(err, "read requests for a new password")
}

// takeForgotten reports false if somebody else has answered the request.
func (s *store) takeForgotten(ctx context.Context, id string) (bool, error) {
	n, err := s.db.Exec(ctx, `DELETE FROM identity_forgotten WHERE id = ?`, id)
	return n > 0, wrapProof(err, "take a request for a new password")
}

func wrapProof(err error, what string) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
