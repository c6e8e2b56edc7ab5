package site

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"risingstars/modules/identity"
	"risingstars/modules/voting"
	"risingstars/platform/auth"
	"risingstars/platform/fault"
	"risingstars/platform/limit"
	"risingstars/platform/web"
)

// cookieTTL is the most that browsers keep a cookie. What ends a session is its row, which use renews.
const cookieTTL = 400 * 24 * time.Hour

// Wish is what somebody wanted before they were asked to sign in.
type Wish struct {
	Next string // a Spanish address of ours
	Vote string // the id of a video to vote for; "" if none

	Proof bool // votes require a proved e-mail
}

func (s *Site) wishOf(values url.Values) Wish {
	w := Wish{Next: ours(values.Get("next")), Proof: s.voting.RequiresProof()}
	if id := values.Get("vote"); uuid.Validate(id) == nil {
		w.Vote = id
		if !strings.HasPrefix(w.Next, "/watch?v="+id+"&") {
			w.Next = w.plain()
		}
	}
	return w
}

// plain is where a wish leads that names no page.
func (w Wish) plain() string {
	if w.Vote != "" {
		return "/v/" + w.Vote
	}
	return "/"
}

// Leads reports whether the wish names a page that does not follow from the rest of it.
func (w Wish) Leads() bool { return w.Next != w.plain() }

// Why returns the id of a text that says why one is asked to sign in; "" if nothing was wished for.
func (w Wish) Why() string {
	switch {
	case w.Vote != "" && w.Proof:
		return "wish.vote.proof"
	case w.Vote != "":
		return "wish.vote"
	case strings.HasPrefix(w.Next, "/upload"):
		return "wish.upload"
	case w.Next != "/":
		return "wish.next"
	}
	return ""
}

// Query returns the wish as a query, so that it is carried from sign-in to sign-up and back.
func (w Wish) Query() string {
	values := url.Values{}
	if w.Vote != "" {
		values.Set("vote", w.Vote)
	}
	if w.Leads() {
		values.Set("next", w.Next)
	}
	if len(values) == 0 {
		return ""
	}
	return "?" + values.Encode()
}

// ours returns an address of a page of ours, or "/" for any other.
func ours(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil, u.Scheme != "", u.Host != "", u.User != nil, u.Opaque != "",
		!strings.HasPrefix(u.Path, "/"), strings.HasPrefix(u.Path, "//"), strings.ContainsAny(address, "\\\r\n\t"):
		return "/"
	}
	return (&url.URL{Path: u.Path, RawQuery: u.RawQuery}).String()
}

// enter signs the browser in, does what its owner wished for, and answers with the page that they wanted.
func (s *Site) enter(v *visit, who identity.Visitor, device, said string, w Wish) (web.View, error) {
	ctx := v.Context()
	who.Agent, who.Network = web.Agent(ctx), web.Network(ctx)
	token, err := s.identity.SignInBrowser(ctx, who)
	if err != nil {
		return web.View{}, err
	}
	if old := web.BrowserToken(v.Request); old != "" {
		if err := s.identity.SignOutBrowser(ctx, old); err != nil {
			return web.View{}, err
		}
	}
	cookies := []string{web.BrowserCookie(ctx, token, cookieTTL)}
	if device != "" {
		cookies = append(cookies, web.Cookie(ctx, "device", device, auth.DeviceTTL))
	}
	if w.Vote == "" && w.Leads() {
		return v.goTo(with(w.Next, "said", said), cookies...)
	}
	votes := s.castWaiting(v, who.UserID, v.waiting(who.UserID), w.Vote)
	cookies = append(cookies, votes.cookies...)
	if votes.video == "" {
		return v.goTo(with(w.Next, "said", said), cookies...)
	}
	if w.Vote == "" {
		w.Next = "/v/" + votes.video
	}
	return v.goTo(with(w.Next, "said", votes.says(said))+"#voto", cookies...)
}

// castFor casts a vote that was wished for before, by the budgets of any vote.
func (s *Site) castFor(ctx context.Context, videoID, userID string) (said string, err error) {
	if err := s.take(ctx, voting.BallotBudgets(), userID); err != nil {
		return "", err
	}
	return s.cast(ctx, videoID, userID, true)
}

// take counts what an address does beside what its route is counted for.
func (s *Site) take(ctx context.Context, budgets []limit.Budget, userID string) error {
	for _, b := range budgets {
		key := userID
		if b.By == limit.Client {
			key = web.Client(ctx)
		}
		if err := s.limits.Take(ctx, b, key); err != nil {
			return err
		}
	}
	return nil
}

// cast casts or removes a vote, and returns what the page says then.
func (s *Site) cast(ctx context.Context, videoID, userID string, wanted bool) (said string, err error) {
	said = "voted"
	if wanted {
		_, err = s.voting.Vote(ctx, videoID, userID)
	} else {
		said = "withdrawn"
		_, err = s.voting.Unvote(ctx, videoID, userID)
	}
	f, isFault := errors.AsType[*fault.Error](err)
	switch {
	case err == nil:
		return said, nil
	case isFault && f.Code == "self_vote":
		return "self", nil
	case isFault && (f.Code == "already_voted" || f.Code == "not_voted"): // it is as they want it
		return said, nil
	}
	return "", err
}
