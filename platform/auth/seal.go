package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// sealSize is how many bytes of the HMAC a seal has.
const sealSize = 16

// Seals marks texts that clients carry back unchanged, such as where a page ended. It hides nothing.
type Seals struct {
	keys []Key
}

// NewSeals returns Seals for one purpose; those of other purposes are not accepted.
func NewSeals(keys *Keys, purpose string) *Seals { return &Seals{keys.For("seals of " + purpose)} }

// Seal returns data with its seal (HMAC-SHA256, RFC 2104, cut to 16 bytes), in the letters of a URL.
func (s *Seals) Seal(data []byte) string {
	return base64.RawURLEncoding.EncodeToString(append(seal(s.keys[0], data), data...))
}

// Open returns what was sealed, or ErrBadToken.
func (s *Seals) Open(sealed string) ([]byte, error) {
	all, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil || len(all) < sealSize {
		return nil, fmt.Errorf("open a seal: %w", ErrBadToken)
	}
	for _, key := range s.keys {
		if hmac.Equal(all[:sealSize], seal(key, all[sealSize:])) {
			return all[sealSize:], nil
		}
	}
	return nil, fmt.Errorf("open a seal: %w", ErrBadToken)
}

func seal(key Key, data []byte) []byte {
	mac := hmac.New(sha256.New, key.Bytes)
	mac.Write(data)
	return mac.Sum(nil)[:sealSize]
}
