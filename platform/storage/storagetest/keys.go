package storagetest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"risingstars/platform/storage"
)

func invalidKeys() []string {
	return []string{
		"", ".", "..", "/", "//", "a/", "/a", "/etc/passwd", "a//b",
		"../secret", "uploads/../../secret", "uploads/..", "uploads/./a", "a/...", ".scratch/put-1", "uploads/.hidden",
		`..\secret`, `uploads\a`, `c:\a`, "c:a", "uploads/a\x00.mp4", "uploads/a\n",
		"a b", "a%2e%2e", "%2e%2e/a", "a?b", "a#b", "~/a",
		"uploads/A.mp4", "uploads/ñ.mp4", "uploads/\u2024\u2024/a", "uploads/\uff0e\uff0e/a",
		"uploads\u2215a", "a\u202egpm", "a\xff", "a\xc0\xae",
		strings.Repeat("a/", 299) + "aa", strings.Repeat("a", 600),
		strings.Repeat("a/", 256) + "a", "uploads/" + strings.Repeat("a", 256),
	}
}

func invalidKeysAreRefused(t *testing.T, b *storage.Bucket) {
	ctx := t.Context()
	none := func(storage.Object) error { return nil }
	for _, key := range invalidKeys() {
		calls := map[string]func() error{
			"Put": func() error {
				_, err := b.Put(ctx, key, strings.NewReader("x"), storage.PutOptions{})
				return err
			},
			"PutFile": func() error {
				_, err := b.PutFile(ctx, key, "/dev/null", storage.PutOptions{})
				return err
			},
			"Open":   func() error { _, _, err := b.Open(ctx, key); return err },
			"Stat":   func() error { _, err := b.Stat(ctx, key); return err },
			"Delete": func() error { return b.Delete(ctx, key) },
			"URL":    func() error { _, err := b.URL(ctx, key, time.Minute); return err },
			"Path":   func() error { _, err := b.Path(ctx, key); return err },
		}
		if key != "" && key != "a/" {
			calls["List"] = func() error { return b.List(ctx, key, none) }
		}
		for name, call := range calls {
			if err := call(); !errors.Is(err, storage.ErrInvalidKey) {
				t.Errorf("%s(%q): %v, want ErrInvalidKey", name, key, err)
			}
		}
	}
	if keys := list(t, b, ""); len(keys) != 0 {
		t.Errorf("the store holds %q, want nothing", keys)
	}
}

func unusualKeysWork(t *testing.T, b *storage.Bucket) {
	keys := []string{
		"a", "-rf", "_", "0/1/2/3", "a..b/c..", "uploads/con", strings.Repeat("x", 255),
		strings.Repeat(strings.Repeat("y", 127)+"/", 3) + strings.Repeat("y", 128), // 512 bytes
	}
	for _, key := range keys {
		put(t, b, key, []byte(key))
	}
	for _, key := range keys {
		if got := get(t, b, key); string(got) != key {
			t.Errorf("%s reads %q", key, got)
		}
	}
	slices.Sort(keys)
	if got := list(t, b, ""); !slices.Equal(got, keys) {
		t.Errorf("List = %q, want %q", got, keys)
	}
}

func listByPrefix(t *testing.T, b *storage.Bucket) {
	all := []string{
		"processed/a.jpg", "processed/a.mp4", "uploads-old/x.mp4", "uploads/ab/deep.mp4", "uploads/ab.mp4",
		"uploads/b.mp4", "zero",
	}
	for _, key := range all {
		put(t, b, key, []byte("x"))
	}
	for _, prefix := range []string{
		"", "u", "uploads", "uploads/", "uploads/a", "uploads/ab", "uploads/ab/", "uploads/ab/deep.mp4", "processed/a.",
		"zero", "zero/", "none", "none/", "none/none", "uploads/b.mp4/", "uploads/b.mp4/x",
	} {
		lacksPrefix := func(key string) bool { return !strings.HasPrefix(key, prefix) }
		want := slices.DeleteFunc(slices.Clone(all), lacksPrefix)
		slices.Sort(want)
		if got := list(t, b, prefix); !slices.Equal(got, want) {
			t.Errorf("List(%q) = %q, want %q", prefix, got, want)
		}
	}
}

func listStopsAtAnError(t *testing.T, b *storage.Bucket) {
	for _, key := range []string{"uploads/a", "uploads/b", "uploads/c"} {
		put(t, b, key, nil)
	}
	stop := errors.New("enough")
	calls := 0
	err := b.List(t.Context(), "uploads/", func(storage.Object) error { calls++; return stop })
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("List: %v after %d calls, want the callback's error after one", err, calls)
	}
}
