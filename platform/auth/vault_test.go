package auth_test

import (
	"errors"
	"strings"
	"testing"

	"risingstars/platform/auth"
)

// What is closed is opened by the same purpose for the same owner, also with the secret that replaced the one of then.
func TestAVaultOpensWhatItClosedAndNothingElse(t *testing.T) {
	t.Parallel()
	newer := []byte(strings.Repeat("fedcba9876543210", 2))
	keys, replaced := auth.NewKeys(secret, nil), auth.NewKeys(newer, secret)
	closed := auth.NewVault(keys, "factors").Close("JBSWY3DP", "u1")
	if strings.Contains(closed, "JBSWY3DP") || closed == auth.NewVault(keys, "factors").Close("JBSWY3DP", "u1") {
		t.Errorf("closed, it is %q", closed)
	}
	for name, test := range map[string]struct {
		vault         *auth.Vault
		closed, owner string
		opens         bool
	}{
		"itself":          {auth.NewVault(keys, "factors"), closed, "u1", true},
		"another secret":  {auth.NewVault(replaced, "factors"), closed, "u1", true},
		"another purpose": {auth.NewVault(keys, "tickets"), closed, "u1", false},
		"another owner":   {auth.NewVault(keys, "factors"), closed, "u2", false},
		"cut off":         {auth.NewVault(keys, "factors"), closed[:len(closed)-2], "u1", false},
		"nothing":         {auth.NewVault(keys, "factors"), "", "u1", false},
		"no code":         {auth.NewVault(keys, "factors"), "\x00", "u1", false},
		"a lost secret":   {auth.NewVault(auth.NewKeys(newer, nil), "factors"), closed, "u1", false},
	} {
		opened, err := test.vault.Open(test.closed, test.owner)
		opens := err == nil && opened == "JBSWY3DP"
		if opens != test.opens || !opens && !errors.Is(err, auth.ErrBadToken) {
			t.Errorf("%s: %q, %v", name, opened, err)
		}
	}
}
