package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"risingstars/platform/text"
)

// BrowserTTL is how long a browser stays signed in after it was last used.
const BrowserTTL = 30 * 24 * time.Hour

const (
	// browserRenewal is how old the time of a browser's last use may become before it is written again.
	browserRenewal = time.Hour
	maxAgent       = 200 // characters of what a browser calls itself
	// mostBrowsers are signed in to an account; one more signs out the one that was used least lately.
	mostBrowsers = 50
)

// SignInBrowser signs a browser in to an account, and returns the token for its cookie. agent is what it calls itself.
func (m *Module) SignInBrowser(ctx context.Context, userID, agent string) (token string, err error) {
	token = rand.Text()
	name := []rune(text.Clean(agent))
	err = m.store.insertBrowser(ctx, browserRow{
		TokenHash: browserHash(token), UserID: userID, Agent: string(name[:min(len(name), maxAgent)]),
	}, time.Now())
	if err != nil {
		return "", fmt.Errorf("sign in a browser: %w", err)
	}
	return token, nil
}

// BrowserCaller returns the account to which the browser with the token is signed in. The error is errNoBrowser if
// there is none.
func (m *Module) BrowserCaller(ctx context.Context, token string) (userID string, err error) {
	now, hash := time.Now(), browserHash(token)
	row, err := m.store.browser(ctx, hash, now)
	if err != nil {
		return "", err
	}
	if row.usedBefore(now.Add(-browserRenewal)) {
		if err := m.store.renewBrowser(ctx, hash, now); err != nil { // who only reads needs no disk that takes writes
			m.log.WarnContext(ctx, "a browser's use was not noted; its next request will do it", "error", err)
		}
	}
	return row.UserID, nil
}

// SignOutBrowser signs out the browser with the token, if it is signed in.
func (m *Module) SignOutBrowser(ctx context.Context, token string) error {
	return m.store.deleteBrowser(ctx, browserHash(token))
}

// browserHash needs no salt: the tokens are random.
func browserHash(token string) string {
	hash := sha256.Sum256([]byte(token))
	return hex.EncodeToString(hash[:])
}
