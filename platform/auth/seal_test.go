package auth_test

import (
	"bytes"
	"errors"
	"testing"

	"risingstars/platform/auth"
)

func TestASealIsOpenedOnlyUnchangedAndForItsPurpose(t *testing.T) {
	t.Parallel()
	old, secret := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	seals := auth.NewSeals(auth.NewKeys(secret, old), "pages")
	sealed := seals.Seal([]byte("page 2"))
	before := auth.NewSeals(auth.NewKeys(old, nil), "pages").Seal([]byte("page 2"))
	for _, text := range []string{sealed, before} {
		if data, err := seals.Open(text); err != nil || string(data) != "page 2" {
			t.Errorf("%s: %q (%v)", text, data, err)
		}
	}
	others := auth.NewSeals(auth.NewKeys(secret, nil), "others").Seal([]byte("page 2"))
	for _, text := range []string{"", "x", "%", others, sealed[:len(sealed)-1], sealed + "A", "A" + sealed[1:]} {
		if data, err := seals.Open(text); !errors.Is(err, auth.ErrBadToken) {
			t.Errorf("%s: %q (%v)", text, data, err)
		}
	}
}
