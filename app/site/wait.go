package site

import (
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"risingstars/platform/fault"
	"risingstars/platform/web"
)

// A vote that needs a proved e-mail waits in its voter's browser, as long as the link of the letter works. The cookie
// names the account, too: whoever signs in next on the same device casts nobody else's vote.
const (
	waitsFor    = 24 * time.Hour
	waitsCookie = "waiting"
)

// waits makes the browser keep a vote.
func (v *visit) waits(userID, videoID string) string {
	return web.Cookie(v.Context(), waitsCookie, userID+"."+videoID, waitsFor)
}

// waiting returns the video for which a vote of the account waits in this browser; "" if none does.
func (v *visit) waiting(userID string) string {
	voter, id, _ := strings.Cut(web.CookieOf(v.Request, waitsCookie), ".")
	if userID == "" || voter != userID || uuid.Validate(id) != nil {
		return ""
	}
	return id
}

// waitsNoMore makes the browser forget a vote of the account, if one waits.
func (v *visit) waitsNoMore(userID string) []string {
	if v.waiting(userID) == "" {
		return nil
	}
	return []string{web.Cookie(v.Context(), waitsCookie, "", -time.Second)}
}

// needsProof reports whether something is refused because the caller's e-mail is not proved.
func needsProof(err error) bool {
	f, ok := errors.AsType[*fault.Error](err)
	return ok && f.Code == "email_unverified"
}
