package auth_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"risingstars/platform/auth"
)

func TestAReplacedSecretIsAcceptedAndSignsNothing(t *testing.T) {
	t.Parallel()
	old, present := []byte(strings.Repeat("old-", 8)), []byte(strings.Repeat("new-", 8))
	before := auth.NewTokens(auth.NewKeys(old, nil), time.Hour)
	after := auth.NewTokens(auth.NewKeys(present, old), time.Hour)
	later := auth.NewTokens(auth.NewKeys(present, nil), time.Hour)
	issue := func(tokens *auth.Tokens) string {
		token, _, err := tokens.Issue("u1", "")
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	for name, test := range map[string]struct {
		token string
		by    *auth.Tokens
		want  error
	}{
		"an old token while the secret is replaced": {issue(before), after, nil},
		"a new token while the secret is replaced":  {issue(after), after, nil},
		"a new token afterwards":                    {issue(after), later, nil},
		"an old token afterwards":                   {issue(before), later, auth.ErrBadToken},
		"a new token before":                        {issue(after), before, auth.ErrBadToken},
	} {
		if _, err := test.by.Verify(test.token); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNoPurposeCanUseTheKeyOfAnother(t *testing.T) {
	t.Parallel()
	keys := auth.NewKeys(secret, nil)
	tokens, devices := auth.NewTokens(keys, time.Hour), auth.NewDevices(keys)
	proof, err := devices.Issue("u1")
	if err != nil {
		t.Fatal(err)
	}
	if account, device, issued, err := devices.Verify(proof); err != nil || account != "u1" || device == "" ||
		time.Since(issued) > time.Minute {
		t.Errorf("the proof is for %q on %q (%v)", account, device, err)
	}
	if caller, err := tokens.Verify(proof); !errors.Is(err, auth.ErrBadToken) {
		t.Errorf("the proof of a device signs in %+v (%v)", caller, err)
	}
	token, _, err := tokens.Issue("u1", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := devices.Verify(token); !errors.Is(err, auth.ErrBadToken) {
		t.Errorf("a token proves a device (%v)", err)
	}
	one, other := keys.For("links")[0], keys.For("tokens")[0]
	if one.ID == other.ID || bytes.Equal(one.Bytes, other.Bytes) || len(one.Bytes) != 32 {
		t.Errorf("%+v, %+v", one, other)
	}
}
