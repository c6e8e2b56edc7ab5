package site

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"risingstars/platform/fault"
	"risingstars/platform/web"
)

// Votes that need a proved e-mail wait in their voter's browser, as long as the link of the letter works. The cookie
// names the account, too: whoever signs in next on the same device casts nobody else's votes.
const (
	waitsFor    = 24 * time.Hour
	waitsCookie = "waiting"
	mostWaiting = 20 // so that the cookie stays below 1 KiB
)

// waiting returns the videos for which votes of the account wait in this browser, the latest last.
func (v *visit) waiting(userID string) []string {
	voter, list, _ := strings.Cut(web.CookieOf(v.Request, waitsCookie), ".")
	if userID == "" || voter != userID {
		return nil
	}
	ids := slices.DeleteFunc(strings.Split(list, "."), func(id string) bool { return uuid.Validate(id) != nil })
	return ids[max(0, len(ids)-mostWaiting):]
}

// keeps makes the browser keep the votes of an account for these videos, and no others.
func (v *visit) keeps(userID string, ids []string) []string {
	switch {
	case len(ids) > 0:
		list := strings.Join(ids[max(0, len(ids)-mostWaiting):], ".")
		return []string{web.Cookie(v.Context(), waitsCookie, userID+"."+list, waitsFor)}
	case len(v.waiting(userID)) > 0:
		return []string{web.Cookie(v.Context(), waitsCookie, "", -time.Second)}
	}
	return nil
}

// without returns the videos but for one.
func without(ids []string, id string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(other string) bool { return other == id })
}

// latest returns the videos with one as the last.
func latest(ids []string, id string) []string { return append(without(ids, id), id) }

// counted is what has become of votes that waited.
type counted struct {
	video   string // the latest; "" if there was none
	said    string // what its page says if its vote is cast
	err     error  // why its vote is not
	cookies []string
}

// says returns what the page of the video says, where otherwise is what else has just happened.
func (c counted) says(otherwise string) string {
	switch {
	case needsProof(c.err): // the page says so
		return otherwise
	case c.err != nil: // they can vote on the page itself
		return "unvoted"
	}
	return c.said
}

// castWaiting casts the votes of an account for the videos that wait, but for those that have gone, and before them the
// one for the video that is wanted, if it is not "". A vote that cannot be cast waits on; one that did not wait before
// does so only for a proof.
func (s *Site) castWaiting(v *visit, userID string, waiting []string, wanted string) (c counted) {
	ids := waiting
	if wanted != "" {
		ids = latest(waiting, wanted)
	}
	var left []string
	for _, id := range slices.Backward(ids) {
		if id != wanted && s.gone(v.Context(), id) {
			continue
		}
		said, err := "", c.err
		if !needsProof(err) { // which the others lack, too
			said, err = s.castFor(v.Context(), id, userID)
		}
		if c.video == "" {
			c.video, c.said, c.err = id, said, err
		}
		if needsProof(err) || err != nil && slices.Contains(waiting, id) {
			left = append(left, id)
		}
	}
	slices.Reverse(left)
	c.cookies = v.keeps(userID, left)
	return c
}

// gone reports whether a video is not shown.
func (s *Site) gone(ctx context.Context, videoID string) bool {
	_, err := s.voting.EntryOf(ctx, videoID)
	kind := fault.From(err).Kind
	return kind == fault.NotFound || kind == fault.Gone
}

// needsProof reports whether something is refused because the caller's e-mail is not proved.
func needsProof(err error) bool {
	f, ok := errors.AsType[*fault.Error](err)
	return ok && f.Code == "email_unverified"
}
