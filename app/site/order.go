package site

import (
	"encoding/base64"
	"encoding/binary"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"risingstars/modules/voting"
	"risingstars/platform/web"
)

const (
	orderFor = 24 * time.Hour // how long a browser keeps its order of the videos
	seenFor  = 60 * 24 * time.Hour
	mostSeen = 500 // videos that a browser remembers; their cookie has 2.7 KB then
)

// order returns the visitor's own order of the videos: the one that the address carries, else the browser's, else a
// new one. cookies makes the browser keep an order for a day, if it has none.
func (v *visit) order() (seed voting.Shuffle, cookies []string) {
	kept, ok := parseSeed(web.CookieOf(v.Request, "order"))
	seed, carried := parseSeed(v.URL.Query().Get("o"))
	switch {
	case !carried && ok:
		return kept, nil
	case !carried:
		seed = voting.Shuffle(rand.Uint32()) //nolint:gosec // nothing secret depends on it
	case ok:
		return seed, nil
	}
	return seed, []string{web.Cookie(v.Context(), "order", seedText(seed), orderFor)}
}

// seedText writes a seed for addresses and cookies.
func seedText(seed voting.Shuffle) string { return strconv.FormatUint(uint64(seed), 36) }

func parseSeed(text string) (voting.Shuffle, bool) {
	n, err := strconv.ParseUint(text, 36, 32)
	return voting.Shuffle(n), err == nil
}

// seen returns which videos this browser has shown to the end, or its owner has said so.
func (v *visit) seen() []voting.Short {
	kept, err := base64.RawURLEncoding.DecodeString(web.CookieOf(v.Request, "seen"))
	if err != nil {
		return nil
	}
	var seen []voting.Short
	for ; len(kept) >= 4 && len(seen) < mostSeen; kept = kept[4:] {
		seen = append(seen, voting.Short(binary.BigEndian.Uint32(kept)))
	}
	return seen
}

// seenWith returns the videos that the browser has seen with one more, and the cookie for them. The earliest are
// forgotten.
func (v *visit) seenWith(videoID string) ([]voting.Short, string) {
	seen := v.seen()
	if n, ok := voting.ShortOf(videoID); ok {
		seen = append(slices.DeleteFunc(seen, func(other voting.Short) bool { return other == n }), n)
	}
	seen = seen[max(0, len(seen)-mostSeen):]
	var kept []byte
	for _, n := range seen {
		kept = binary.BigEndian.AppendUint32(kept, uint32(n))
	}
	return seen, web.Cookie(v.Context(), "seen", base64.RawURLEncoding.EncodeToString(kept), seenFor)
}

// with adds a parameter to an address of ours.
func with(address, name, value string) string {
	address, part, _ := strings.Cut(address, "#")
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	if address += separator + name + "=" + url.QueryEscape(value); part != "" {
		address += "#" + part
	}
	return address
}
