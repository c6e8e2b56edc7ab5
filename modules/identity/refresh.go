package identity

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// A refresh token is a secret and, after a dot, the seal of the secret's hash and the session's id. The secret alone
// decides whether the token is valid, so that it outlives a change of SECRET_KEY. The seal proves of a token that is
// valid no more that it once was, so that no list of used ones has to be kept.
const (
	secretSize = 26 // characters: those of rand.Text
	sealedHash = 16 // bytes of the hash in the seal
	// refreshGrace is how long the token before the present one still gives the present one: to somebody who clicked
	// twice, or whose answer was lost. Whoever has stolen it gets no more than its owner has, and is found out by the
	// next use.
	refreshGrace = time.Minute
)

// Refresh exchanges a refresh token for an access token and the next refresh token. Within refreshGrace the same token
// gives the same next one, unless that was used already. Any other use of an old one ends its session: either the
// program or a thief has used it before, and nobody can tell which. A token that never was one of ours ends nothing.
func (m *Module) Refresh(ctx context.Context, token, network string) (Session, error) {
	secret, seal, _ := strings.Cut(token, ".")
	if len(secret) != secretSize || len(token) != len(m.refreshToken(secret, uuid.Nil.String())) {
		return Session{}, errBadRefresh
	}
	hash := tokenHash(secret)
	const tries = 3 // others may use the token in between
	for range tries {
		row, found, err := m.store.program(ctx, hash)
		switch {
		case err != nil:
			return Session{}, err
		case !found:
			return Session{}, m.usedBefore(ctx, secret, seal)
		case row.expired():
			return Session{}, errBadRefresh
		case row.TokenHash != hash && row.Now-row.RotatedAt >= refreshGrace.Microseconds():
			return Session{}, m.endReused(ctx, row)
		}
		if err := m.MaySignIn(ctx, row.UserID); err != nil {
			return Session{}, err
		}
		if row.TokenHash != hash {
			return m.resume(row, nextSecret(row.Seed, secret))
		}
		seed := rand.Text()
		next := nextSecret(seed, secret)
		rotated, err := m.store.rotate(ctx, row, tokenHash(next), seed, network, m.sessionTTL)
		if err != nil {
			return Session{}, err
		}
		if rotated {
			return m.resume(row, next)
		}
	}
	return Session{}, errBadRefresh
}

// resume returns what a program goes on with.
func (m *Module) resume(row sessionRow, secret string) (s Session, err error) {
	s.UserID, s.ID, s.Refresh = row.UserID, row.id(), m.refreshToken(secret, row.id())
	if s.Token, s.TTL, err = m.tokens.Issue(row.UserID, s.ID); err != nil {
		return Session{}, fmt.Errorf("refresh a session: %w", err)
	}
	return s, nil
}

// usedBefore ends the session of a token that is neither the present one nor the one before, if it ever was.
func (m *Module) usedBefore(ctx context.Context, secret, seal string) error {
	data, err := m.seals.Open(seal)
	sum := sha256.Sum256([]byte(secret))
	if err != nil || len(data) != len(uuid.Nil)+sealedHash || !hmac.Equal(data[len(uuid.Nil):], sum[:sealedHash]) {
		return errBadRefresh
	}
	row, found, err := m.store.programByID(ctx, uuid.UUID(data[:len(uuid.Nil)]).String())
	if err != nil {
		return err
	}
	if !found {
		return errBadRefresh
	}
	return m.endReused(ctx, row)
}

func (m *Module) endReused(ctx context.Context, row sessionRow) error {
	if err := m.end(ctx, row.UserID, []sessionRow{row}); err != nil {
		return err
	}
	m.log.WarnContext(ctx, "a session was ended: its refresh token was used twice", "user_id", row.UserID,
		"session_id", row.id())
	return errRefreshReused
}

func (m *Module) refreshToken(secret, sessionID string) string {
	sum, id := sha256.Sum256([]byte(secret)), uuid.MustParse(sessionID)
	return secret + "." + m.seals.Seal(append(id[:], sum[:sealedHash]...))
}

// nextSecret is computed from the one before, so that it can be given again without being kept. Whoever has the
// database lacks the one before, and whoever has that lacks the seed.
func nextSecret(seed, secret string) string {
	mac := hmac.New(sha256.New, []byte(seed))
	mac.Write([]byte(secret))
	return base32.StdEncoding.EncodeToString(mac.Sum(nil))[:secretSize]
}
