package media

import (
	"errors"
	"strings"
	"testing"
)

func TestAllSizesArePublishedAndShown(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		v := s.claimed(t, s.upload(t, notReallyAVideo()))
		if err := s.jobOf(v).publish(t.Context(), rendered(t)); err != nil {
			t.Fatal(err)
		}
		row := s.read(t, v.ID)
		o := row.output()
		if len(o.keys()) != 5 || s.board.entries()[0].Output != o || o.SmallWidth != 360 || o.SmallHeight != 640 {
			t.Fatalf("%+v, published %+v", o, s.board.entries())
		}
		outputs, err := s.Outputs(t.Context(), []string{v.ID})
		if err != nil || outputs[v.ID] != o {
			t.Errorf("a check sees %+v (%v)", outputs, err)
		}
		bodies, err := api{s.Module}.bodies(t.Context(), []Video{row.video()})
		if err != nil {
			t.Fatal(err)
		}
		b := bodies[0]
		if b.SmallURL == nil || !strings.Contains(*b.SmallURL, o.SmallKey) ||
			*b.SmallWidth != 360 || *b.SmallHeight != 640 ||
			len(b.Posters) != 3 || b.Posters[0].URL != *b.PosterURL ||
			b.Posters[1].Width != 640 || b.Posters[1].Height != 360 ||
			!strings.Contains(b.Posters[2].URL, o.Poster320Key) {
			t.Errorf("the owner sees %+v", b)
		}
		s.wantSound(t)

		// A clip of the time before.
		s.set(t, v.ID, "small_key = '', small_width = 0, small_height = 0, poster_640_key = '', poster_320_key = ''")
		bodies, err = api{s.Module}.bodies(t.Context(), []Video{s.read(t, v.ID).video()})
		if err != nil || bodies[0].SmallURL != nil || bodies[0].SmallWidth != nil || bodies[0].Posters != nil ||
			bodies[0].PosterURL == nil {
			t.Errorf("the owner of an old clip sees %+v (%v)", bodies, err)
		}
	})
}

// Addresses that caches and share cards have kept lead to what is shown today, as long as anything is.
func TestOldAddressesLeadToTheCurrentFiles(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		publish := func(v Video) Output {
			if err := s.jobOf(v).publish(t.Context(), rendered(t)); err != nil {
				t.Fatal(err)
			}
			return s.read(t, v.ID).output()
		}
		want := func(key, current string) {
			t.Helper()
			got, err := s.Current(t.Context(), key)
			if got != current || (current == "") != errors.Is(err, errNotFound) {
				t.Errorf("%s leads to %q (%v), want %q", key, got, err, current)
			}
		}
		v := s.claimed(t, s.upload(t, notReallyAVideo()))
		for _, key := range []string{"processed/" + v.ID + "-1-x.mp4", v.OriginalKey} {
			want(key, "") // it is not published yet
		}
		old := publish(v)
		for _, key := range old.keys() {
			want(key, key)
		}
		if err := s.Reprocess(t.Context(), v.ID); err != nil {
			t.Fatal(err)
		}
		want(old.SmallKey, old.SmallKey) // meanwhile
		now := publish(s.claimed(t, v))
		for i, key := range old.keys() {
			want(key, now.keys()[i])
		}
		s.set(t, v.ID, "small_key = '', poster_640_key = '', poster_320_key = ''") // processed without them
		want(old.SmallKey, now.ProcessedKey)
		want(old.Poster640Key, now.PosterKey)
		s.set(t, v.ID, "small_key = ?, poster_640_key = ?, poster_320_key = ?",
			now.SmallKey, now.Poster640Key, now.Poster320Key)
		for _, key := range []string{
			v.OriginalKey, "processed/" + v.ID + "-1-x.txt", "processed/" + v.ID, "processed/x.mp4", "x", "",
			strings.Replace(old.ProcessedKey, "processed/", "uploads/", 1),
		} {
			want(key, "")
		}
		if err := s.Delete(t.Context(), v.OwnerID, v.ID); err != nil {
			t.Fatal(err)
		}
		for _, key := range append(old.keys(), now.keys()...) {
			want(key, "")
		}
		s.wantFiles(t)
	})
}
