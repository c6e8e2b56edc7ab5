package webhooks

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	secretPrefix = "whsec_"
	secretBytes  = 32
)

// newSecret returns a secret as receivers are given it.
func newSecret() string {
	key := make([]byte, secretBytes)
	rand.Read(key) // documented to never fail
	return secretPrefix + base64.StdEncoding.EncodeToString(key)
}

// signatures returns the header webhook-signature: a signature by each secret.
func signatures(secrets []string, id string, at time.Time, payload []byte) (string, error) {
	var all []string
	for _, secret := range secrets {
		signer, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			return "", fmt.Errorf("read the secret of a webhook: %w", err)
		}
		signature, err := signer.Sign(id, at, payload)
		if err != nil {
			return "", fmt.Errorf("sign an event: %w", err)
		}
		all = append(all, signature)
	}
	return strings.Join(all, " "), nil
}

// openSecrets returns the secrets that sign for an endpoint at this moment, the present one first.
func (m *Module) openSecrets(e held) ([]string, error) {
	closed := []string{e.Secret}
	if e.PreviousSecret != "" {
		closed = append(closed, e.PreviousSecret)
	}
	var secrets []string
	for _, c := range closed {
		secret, err := m.vault.Open(c, e.ID)
		if err != nil {
			return nil, fmt.Errorf("open the secret of webhook %s: %w", e.ID, err)
		}
		secrets = append(secrets, secret)
	}
	return secrets, nil
}
