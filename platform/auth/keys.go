package auth

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// Keys derives a key for each purpose from the secret of the deployment (HKDF, RFC 5869), so that what one purpose
// signs proves nothing to another. A previous secret is accepted and signs nothing, so that a secret can be replaced
// while what the old one signed is still in use.
type Keys struct {
	secrets [][]byte // the current one first
}

// Key is a derived key. Its ID names it, and tells nothing about it.
type Key struct {
	ID    string
	Bytes []byte // 32
}

// NewKeys returns the keys of secret. An empty previous secret is ignored.
func NewKeys(secret, previous []byte) *Keys {
	k := &Keys{secrets: [][]byte{secret}}
	if len(previous) > 0 {
		k.secrets = append(k.secrets, previous)
	}
	return k
}

// For returns the keys for a purpose: first the one that signs, then those that are accepted as well.
func (k *Keys) For(purpose string) []Key {
	var keys []Key
	for _, secret := range k.secrets {
		keys = append(keys, Key{
			ID:    base64.RawURLEncoding.EncodeToString(derive(secret, purpose+" id", 6)),
			Bytes: derive(secret, purpose+" key", sha256.Size),
		})
	}
	return keys
}

// Undivided returns the secrets as they are. They signed everything before there was a key for each purpose: a token or
// a link of then has no key id, and is accepted until it expires.
func (k *Keys) Undivided() [][]byte { return k.secrets }

func derive(secret []byte, purpose string, size int) []byte {
	key, err := hkdf.Key(sha256.New, secret, nil, "rising-stars-showcase "+purpose, size)
	if err != nil {
		panic(fmt.Sprintf("derive a key: %v", err)) // only for a size that is too large
	}
	return key
}
