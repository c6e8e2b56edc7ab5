package diskstore

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strconv"
	"time"
)

// Path is where Handler belongs and what every URL begins with.
const Path = "/media/"

// URL is relative to the site: bare for a public key, else with an expiry (Unix seconds, rounded up) and a signature over both.
func (s *Store) URL(_ context.Context, key string, ttl time.Duration) (string, error) {
	if s.isPublic(key) {
		return Path + key, nil
	}
	end := time.Now().Add(ttl)
	if end.Nanosecond() > 0 {
		end = end.Add(time.Second)
	}
	expires := strconv.FormatInt(end.Unix(), 10)
	return Path + key + "?expires=" + expires + "&signature=" + s.sign(key, expires), nil
}

// checkLink returns the fault of a signed link, nil when there is none.
func (s *Store) checkLink(key string, query url.Values) error {
	expires := query.Get("expires")
	// The texts are compared, not what they decode to: base64 has several spellings of the same bytes.
	if !hmac.Equal([]byte(query.Get("signature")), []byte(s.sign(key, expires))) {
		return errLinkInvalid
	}
	end, err := strconv.ParseInt(expires, 10, 64)
	if err != nil {
		return errLinkInvalid
	}
	if time.Now().Unix() >= end {
		return errLinkExpired
	}
	return nil
}

// sign covers the path, so that no signature of another purpose made with the same secret fits.
func (s *Store) sign(key, expires string) string {
	mac := hmac.New(sha256.New, s.secret)
	mac.Write([]byte(Path + key + "?expires=" + expires))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
