package site_test

import (
	"maps"
	"slices"
	"testing"

	"risingstars/modules/identity"
	"risingstars/modules/moderation"
)

// Why a moderator hides a video is forgotten with the video, whether its owner deletes that or is erased. What is known
// of others stays.
func TestWhyAVideoIsHiddenGoesWithIt(t *testing.T) {
	t.Parallel()
	h, ctx := startHouse(t), t.Context()
	users, videos := h.crowd(t, 3)
	moderator := h.withRole(t, "Mo", identity.Moderator)
	for _, id := range videos {
		if err := h.desk.Hide(ctx, moderator.ID, id, moderation.Spam, "Vende entradas."); err != nil {
			t.Fatal(err)
		}
	}
	wantHidden := func(what string, want ...string) {
		t.Helper()
		hidings, err := h.desk.HidingsOf(ctx, videos)
		slices.Sort(want)
		if got := slices.Sorted(maps.Keys(hidings)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s, it is known of %q why they are hidden, %v; want %q", what, got, err, want)
		}
	}
	wantHidden("before", videos...)
	if err := h.media.Delete(ctx, users[0].ID, videos[0]); err != nil {
		t.Fatal(err)
	}
	wantHidden("once one is deleted", videos[1:]...)
	if err := (property{h}).Erase(ctx, users[1].ID, ""); err != nil {
		t.Fatal(err)
	}
	wantHidden("once an owner is erased", videos[2])
}
