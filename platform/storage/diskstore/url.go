package diskstore

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
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
	return s.signed("", Path+key+"?", ttl), nil
}

// PresignPart is relative to the site: it names the upload, the part and its size, and is signed like other links, as one for PUT. It
// takes no lock, as an upload needs thousands of links; that of an upload that has ended may be refused only when it is used.
func (s *Store) PresignPart(_ context.Context, key, uploadID string, number int, size int64, ttl time.Duration) (string, error) {
	if err := s.findDirect(key, uploadID); err != nil {
		return "", err
	}
	return s.signed(http.MethodPut, partLink(key, uploadID, strconv.Itoa(number), strconv.FormatInt(size, 10)), ttl), nil
}

func partLink(key, uploadID, number, size string) string {
	return Path + key + "?upload=" + uploadID + "&part=" + number + "&size=" + size + "&"
}

// signed adds an expiry (Unix seconds, rounded up) and the signature to a link that ends where a query goes on.
func (s *Store) signed(method, link string, ttl time.Duration) string {
	end := time.Now().Add(ttl)
	if end.Nanosecond() > 0 {
		end = end.Add(time.Second)
	}
	link += "expires=" + strconv.FormatInt(end.Unix(), 10)
	return link + "&signature=" + s.sign(method, link)
}

// checkLink returns the fault of a signed link, given without its expiry and signature; nil when there is none.
func (s *Store) checkLink(method, link string, query url.Values) error {
	expires := query.Get("expires")
	// The texts are compared, not what they decode to: base64 has several spellings of the same bytes.
	if !hmac.Equal([]byte(query.Get("signature")), []byte(s.sign(method, link+"expires="+expires))) {
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

// sign covers the path and, but for reading, the method, so that no signature of another purpose made with the same secret fits.
func (s *Store) sign(method, link string) string {
	mac := hmac.New(sha256.New, s.secret)
	mac.Write([]byte(method + link))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
