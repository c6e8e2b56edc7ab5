package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"fmt"
)

// Vault keeps secrets that the service itself has to read again (AES-256-GCM), so that the database alone tells
// nothing. What a previous secret of the deployment has closed can be opened as long as that is known.
type Vault struct {
	keys []cipher.AEAD // the present one first
}

// NewVault returns a Vault for one purpose; it opens nothing of others.
func NewVault(keys *Keys, purpose string) *Vault {
	v := &Vault{}
	for _, key := range keys.For("vault of " + purpose) {
		block, err := aes.NewCipher(key.Bytes)
		if err == nil {
			var sealed cipher.AEAD
			if sealed, err = cipher.NewGCMWithRandomNonce(block); err == nil {
				v.keys = append(v.keys, sealed)
			}
		}
		if err != nil {
			panic(fmt.Sprintf("make a vault: %v", err)) // only for a key of another size
		}
	}
	return v
}

// Close returns the secret as a text that only Open, with the same owner, can read.
func (v *Vault) Close(secret, owner string) string {
	sealed := v.keys[0].Seal(nil, nil, []byte(secret), []byte(owner)) //nolint:gosec // it adds a random nonce itself
	return base64.RawURLEncoding.EncodeToString(sealed)
}

// Open returns what was closed for the owner, or ErrBadToken.
func (v *Vault) Open(closed, owner string) (string, error) {
	data, err := base64.RawURLEncoding.DecodeString(closed)
	if err != nil {
		return "", fmt.Errorf("open a vault: %w", ErrBadToken)
	}
	for _, key := range v.keys {
		if secret, err := key.Open(nil, nil, data, []byte(owner)); err == nil {
			return string(secret), nil
		}
	}
	return "", fmt.Errorf("open a vault: %w", ErrBadToken)
}
