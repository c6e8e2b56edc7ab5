package diskstore

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Path is the path that Serve expects, and the beginning of every URL.
const Path = "/media/"

// URL returns a URL relative to the site. The URL of a public key is only its path; that of any other key has an expiry
// (Unix seconds, rounded up) and a signature over both.
func (s *Store) URL(_ context.Context, key string, ttl time.Duration) (string, error) {
	if s.isPublic(key) {
		return Path + key, nil
	}
	return s.signed("", Path+key+"?", ttl), nil
}

// PresignPart returns a URL relative to the site, with the upload, the part and its size in it, signed for PUT. It
// takes no lock, because an upload may need thousands of URLs. If the upload has ended, the URL may be refused only
// when it is used.
func (s *Store) PresignPart(
	_ context.Context, key, uploadID string, number int, size int64, ttl time.Duration,
) (string, error) {
	if err := s.checkUpload(key, uploadID); err != nil {
		return "", err
	}
	link := partLink(key, uploadID, strconv.Itoa(number), strconv.FormatInt(size, 10))
	return s.signed(http.MethodPut, link, ttl), nil
}

func partLink(key, uploadID, number, size string) string {
	return Path + key + "?upload=" + uploadID + "&part=" + number + "&size=" + size + "&"
}

// signed adds an expiry (Unix seconds, rounded up) and the signature to a link that ends with "?" or "&".
func (s *Store) signed(method, link string, ttl time.Duration) string {
	end := time.Now().Add(ttl)
	if end.Nanosecond() > 0 {
		end = end.Add(time.Second)
	}
	link += "expires=" + strconv.FormatInt(end.Unix(), 10)
	return link + "&signature=" + sign(s.secrets[0], method, link)
}

// checkLink returns a fault if the signature or the expiry in query does not allow link, which is the signed link
// without those two.
func (s *Store) checkLink(method, link string, query url.Values) error {
	expires := query.Get("expires")
	// This compares the texts and does not decode them, because several base64 texts decode to the same bytes.
	signature := []byte(query.Get("signature"))
	if !slices.ContainsFunc(s.secrets, func(secret []byte) bool {
		return hmac.Equal(signature, []byte(sign(secret, method, link+"expires="+expires)))
	}) {
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

// sign covers the path and, except for reading, the method.
func sign(secret []byte, method, link string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(method + link))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
