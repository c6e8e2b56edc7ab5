package storagetest

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"risingstars/platform/storage"
)

func directPartOfAnotherSizeIsRefused(t *testing.T, b *storage.Bucket, site string) {
	u := begin(t, b, site, directKey)
	kept := u.send(t, 1, []byte("kept"))
	target := u.url(t, 1, 1000)
	for name, c := range map[string]struct {
		size   int
		length int64
	}{
		"shorter":           {999, 999},
		"longer":            {1001, 1001},
		"empty":             {0, 0},
		"as long in chunks": {1000, -1},
		"longer in chunks":  {100_000, -1},
		"much longer":       {storage.MinPartBytes, storage.MinPartBytes},
		"cut short":         {10, 1000},
	} {
		if status, _ := putPart(t, target, bytes.NewReader(pattern(c.size)), c.length); status < 400 || status >= 500 {
			t.Errorf("%s: status %d, want a refusal", name, status)
		}
	}
	u.wantParts(t, kept)
	u.complete(t, kept)
	if got := get(t, b, directKey); string(got) != "kept" {
		t.Errorf("the object reads %q", got)
	}
}

func expiredPartURLIsRefused(t *testing.T, b *storage.Bucket, site string) {
	u := begin(t, b, site, directKey)
	var target string
	useBeforeExpiry(t, func(ttl time.Duration) int {
		raw, err := b.PresignPart(t.Context(), directKey, u.id, 1, 4, ttl)
		if err != nil {
			t.Fatal(err)
		}
		target = absolute(t, raw, site).String()
		status, _ := putPart(t, target, strings.NewReader("good"), 4)
		return status
	})
	deadline := time.Now().Add(timeout)
	for {
		if status, _ := putPart(t, target, strings.NewReader("good"), 4); status == http.StatusForbidden {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a minute later a PUT is not refused with 403")
		}
		time.Sleep(50 * time.Millisecond)
	}
	if status, _ := putPart(t, target, strings.NewReader("late"), 4); status != http.StatusForbidden {
		t.Errorf("PUT after the expiry: status %d, want 403", status)
	}
	u.complete(t, u.onlyPart(t))
	if got := get(t, b, directKey); string(got) != "good" {
		t.Errorf("the object reads %q", got)
	}
}

// onlyPart returns the only part in the store.
func (u directUpload) onlyPart(t *testing.T) storage.Part {
	t.Helper()
	parts, err := u.bucket.DirectParts(t.Context(), u.key, u.id)
	if err != nil || len(parts) != 1 {
		t.Fatalf("parts %v (%v), want one", parts, err)
	}
	return parts[0]
}

func tamperedPartURLIsRefused(t *testing.T, b *storage.Bucket, site string) {
	u, other := begin(t, b, site, directKey), begin(t, b, site, directKey)
	good, err := url.Parse(u.url(t, 1, 4))
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := *good
	elsewhere.Path = strings.Replace(good.Path, "direct.mp4", "other.mp4", 1)
	tampered := map[string]string{"another key": elsewhere.String()}
	for name, values := range good.Query() {
		query := good.Query()
		query.Set(name, flip(values[0]))
		if values[0] == "" {
			query.Set(name, "a")
		}
		tampered["another "+name] = withQuery(good, query)
		query.Del(name)
		tampered["without "+name] = withQuery(good, query)
	}
	if len(tampered) < 5 {
		t.Fatalf("no signature and expiry in the query %v", good.Query())
	}
	tampered["another upload"] = strings.ReplaceAll(good.String(), idInURL(u.id), idInURL(other.id))
	for name, target := range tampered {
		if status, _ := putPart(t, target, strings.NewReader("evil"), 4); status < 400 || status >= 500 {
			t.Errorf("%s: status %d, want a refusal", name, status)
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
		if res, _ := fetch(t, method, good.String(), nil); res.StatusCode < 400 {
			t.Errorf("%s: %s, want a refusal", method, res.Status)
		}
	}
	u.wantParts(t)
	other.wantParts(t)
	wantNothing(t, b, directKey)
	if status, _ := putPart(t, good.String(), strings.NewReader("good"), 4); status != http.StatusOK {
		t.Errorf("PUT to the unchanged URL: status %d, want 200", status)
	}
}

// idInURL returns the part of an upload's id that a driver's URLs contain: all of it, or what follows the last dot.
func idInURL(id string) string { return id[strings.LastIndexByte(id, '.')+1:] }

func wrongPartsAreRefused(t *testing.T, b *storage.Bucket, site string) {
	u := begin(t, b, site, directKey)
	full, rest := u.send(t, 1, pattern(storage.MinPartBytes)), u.send(t, 2, []byte("rest"))
	second := begin(t, b, site, "uploads/small.mp4")
	small, end := second.send(t, 1, []byte("small")), second.send(t, 2, []byte("end"))

	numbered := func(p storage.Part, number int) storage.Part { p.Number = number; return p }
	sized := func(p storage.Part, size int64) storage.Part { p.Size = size; return p }
	tagged := func(p storage.Part, etag string) storage.Part { p.ETag = etag; return p }
	for name, parts := range map[string][]storage.Part{
		"none":                           {},
		"the first is missing":           {rest},
		"one was never sent":             {full, rest, numbered(rest, 3)},
		"a gap":                          {full, numbered(rest, 3)},
		"one twice":                      {full, rest, rest},
		"number 0":                       {numbered(full, 0), numbered(rest, 1)},
		"another ETag":                   {full, tagged(rest, full.ETag)},
		"an impossible ETag":             {full, tagged(rest, `"../../etc/passwd"`)},
		"no ETag":                        {full, tagged(rest, "")},
		"another size":                   {full, sized(rest, rest.Size+1)},
		"size 0":                         {full, sized(rest, 0)},
		"a small one before the last":    {small, end},
		"a small one, with a wrong size": {sized(small, storage.MinPartBytes), end},
	} {
		for _, u := range []directUpload{u, second} {
			if obj, err := b.CompleteDirect(t.Context(), u.key, u.id, parts); !errors.Is(err, storage.ErrBadParts) {
				t.Errorf("%s: %+v, %v, want ErrBadParts", name, obj, err)
			}
		}
	}
	wantNothing(t, b, directKey)
	// The upload is unchanged.
	u.wantParts(t, full, rest)
	if obj := u.complete(t, full, rest); obj.Size != full.Size+rest.Size {
		t.Errorf("the object has %d bytes, want %d", obj.Size, full.Size+rest.Size)
	}
}

func unknownDirectUploads(t *testing.T, b *storage.Bucket, site string) {
	known := begin(t, b, site, directKey)
	part := known.send(t, 1, []byte("good"))
	for _, u := range []directUpload{
		{b, site, "uploads/other.mp4", known.id},
		{b, site, directKey, known.id + "0"},
		{b, site, directKey, known.id[:len(known.id)-1]},
		{b, site, directKey, "/"},
		{b, site, directKey, "../.."},
		{b, site, directKey, "a.b"},
		{b, site, directKey, ""},
	} {
		u.wantGone(t, part)
	}
	known.wantParts(t, part)
	wantNothing(t, b, directKey)
}

func directUploadsAreChecked(t *testing.T, b *storage.Bucket, _ string) {
	ctx := t.Context()
	for _, key := range invalidKeys() {
		for name, call := range directCalls(ctx, b, key) {
			if err := call(); !errors.Is(err, storage.ErrInvalidKey) {
				t.Errorf("%s(%q): %v, want ErrInvalidKey", name, key, err)
			}
		}
	}
	id, err := b.BeginDirect(ctx, directKey, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		part int
		size int64
	}{{0, 1}, {-1, 1}, {storage.MaxParts + 1, 1}, {1, 0}, {1, -1}, {1, storage.MaxPartBytes + 1}} {
		u, err := b.PresignPart(ctx, directKey, id, c.part, c.size, time.Minute)
		if !errors.Is(err, storage.ErrBadParts) {
			t.Errorf("part %d of %d bytes: %s, %v, want ErrBadParts", c.part, c.size, u, err)
		}
	}
	for _, ttl := range []time.Duration{0, -time.Second} {
		if u, err := b.PresignPart(ctx, directKey, id, 1, 1, ttl); err == nil {
			t.Errorf("a URL for %v: %s", ttl, u)
		}
	}
	wantNothing(t, b, directKey)
}

// directIsUnsupported is the rule for drivers that do not support direct uploads.
func directIsUnsupported(t *testing.T, b *storage.Bucket) {
	for name, call := range directCalls(t.Context(), b, directKey) {
		if err := call(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v, want ErrUnsupported", name, err)
		}
	}
}

func directCalls(ctx context.Context, b *storage.Bucket, key string) map[string]func() error {
	return map[string]func() error{
		"BeginDirect": func() error { _, err := b.BeginDirect(ctx, key, "", 0); return err },
		"PresignPart": func() error { _, err := b.PresignPart(ctx, key, "id", 1, 1, time.Minute); return err },
		"CompleteDirect": func() error {
			_, err := b.CompleteDirect(ctx, key, "id", []storage.Part{{Number: 1, ETag: `"x"`, Size: 1}})
			return err
		},
		"AbortDirect": func() error { return b.AbortDirect(ctx, key, "id") },
		"DirectParts": func() error { _, err := b.DirectParts(ctx, key, "id"); return err },
	}
}
