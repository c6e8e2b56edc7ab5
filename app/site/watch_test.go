package site_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	shownClip = regexp.MustCompile(`name="seen" value="([0-9a-f-]{36})"`)
	nextClip  = regexp.MustCompile(`href="([^"]*)" rel="next" data-next`)
	cardClip  = regexp.MustCompile(`class="cover" href="/v/([0-9a-f-]{36})"`)
)

func (d document) first(t *testing.T, what *regexp.Regexp) string {
	t.Helper()
	found := what.FindStringSubmatch(d.body)
	if found == nil {
		t.Fatalf("the page lacks %s:\n%s", what, d.body)
	}
	return strings.ReplaceAll(found[1], "&amp;", "&")
}

// Without scripts, links lead from one clip to the next in the visitor's own order, and each clip comes once.
func TestWatchingGoesThroughAllClips(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	_, videos := h.crowd(t, 5)
	b := h.browser(t)
	page := b.get(t, "/watch")
	page.has(t, "Video 1 de 5", "te faltan 5 por ver", `rel="canonical" href="`+h.url+`/watch"`)
	shown := map[string]bool{}
	for i := range videos {
		page.has(t, "Video "+strconv.Itoa(i+1)+" de 5")
		shown[page.first(t, shownClip)] = true
		if next := page.first(t, nextClip); i < len(videos)-1 {
			page = b.get(t, next)
		} else if page = b.get(t, next); !strings.Contains(page.body, "Video 1 de 5") {
			t.Error("what was only passed does not come again")
		}
	}
	if len(shown) != 5 {
		t.Errorf("%d clips were shown, want 5", len(shown))
	}
	// The order is the same on the list of videos, and after a reload.
	list := cardClip.FindAllStringSubmatch(b.get(t, "/").body, -1)
	again := b.get(t, "/watch")
	if len(list) != 5 || list[0][1] != again.first(t, shownClip) {
		t.Errorf("the list begins with %v, watching with %s", list, again.first(t, shownClip))
	}
	// Another visitor's differs, and a link carries its own.
	other := h.browser(t)
	if !strings.Contains(other.get(t, again.first(t, nextClip)).body, "Video 2 de 5") {
		t.Error("a link does not carry its order")
	}
}

// A video that has just been hidden is passed over, even before the order of all is read anew.
func TestWatchingPassesOverWhatIsHidden(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	h.crowd(t, 5)
	b := h.browser(t)
	for range 4 {
		id := b.get(t, "/watch?o=7").first(t, shownClip)
		if hidden, err := h.voting.Hide(t.Context(), id); err != nil || !hidden {
			t.Fatal(hidden, err)
		}
		page := b.get(t, "/watch?o=7")
		if page.status != http.StatusOK || page.first(t, shownClip) == id {
			t.Errorf("after a video was hidden, the page answers %d with %s", page.status, page.first(t, shownClip))
		}
		if got := b.get(t, "/watch?o=7&v="+id).status; got != http.StatusGone {
			t.Errorf("the hidden video answers %d", got)
		}
	}
}

// What somebody says that they have seen, or has voted for, does not come again; after the last, the page says so.
func TestWatchingEndsWhenAllIsSeen(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	h.crowd(t, 4)
	for name, step := range map[string]func(b *browser, page document) document{
		"seen": func(b *browser, page document) document {
			return b.post(t, "/watch", "seen", page.first(t, shownClip), "o", "7")
		},
		"voted": func(b *browser, page document) document {
			id := page.first(t, shownClip)
			done := b.post(t, "/v/"+id+"/vote?from=watch&o=7", "vote", "cast")
			if want := "/watch?v=" + id + "&o=7&said=voted#voto"; done.location() != want {
				t.Errorf("a vote leads to %s, want %s", done.location(), want)
			}
			voted := b.get(t, done.location())
			voted.has(t, "Contamos tu voto", "Quitar mi voto")
			if strings.Contains(voted.body, "data-next") {
				done.header.Set("Location", voted.first(t, nextClip))
			} else {
				done.header.Set("Location", "/watch?o=7")
			}
			return done
		},
	} {
		b := h.signedIn(t, h.account(t, "Luz"+name, "Cali")) // what somebody has voted for is seen
		page := b.get(t, "/watch?o=7")
		for left := 4; left > 0; left-- {
			text := "te faltan " + strconv.Itoa(left) + " por ver"
			if left == 1 {
				text = "te falta 1 por ver"
			}
			page.has(t, text)
			page = b.get(t, step(b, page).location())
		}
		if !strings.Contains(page.body, "Ya viste los 4 videos") {
			t.Errorf("%s: the last page is\n%s", name, page.body)
		}
		// They can be watched again, to the end.
		page = b.get(t, regexpFirst(t, page, `href="(/watch\?v=[^"]*)"`))
		for range 3 {
			page = b.get(t, page.first(t, nextClip))
		}
		page.has(t, "Video 4 de 4")
		if strings.Contains(page.body, "data-next") {
			t.Errorf("%s: there is a next one after the last", name)
		}
	}
}

func regexpFirst(t *testing.T, d document, pattern string) string {
	t.Helper()
	return d.first(t, regexp.MustCompile(pattern))
}

// Who votes signed out while watching comes back to the same clip with the vote counted.
func TestAVoteWhileWatchingComesBackToTheClip(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	_, videos := h.crowd(t, 2)
	luz := h.account(t, "Luz", "Cali")
	b := h.browser(t)
	asked := b.post(t, "/v/"+videos[0]+"/vote?from=watch&o=7", "vote", "cast")
	login := b.get(t, asked.location())
	back := "/watch?v=" + videos[0] + "&o=7"
	login.has(t, `name="vote" value="`+videos[0]+`"`, `name="next" value="`+strings.ReplaceAll(back, "&", "&amp;")+`"`)
	done := b.post(t, "/login", "email", luz.Email, "password", password, "vote", videos[0], "next", back)
	if want := back + "&said=voted#voto"; done.location() != want {
		t.Fatalf("signing in leads to %s, want %s", done.location(), want)
	}
	b.get(t, back+"&said=voted").has(t, "Contamos tu voto", "1 voto<")
	// A page that is none of the ballot's does not follow from a vote.
	other := h.browser(t).post(t, "/login", "email", luz.Email, "password", password, "vote", videos[1],
		"next", "/me/votes")
	if want := "/v/" + videos[1] + "?said=voted#voto"; other.location() != want {
		t.Errorf("signing in leads to %s, want %s", other.location(), want)
	}
}

// What an address or a cookie says wrong changes nothing but the order.
func TestWatchingTakesNoHarmFromItsAddress(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	h.crowd(t, 2)
	for _, query := range []string{
		"?o=" + url.QueryEscape(`"><script>`), "?o=99999999999999999999", "?v=none", "?v=&o=-1", "?o=7&o=8",
		"?q=a&page=9&said=voted",
	} {
		b := h.browser(t)
		page := b.get(t, "/watch"+query, "Cookie", "seen=%%%; order=x")
		page.has(t, "Video 1 de 2")
		if strings.Contains(page.body, "<script>") || strings.Contains(page.body, "Gracias") {
			t.Errorf("%s is repeated", query)
		}
	}
	b := h.browser(t)
	for _, seen := range []string{"", "none", strings.Repeat("x", 1000)} {
		if got := b.post(t, "/watch", "seen", seen, "o", "zzzzzzzzzzz"); got.status != http.StatusSeeOther {
			t.Errorf("seen=%.20q answers %d", seen, got.status)
		}
	}
	if got := b.get(t, "/watch?v=0198c000-0000-7000-8000-000000000000").status; got != http.StatusNotFound {
		t.Errorf("a clip that is not there answers %d", got)
	}
}

// A browser's cookie of what it has seen stays small.
func TestTheCookieOfWhatIsSeenIsBounded(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	h.crowd(t, 1)
	b := h.browser(t)
	var cookie string
	for i := range 520 {
		id := "0198c000-0000-7000-8000-" + strings.Repeat("0", 9) + strconv.Itoa(100+i)
		cookie = b.post(t, "/watch", "seen", id, "o", "1").header.Get("Set-Cookie")
	}
	if len(cookie) < 2600 || len(cookie) > 2900 {
		t.Errorf("the cookie has %d bytes", len(cookie))
	}
}

// The list can be in three orders; a search is never mixed.
func TestTheListHasThreeOrders(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	users, videos := h.crowd(t, 14)
	for _, user := range users[:2] {
		if _, err := h.voting.Vote(t.Context(), videos[3], user.ID); err != nil {
			t.Fatal(err)
		}
	}
	b := h.browser(t)
	ids := func(path string) (ids []string) {
		for _, found := range cardClip.FindAllStringSubmatch(b.get(t, path).body, -1) {
			ids = append(ids, found[1])
		}
		return ids
	}
	if got := ids("/?order=recent"); got[0] != videos[13] {
		t.Errorf("the most recent begin with %s, want %s", got[0], videos[13])
	}
	if got := ids("/?order=votes"); got[0] != videos[3] {
		t.Errorf("the most voted begin with %s, want %s", got[0], videos[3])
	}
	all := map[string]bool{}
	for _, id := range append(ids("/"), ids("/?page=2")...) {
		all[id] = true
	}
	if len(all) != 14 {
		t.Errorf("two pages of the mixed order have %d of 14 videos", len(all))
	}
	b.get(t, "/").has(t, `<a href="/" aria-current="true">Al azar</a>`, `<a href="/?order=votes">Más votados</a>`,
		`href="/watch"`)
	search := b.get(t, "/?q=cumbia")
	search.has(t, `<a href="/?order=recent&amp;q=cumbia" aria-current="true">Recientes</a>`)
	if strings.Contains(search.body, "Al azar") {
		t.Error("a search offers to be mixed")
	}
}
