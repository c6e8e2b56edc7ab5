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

// openSecrets returns the secrets that sign for an endpoint at this moment, the present one first. A previous one that
// cannot be opened signs no longer, so that rotating heals an endpoint whose secret was lost with its SECRET_KEY.
func (m *Module) openSecrets(e held) ([]string, error) {
	secret, err := m.vault.Open(e.Secret, e.ID)
	if err != nil {
		return nil, fmt.Errorf("open the secret of webhook %s: %w", e.ID, err)
	}
	secrets := []string{secret}
	if e.PreviousSecret != "" {
		if previous, err := m.vault.Open(e.PreviousSecret, e.ID); err == nil {
			secrets = append(secrets, previous)
		}
	}
	return secrets, nil
}
