package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"risingstars/platform/disk"
	"risingstars/platform/text"
)

// DefaultSessionTTL is how long a browser or a program stays signed in after it was last used.
const DefaultSessionTTL = 30 * 24 * time.Hour

const (
	// browserRenewal is how old the time of a browser's last use may become before it is written again.
	browserRenewal = time.Hour
	maxAgent       = 200 // characters of what a browser or a program calls itself
	// mostSessions of each kind are signed in to an account; one more ends the one that was used least lately. Programs
	// that sign in anew for each access token have more, until these have expired.
	mostSessions = 50
	// mostPrograms are signed in to an account in any case.
	mostPrograms = 500
)

// SignedIn is a browser or a program that is signed in to an account.
type SignedIn struct {
	ID        string
	Browser   bool
	Agent     string // what it calls itself
	Network   string // of its last use, to within the hour
	CreatedAt time.Time
	UsedAt    time.Time // to within the hour
	ExpiresAt time.Time // unless it is used before
}

// Visitor is who signs in, and with what.
type Visitor struct {
	UserID  string
	Agent   string // what the browser or the program calls itself
	Network string // part of its address
	Ticket  string // that their password was right, if a code is asked for
	proof   string // the hash of the password that was right; "" after a sign-up
	factor  int64  // since when the second factor holds that was asked for; 0: none was
}

// SignInBrowser signs a browser in to an account, and returns the token for its cookie.
func (m *Module) SignInBrowser(ctx context.Context, v Visitor) (token string, err error) {
	token = rand.Text()
	err = m.open(ctx, v, sessionRow{TokenHash: tokenHash(token), Kind: kindBrowser}, newSessionID())
	if err != nil {
		return "", fmt.Errorf("sign in a browser: %w", err)
	}
	return token, nil
}

// open writes a new session of a visitor.
func (m *Module) open(ctx context.Context, v Visitor, row sessionRow, id string) error {
	agent := []rune(text.Clean(v.Agent))
	row.UserID, row.ID, row.Network, row.Agent = v.UserID, &id, v.Network, string(agent[:min(len(agent), maxAgent)])
	var ended []sessionRow
	room := func(others []sessionRow) []sessionRow {
		ended = m.surplus(others, row.Kind)
		return ended
	}
	err := m.store.insertSession(ctx, row, v, m.sessionTTL, m.endingLife(), room)
	if err == nil && len(ended) > 0 {
		m.learn(ctx, idsOf(ended)...)
	}
	return err
}

// surplus returns which of an account's sessions, the last used first, end for a new one of a kind.
func (m *Module) surplus(others []sessionRow, kind string) (ending []sessionRow) {
	same := 0
	for _, row := range others {
		if row.Kind != kind {
			continue
		}
		same++
		idle := kind == kindBrowser || !row.usedWithin(m.tokens.TTL())
		if same >= mostPrograms || same >= mostSessions && idle {
			ending = append(ending, row)
		}
	}
	return ending
}

// BrowserCaller returns the account to which the browser with the token is signed in, and its session. The error is
// errNoBrowser if there is none. network is part of the browser's address.
func (m *Module) BrowserCaller(ctx context.Context, token, network string) (userID, sessionID string, err error) {
	hash := tokenHash(token)
	row, err := m.store.browser(ctx, hash)
	if err != nil {
		return "", "", err
	}
	if !row.usedWithin(browserRenewal) { // who only reads needs no disk that takes writes
		if err := m.store.renewBrowser(ctx, hash, network, m.sessionTTL); err != nil {
			m.log.WarnContext(ctx, "a browser's use was not noted; its next request will do it", "error", err)
		}
	}
	return row.UserID, row.id(), nil
}

// SignOutBrowser signs out the browser with the token, if it is signed in.
func (m *Module) SignOutBrowser(ctx context.Context, token string) error {
	return m.store.deleteBrowser(ctx, tokenHash(token))
}

// Sessions returns what is signed in to an account, the last used first.
func (m *Module) Sessions(ctx context.Context, userID string) ([]SignedIn, error) {
	rows, err := m.store.sessions(ctx, userID)
	if err != nil {
		return nil, err
	}
	sessions := make([]SignedIn, 0, len(rows))
	for _, row := range rows {
		if !row.expired() {
			sessions = append(sessions, row.session())
		}
	}
	return sessions, nil
}

// EndSession ends one session of an account. The error is errSessionNotFound if the account has no such session.
func (m *Module) EndSession(ctx context.Context, userID, id string) error {
	rows, err := m.store.sessions(ctx, userID)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.id() == id && !row.expired() {
			return m.end(ctx, userID, []sessionRow{row})
		}
	}
	return errSessionNotFound
}

// EndAll ends all sessions of an account, and with them their access tokens, but for the session kept; "" keeps
// none. Whoever signs in at the same moment is either ended or finds what the transaction of ctx has changed in the
// account. It is what a new password, a suspension and a deletion call, in the transaction of their change.
func (m *Module) EndAll(ctx context.Context, userID, kept string) error {
	var ids []string
	err := m.store.db.InTx(ctx, func(ctx context.Context) error {
		if err := m.store.lockAccount(ctx, userID); err != nil {
			return err
		}
		rows, err := m.store.sessions(ctx, userID)
		if err != nil {
			return err
		}
		ending := make([]sessionRow, 0, len(rows))
		for _, row := range rows {
			if row.id() != kept {
				ending = append(ending, row)
			}
		}
		if err := m.store.deleteSessions(ctx, userID, ending, m.endingLife()); err != nil {
			return err
		}
		ids = append(idsOf(ending), userID)
		return m.store.noteEndings(ctx, []string{userID}, m.endingLife()) // for tokens without a session
	})
	if err != nil {
		return fmt.Errorf("end the sessions of an account: %w", err)
	}
	m.learn(ctx, ids...)
	return nil
}

func (m *Module) end(ctx context.Context, userID string, rows []sessionRow) error {
	if err := m.store.deleteSessions(ctx, userID, rows, m.endingLife()); err != nil {
		return err
	}
	m.learn(ctx, idsOf(rows)...)
	return nil
}

func idsOf(rows []sessionRow) []string {
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = row.id()
	}
	return ids
}

// openProgram opens the session of a program and issues its first tokens. A disk without space refuses no sign-in: the
// access token then belongs to no session, and there is no refresh token.
func (m *Module) openProgram(ctx context.Context, v Visitor) (s Session, err error) {
	s.UserID, s.ID = v.UserID, newSessionID()
	secret := rand.Text()
	err = m.open(ctx, v, sessionRow{TokenHash: tokenHash(secret), Kind: kindProgram}, s.ID)
	switch {
	case errors.Is(err, disk.ErrFull):
		m.log.WarnContext(ctx, "a session was not kept", "error", err)
		s.ID = ""
	case err != nil:
		return Session{}, err
	default:
		s.Refresh = m.refreshToken(secret, s.ID)
	}
	s.Token, s.TTL, err = m.tokens.Issue(v.UserID, s.ID)
	return s, err
}

func newSessionID() string { return uuid.Must(uuid.NewV7()).String() }

// tokenHash needs no salt: the tokens are random.
func tokenHash(token string) string {
	hash := sha256.Sum256([]byte(token))
	return hex.EncodeToString(hash[:])
}
