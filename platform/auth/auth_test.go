package auth_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"risingstars/platform/auth"
)

var secret = []byte("0f4b6cfe2a1d49d5a5b36f0c8e7d2b19")

func TestTokenProvesItsUser(t *testing.T) {
	t.Parallel()
	tokens := auth.NewTokens(auth.NewKeys(secret, nil), time.Hour)
	token, ttl, err := tokens.Issue("u1", "")
	if err != nil || ttl != time.Hour {
		t.Fatal(ttl, err)
	}
	caller, err := tokens.Verify(token)
	if err != nil || caller.UserID != "u1" {
		t.Fatalf("caller is %+v (%v)", caller, err)
	}
}

func TestForgedTokensAreRefused(t *testing.T) {
	t.Parallel()
	claims := func(change func(jwt.MapClaims)) jwt.MapClaims {
		c := jwt.MapClaims{
			"sub": "u1", "iss": "rising-stars-showcase", "aud": "rising-stars-showcase",
			"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		}
		change(c)
		return c
	}
	sign := func(method jwt.SigningMethod, key any, c jwt.MapClaims) string {
		token, err := jwt.NewWithClaims(method, c).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	signed := func(change func(jwt.MapClaims)) string {
		return sign(jwt.SigningMethodHS256, secret, claims(change))
	}
	same := func(jwt.MapClaims) {}
	if _, err := auth.NewTokens(auth.NewKeys(secret, nil), time.Hour).Verify(signed(same)); err != nil {
		t.Fatalf("the unchanged token is refused: %v", err)
	}
	for name, token := range map[string]string{
		"alg none":        sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims(same)),
		"other alg":       sign(jwt.SigningMethodHS512, secret, claims(same)),
		"other secret":    sign(jwt.SigningMethodHS256, bytes.Repeat([]byte("x"), 32), claims(same)),
		"expired":         signed(func(c jwt.MapClaims) { c["exp"] = time.Now().Add(-2 * time.Minute).Unix() }),
		"no expiry":       signed(func(c jwt.MapClaims) { delete(c, "exp") }),
		"other issuer":    signed(func(c jwt.MapClaims) { c["iss"] = "x" }),
		"other audience":  signed(func(c jwt.MapClaims) { c["aud"] = "x" }),
		"from the future": signed(func(c jwt.MapClaims) { c["iat"] = time.Now().Add(2 * time.Minute).Unix() }),
		"not valid yet":   signed(func(c jwt.MapClaims) { c["nbf"] = time.Now().Add(2 * time.Minute).Unix() }),
		"no subject":      signed(func(c jwt.MapClaims) { delete(c, "sub") }),
		"malformed":       "a.b.c",
		"empty":           "",
	} {
		caller, err := auth.NewTokens(auth.NewKeys(secret, nil), time.Hour).Verify(token)
		if !errors.Is(err, auth.ErrBadToken) {
			t.Errorf("%s: the caller is %+v and the error %v, want ErrBadToken", name, caller, err)
		}
	}
}

func TestPasswordsAreHashedAsOWASPRecommends(t *testing.T) {
	t.Parallel()
	passwords, err := auth.NewPasswords()
	if err != nil {
		t.Fatal(err)
	}
	hash, err := passwords.Hash("correct horse")
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("hash is %q (%v)", hash, err)
	}
	for _, test := range []struct {
		password, hash string
		want           bool
	}{{"correct horse", hash, true}, {"wrong horse", hash, false}, {"a password that nobody has", "", false}} {
		if got, err := passwords.Check(test.password, test.hash); err != nil || got != test.want {
			t.Errorf("Check(%q) is %v (%v), want %v", test.password, got, err, test.want)
		}
	}
}

// The host that issued the token, or the one that verifies it, may be 60 s ahead of the other.
func TestATokenAllowsForTheClocksOfTwoHosts(t *testing.T) {
	t.Parallel()
	const most = 55 * time.Second // the rest is for a slow machine
	for name, change := range map[string]map[string]time.Duration{
		"issued by a host that is ahead": {"iat": most, "nbf": most, "exp": time.Hour},
		"verified by a host that is":     {"iat": -time.Hour, "exp": -most},
	} {
		claims := jwt.MapClaims{"sub": "u1", "iss": "rising-stars-showcase", "aud": "rising-stars-showcase"}
		for claim, in := range change {
			claims[claim] = time.Now().Add(in).Unix()
		}
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(secret)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := auth.NewTokens(auth.NewKeys(secret, nil), time.Hour).Verify(token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSecretIsCreatedOnceForAllProcesses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data", "secret_key")
	secrets := make([][]byte, 16)
	var group sync.WaitGroup
	for i := range secrets {
		group.Go(func() {
			var err error
			if secrets[i], err = auth.LoadOrCreateSecret(path); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, s := range secrets {
		if len(s) != 64 || !bytes.Equal(s, secrets[0]) {
			t.Fatalf("secrets differ: %q and %q", s, secrets[0])
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the file is %v (%v), want mode 0600", info, err)
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
		t.Fatalf("the folder holds %v (%v), want the secret alone", files, err)
	}
}
