// Package idempotency lets a client repeat a request without repeating its effect: whoever sends the same key with the
// same request gets the answer of the first one, for 24 hours, from any process
// (draft-ietf-httpapi-idempotency-key-header).
//
// An attempt claims its key in the database before it does anything, and keeps its answer there before the client gets
// it. While it runs it renews a lease, so that the key of a process that was killed is free after a few seconds. The
// next attempt then resumes: it has the same subject, the id of what the operation creates, and so it finds what the
// first one may have finished. An attempt that has failed without any effect leaves nothing behind.
//
// What counts as the same request is for the caller to say, by a fingerprint. How many keys an account may use is, too.
package idempotency

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"risingstars/platform/database"
	"risingstars/platform/fault"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations returns the migrations of the package's table.
func Migrations() database.Migrations { return database.NewMigrations("idempotency", files) }

const (
	// Lifetime is how long a key stands for its answer.
	Lifetime = 24 * time.Hour

	lease      = 10 * time.Second
	renewEvery = 3 * time.Second
	// endTimeout is how long an attempt may take to note how it has ended.
	endTimeout = 5 * time.Second
	// retryAfter is when whoever meets another attempt should come again, in seconds.
	retryAfter = 2
)

// Faults of keys.
var (
	ErrInProgress = fault.New(fault.Concurrent, "idempotency_in_progress",
		"Otra petición con la misma Idempotency-Key está en curso.",
		"Another request with the same Idempotency-Key is in progress.").WithRetryAfter(retryAfter)
	ErrMismatch = fault.New(fault.Invalid, "idempotency_mismatch",
		"Esta Idempotency-Key ya se usó con otra petición. Usa una clave nueva para cada petición distinta.",
		"This Idempotency-Key was used with another request. Use a new key for each different request.")
)

// Faults returns the faults that this package declares, for the catalogue of errors.
func Faults() []*fault.Error { return []*fault.Error{ErrInProgress, ErrMismatch} }

// Store keeps keys in a database. It is safe for concurrent use.
type Store struct {
	db *database.DB
}

// New returns a store in the database, which must have its table.
func New(db *database.DB) *Store { return &Store{db: db} }

// Claim is one attempt at an operation. End it with Finish or Release; either may be called again.
type Claim struct {
	// Subject is the id of what the operation creates: the same in every attempt, a UUIDv7.
	Subject string
	// Resumed reports whether an earlier attempt has ended without saying how: it may have had its effect.
	Resumed bool
	// Answer is that of the attempt that has succeeded, "" if none has. Then there is nothing to end.
	Answer string

	store       *Store
	id, attempt string
	fingerprint string
	stop        context.CancelFunc
	stopped     chan struct{}
}

type row struct {
	Subject, Attempt, Fingerprint, Answer string
	Left, Lease                           int64 // of its life and of its lease, in microseconds
}

// Claim begins an attempt at an operation of an account. The error is ErrInProgress while another attempt runs.
func (s *Store) Claim(ctx context.Context, account, operation, key string) (*Claim, error) {
	hash := sha256.Sum256(fmt.Appendf(nil, "%d %s %d %s %s", len(account), account, len(operation), operation, key))
	c := &Claim{
		Subject: uuid.Must(uuid.NewV7()).String(), store: s,
		id: base64.RawURLEncoding.EncodeToString(hash[:]), attempt: uuid.Must(uuid.NewV7()).String(),
	}
	const tries = 3 // others may claim, end or expire in between
	for range tries {
		claimed, err := c.take(ctx)
		if err != nil {
			return nil, fmt.Errorf("claim an idempotency key: %w", err)
		}
		if claimed {
			if c.Answer == "" {
				c.keep(ctx)
			}
			return c, nil
		}
	}
	return nil, ErrInProgress
}

// take tries to claim the key once. It reports false if the key changed in between.
func (c *Claim) take(ctx context.Context) (bool, error) {
	db := c.store.db
	now := db.Clock()
	added, err := db.Exec(ctx, `
		INSERT INTO idempotency_keys (id, subject, attempt, lease_until, expires_at)
		VALUES (?, ?, ?, `+now+` + ?, `+now+` + ?) ON CONFLICT (id) DO NOTHING`,
		c.id, c.Subject, c.attempt, lease.Microseconds(), Lifetime.Microseconds())
	if err != nil || added > 0 {
		return added > 0, err
	}
	var found []row
	err = db.Query(ctx, &found, `SELECT subject, attempt, fingerprint, answer,
		expires_at - `+now+` AS left, lease_until - `+now+` AS lease FROM idempotency_keys WHERE id = ?`, c.id)
	if err != nil || len(found) == 0 {
		return false, err
	}
	switch r := found[0]; {
	case r.Left <= 0 && (r.Answer != "" || r.Lease <= 0):
		_, err := db.Exec(ctx, `DELETE FROM idempotency_keys WHERE id = ? AND attempt = ?`, c.id, r.Attempt)
		return false, err
	case r.Answer != "":
		c.Answer, c.fingerprint, c.Subject = r.Answer, r.Fingerprint, r.Subject
		return true, nil
	case r.Lease > 0:
		return false, ErrInProgress
	default:
		resumed, err := db.Exec(ctx, `UPDATE idempotency_keys SET attempt = ?, lease_until = `+now+` + ?
			WHERE id = ? AND attempt = ? AND answer = ''`, c.attempt, lease.Microseconds(), c.id, r.Attempt)
		if err != nil || resumed == 0 {
			return false, err
		}
		c.Subject, c.fingerprint, c.Resumed = r.Subject, r.Fingerprint, true
		return true, nil
	}
}

// keep renews the lease until the attempt ends. A renewal that fails is tried again; if the lease lapses meanwhile,
// another attempt may begin beside this one, with the same subject.
func (c *Claim) keep(ctx context.Context) {
	ctx, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	c.stopped = make(chan struct{})
	go func() {
		defer close(c.stopped)
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(renewEvery):
			}
			_, _ = c.store.db.Exec(ctx, `UPDATE idempotency_keys SET lease_until = `+c.store.db.Clock()+` + ?
				WHERE id = ? AND attempt = ? AND answer = ''`, lease.Microseconds(), c.id, c.attempt)
		}
	}()
}

// Match notes what the request is. It returns ErrMismatch if an earlier one with this key was another. Call it before
// the operation has any effect.
func (c *Claim) Match(ctx context.Context, fingerprint string) error {
	if c.fingerprint != "" {
		if c.fingerprint != fingerprint {
			return ErrMismatch
		}
		return nil
	}
	c.fingerprint = fingerprint
	_, err := c.store.db.Exec(ctx, `UPDATE idempotency_keys SET fingerprint = ? WHERE id = ? AND attempt = ?`,
		fingerprint, c.id, c.attempt)
	if err != nil {
		return fmt.Errorf("note the request of an idempotency key: %w", err)
	}
	return nil
}

// Finish keeps the answer of an attempt that has succeeded, even if ctx has ended. After an error the key is free: the
// next attempt resumes.
func (c *Claim) Finish(ctx context.Context, answer string) error {
	now := c.store.db.Clock()
	return c.end(ctx, `UPDATE idempotency_keys SET answer = ?, expires_at = `+now+` + ? WHERE id = ? AND attempt = ?`,
		answer, Lifetime.Microseconds(), c.id, c.attempt)
}

// Release frees the key of an attempt that has failed, even if ctx has ended. An attempt that certainly had no effect,
// nor resumed one, is forgotten.
func (c *Claim) Release(ctx context.Context, withoutEffect bool) error {
	if withoutEffect && !c.Resumed {
		return c.end(ctx, `DELETE FROM idempotency_keys WHERE id = ? AND attempt = ? AND answer = ''`, c.id, c.attempt)
	}
	return c.end(ctx, `UPDATE idempotency_keys SET lease_until = 0 WHERE id = ? AND attempt = ? AND answer = ''`,
		c.id, c.attempt)
}

var errLost = errors.New("another attempt has taken the key")

func (c *Claim) end(ctx context.Context, statement string, args ...any) error {
	if c.stop == nil {
		return nil
	}
	c.stop()
	<-c.stopped
	c.stop = nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	changed, err := c.store.db.Exec(ctx, statement, args...)
	if err == nil && changed == 0 {
		err = errLost
	}
	if err != nil {
		return fmt.Errorf("end an attempt at an idempotency key: %w", err)
	}
	return nil
}
