package storagetest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"risingstars/platform/storage"
)

const directKey = "uploads/direct.mp4"

// directUpload is one under way, whose parts are PUT as a browser does it.
type directUpload struct {
	bucket *storage.Bucket
	site   string
	key    string
	id     string
}

func begin(t *testing.T, b *storage.Bucket, site, key string) directUpload {
	t.Helper()
	id, err := b.BeginDirect(t.Context(), key, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(id) == 0 || len(id) > 512 || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		t.Fatalf("upload id %q is not short printable ASCII", id)
	}
	return directUpload{b, site, key, id}
}

// url is where the part goes for the next minute, absolute.
func (u directUpload) url(t *testing.T, part, size int) string {
	t.Helper()
	raw, err := u.bucket.PresignPart(t.Context(), u.key, u.id, part, int64(size), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return absolute(t, raw, u.site).String()
}

// send PUTs the part as promised and returns it as the answer describes it.
func (u directUpload) send(t *testing.T, part int, content []byte) storage.Part {
	t.Helper()
	status, etag := putPart(t, u.url(t, part, len(content)), bytes.NewReader(content), int64(len(content)))
	if status != http.StatusOK || len(etag) < 3 || etag[0] != '"' {
		t.Fatalf("PUT of part %d: status %d with ETag %s, want 200 and a quoted one", part, status, etag)
	}
	return storage.Part{Number: part, ETag: etag, Size: int64(len(content))}
}

func (u directUpload) complete(t *testing.T, parts ...storage.Part) storage.Object {
	t.Helper()
	obj, err := u.bucket.CompleteDirect(t.Context(), u.key, u.id, parts)
	if err != nil {
		t.Fatal(err)
	}
	return obj
}

func (u directUpload) wantParts(t *testing.T, want ...storage.Part) {
	t.Helper()
	got, err := u.bucket.DirectParts(t.Context(), u.key, u.id)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(want, func(x, y storage.Part) int { return cmp.Compare(x.Number, y.Number) })
	if d := gocmp.Diff(want, got); len(want)+len(got) > 0 && d != "" {
		t.Errorf("parts in the store (-want +got):\n%s", d)
	}
}

// wantGone checks that no call finds the upload any more, but abort, which is content.
func (u directUpload) wantGone(t *testing.T, part storage.Part) {
	t.Helper()
	if parts, err := u.bucket.DirectParts(t.Context(), u.key, u.id); !errors.Is(err, storage.ErrNoUpload) {
		t.Errorf("DirectParts: %v, %v, want ErrNoUpload", parts, err)
	}
	if obj, err := u.bucket.CompleteDirect(t.Context(), u.key, u.id, []storage.Part{part}); !errors.Is(err, storage.ErrNoUpload) {
		t.Errorf("CompleteDirect: %v, %v, want ErrNoUpload", obj, err)
	}
	if err := u.bucket.AbortDirect(t.Context(), u.key, u.id); err != nil {
		t.Errorf("AbortDirect: %v", err)
	}
	target, err := u.bucket.PresignPart(t.Context(), u.key, u.id, 1, 4, time.Minute)
	if errors.Is(err, storage.ErrNoUpload) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	status, _ := putPart(t, absolute(t, target, u.site).String(), strings.NewReader("late"), 4)
	if status < 400 || status >= 500 {
		t.Errorf("PUT of a part: status %d, want a refusal", status)
	}
}

// putPart tells the length as given; below zero it sends chunks. A server may end the connection instead of reading what it refused:
// that is status 400 here.
func putPart(t *testing.T, target string, body io.Reader, length int64) (status int, etag string) {
	t.Helper()
	// The type keeps the client from looking into the body for its length.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, target, io.NopCloser(body))
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = length
	req.Close = true // what a refused body leaves on a connection would disturb the next request
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Logf("PUT without an answer: %v", errors.Unwrap(err))
		return http.StatusBadRequest, ""
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Log(err)
	}
	return res.StatusCode, res.Header.Get("ETag")
}

func directUploadMakesTheObject(t *testing.T, b *storage.Bucket, site string) {
	content := pattern(2*storage.MinPartBytes + 1000)
	old := put(t, b, directKey, []byte("old"))
	u := begin(t, b, site, directKey)
	u.wantParts(t)

	// At once and in any order, as browsers do.
	parts := make([]storage.Part, 3)
	var sending sync.WaitGroup
	for i := range slices.Backward(parts) {
		sending.Go(func() {
			parts[i] = u.send(t, i+1, content[i*storage.MinPartBytes:min((i+1)*storage.MinPartBytes, len(content))])
		})
	}
	sending.Wait()
	u.wantParts(t, parts...)
	if got := get(t, b, directKey); string(got) != "old" {
		t.Errorf("before CompleteDirect the object reads %d bytes, want the old ones", len(got))
	}
	if keys := list(t, b, ""); !slices.Equal(keys, []string{directKey}) {
		t.Errorf("the store lists %q, want %q only", keys, directKey)
	}

	obj := u.complete(t, parts[2], parts[0], parts[1])
	if !bytes.Equal(get(t, b, directKey), content) {
		t.Error("the object is not what was sent")
	}
	if obj.Key != directKey || obj.Size != int64(len(content)) || obj.ContentType != "video/mp4" || obj.ETag == old.ETag ||
		time.Since(obj.ModTime) > time.Minute {
		t.Errorf("CompleteDirect = %+v, want %d bytes of video/mp4 put just now", obj, len(content))
	}
	stat, err := b.Stat(t.Context(), directKey)
	if err != nil {
		t.Fatal(err)
	}
	if d := gocmp.Diff(obj, stat); d != "" {
		t.Errorf("Stat (-CompleteDirect +Stat):\n%s", d)
	}
}

func directUploadOfOnePart(t *testing.T, b *storage.Bucket, site string) {
	u := begin(t, b, site, directKey)
	u.complete(t, u.send(t, 1, []byte("x")))
	if got := get(t, b, directKey); string(got) != "x" {
		t.Errorf("the object reads %q", got)
	}
}

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
		"less than it says": {10, 1000},
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
	raw, err := b.PresignPart(t.Context(), directKey, u.id, 1, 4, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	target := absolute(t, raw, site).String()
	if status, _ := putPart(t, target, strings.NewReader("good"), 4); status != http.StatusOK {
		t.Fatalf("PUT in time: status %d, want 200", status)
	}
	deadline := time.After(10 * time.Second)
	for {
		if status, _ := putPart(t, target, strings.NewReader("good"), 4); status == http.StatusForbidden {
			break
		}
		select {
		case <-deadline:
			t.Fatal("10 s after the end of a 1 s life a PUT is not refused with 403")
		case <-time.After(50 * time.Millisecond):
		}
	}
	if status, _ := putPart(t, target, strings.NewReader("late"), 4); status != http.StatusForbidden {
		t.Errorf("PUT too late: status %d, want 403", status)
	}
	u.complete(t, u.bucketPart(t))
	if got := get(t, b, directKey); string(got) != "good" {
		t.Errorf("the object reads %q", got)
	}
}

// bucketPart is the only part in the store.
func (u directUpload) bucketPart(t *testing.T) storage.Part {
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
		t.Fatalf("no signature and expiry in the query of %v", good.Query())
	}
	tampered["another upload"] = strings.ReplaceAll(good.String(), lastOf(u.id), lastOf(other.id))
	for name, target := range tampered {
		if status, _ := putPart(t, target, strings.NewReader("evil"), 4); status < 400 || status >= 500 {
			t.Errorf("%s: status %d, want a refusal", name, status)
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
		if res, _ := fetch(t, method, good.String(), nil); res.StatusCode < 400 {
			t.Errorf("%s: %s, want it refused", method, res.Status)
		}
	}
	u.wantParts(t)
	other.wantParts(t)
	wantNothing(t, b, directKey)
	if status, _ := putPart(t, good.String(), strings.NewReader("good"), 4); status != http.StatusOK {
		t.Errorf("PUT as given: status %d, want 200", status)
	}
}

// lastOf is the part of an upload's id that a driver shows in its URLs, if it does not show all.
func lastOf(id string) string { return id[strings.LastIndexByte(id, '.')+1:] }

func directPartsCanBeSentAgain(t *testing.T, b *storage.Bucket, site string) {
	u := begin(t, b, site, directKey)
	first := u.send(t, 1, pattern(storage.MinPartBytes))
	stale := u.send(t, 2, []byte("stale"))
	dropped := u.send(t, 3, []byte("dropped"))
	second := u.send(t, 2, []byte("second"))
	u.wantParts(t, first, second, dropped)

	if _, err := b.CompleteDirect(t.Context(), directKey, u.id, []storage.Part{first, stale}); !errors.Is(err, storage.ErrBadParts) {
		t.Errorf("CompleteDirect with a part that was replaced: %v, want ErrBadParts", err)
	}
	u.complete(t, first, second)
	if got, want := get(t, b, directKey), append(pattern(storage.MinPartBytes), "second"...); !bytes.Equal(got, want) {
		t.Errorf("the object has %d bytes, want the %d of parts 1 and 2", len(got), len(want))
	}
}

func wrongPartsMakeNothing(t *testing.T, b *storage.Bucket, site string) {
	u := begin(t, b, site, directKey)
	full, rest := u.send(t, 1, pattern(storage.MinPartBytes)), u.send(t, 2, []byte("rest"))
	second := begin(t, b, site, "uploads/small.mp4")
	small, end := second.send(t, 1, []byte("small")), second.send(t, 2, []byte("end"))

	numbered := func(p storage.Part, number int) storage.Part { p.Number = number; return p }
	sized := func(p storage.Part, size int64) storage.Part { p.Size = size; return p }
	tagged := func(p storage.Part, etag string) storage.Part { p.ETag = etag; return p }
	for name, parts := range map[string][]storage.Part{
		"none":                         {},
		"the first is missing":         {rest},
		"one was never sent":           {full, rest, numbered(rest, 3)},
		"a gap":                        {full, numbered(rest, 3)},
		"one twice":                    {full, rest, rest},
		"number 0":                     {numbered(full, 0), numbered(rest, 1)},
		"another ETag":                 {full, tagged(rest, full.ETag)},
		"an impossible ETag":           {full, tagged(rest, `"../../etc/passwd"`)},
		"no ETag":                      {full, tagged(rest, "")},
		"another size":                 {full, sized(rest, rest.Size+1)},
		"size 0":                       {full, sized(rest, 0)},
		"a small one before the last":  {small, end},
		"a small one that says it not": {sized(small, storage.MinPartBytes), end},
	} {
		for _, u := range []directUpload{u, second} {
			if obj, err := b.CompleteDirect(t.Context(), u.key, u.id, parts); !errors.Is(err, storage.ErrBadParts) {
				t.Errorf("%s: %+v, %v, want ErrBadParts", name, obj, err)
			}
		}
	}
	wantNothing(t, b, directKey)
	// Nothing is lost.
	u.wantParts(t, full, rest)
	if obj := u.complete(t, full, rest); obj.Size != full.Size+rest.Size {
		t.Errorf("completed after all with %d bytes", obj.Size)
	}
}

func directUploadCompletesOnce(t *testing.T, b *storage.Bucket, site string) {
	u := begin(t, b, site, directKey)
	part := u.send(t, 1, []byte("content"))
	objects, errs := make([]storage.Object, 5), make([]error, 5)
	var completing sync.WaitGroup
	for i := range objects {
		completing.Go(func() {
			objects[i], errs[i] = b.CompleteDirect(t.Context(), directKey, u.id, []storage.Part{part})
		})
	}
	completing.Wait()
	again := u.complete(t, part)
	for i, obj := range objects {
		if d := gocmp.Diff(again, obj); errs[i] != nil || d != "" {
			t.Errorf("one of five at once: %v (-later +at once)\n%s", errs[i], d)
		}
	}
	if got := get(t, b, directKey); string(got) != "content" {
		t.Errorf("the object reads %q", got)
	}
	if keys := list(t, b, ""); !slices.Equal(keys, []string{directKey}) {
		t.Errorf("the store holds %q, want %q only", keys, directKey)
	}

	// Aborted too late: nothing happens.
	if err := b.AbortDirect(t.Context(), directKey, u.id); err != nil {
		t.Errorf("AbortDirect of a completed upload: %v", err)
	}
	if got := get(t, b, directKey); string(got) != "content" {
		t.Errorf("after AbortDirect the object reads %q", got)
	}
	// The key belongs to somebody else now.
	put(t, b, directKey, []byte("later"))
	u.wantGone(t, part)
	if err := b.Delete(t.Context(), directKey); err != nil {
		t.Fatal(err)
	}
	u.wantGone(t, part)
	wantNothing(t, b, directKey)
}

func abortedDirectUploadLeavesNothing(t *testing.T, b *storage.Bucket, site string) {
	u := begin(t, b, site, directKey)
	part := u.send(t, 1, pattern(storage.MinPartBytes))
	for range 2 {
		if err := b.AbortDirect(t.Context(), directKey, u.id); err != nil {
			t.Fatal(err)
		}
		u.wantGone(t, part)
	}
	wantNothing(t, b, directKey)
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

func directUploadsAreApart(t *testing.T, b *storage.Bucket, site string) {
	uploads, parts := make([]directUpload, 4), make([]storage.Part, 4)
	for i := range uploads {
		uploads[i] = begin(t, b, site, directKey)
		if i > 0 && uploads[i].id == uploads[i-1].id {
			t.Fatal("two uploads have one id")
		}
	}
	var sending sync.WaitGroup
	for i, u := range uploads {
		sending.Go(func() { parts[i] = u.send(t, 1, fmt.Appendf(nil, "upload %d", i)) })
	}
	sending.Wait()
	if err := b.AbortDirect(t.Context(), directKey, uploads[0].id); err != nil {
		t.Fatal(err)
	}
	for i, u := range uploads[1:] {
		u.complete(t, parts[i+1])
		if got, want := string(get(t, b, directKey)), fmt.Sprintf("upload %d", i+1); got != want {
			t.Errorf("the object reads %q, want %q", got, want)
		}
	}
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
	id, err := b.BeginDirect(ctx, directKey, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		part int
		size int64
	}{{0, 1}, {-1, 1}, {storage.MaxParts + 1, 1}, {1, 0}, {1, -1}, {1, storage.MaxPartBytes + 1}} {
		if u, err := b.PresignPart(ctx, directKey, id, c.part, c.size, time.Minute); !errors.Is(err, storage.ErrBadParts) {
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

// directIsUnsupported holds for drivers without direct uploads.
func directIsUnsupported(t *testing.T, b *storage.Bucket) {
	for name, call := range directCalls(t.Context(), b, directKey) {
		if err := call(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v, want ErrUnsupported", name, err)
		}
	}
}

func directCalls(ctx context.Context, b *storage.Bucket, key string) map[string]func() error {
	return map[string]func() error{
		"BeginDirect": func() error { _, err := b.BeginDirect(ctx, key, ""); return err },
		"PresignPart": func() error { _, err := b.PresignPart(ctx, key, "id", 1, 1, time.Minute); return err },
		"CompleteDirect": func() error {
			_, err := b.CompleteDirect(ctx, key, "id", []storage.Part{{Number: 1, ETag: `"x"`, Size: 1}})
			return err
		},
		"AbortDirect": func() error { return b.AbortDirect(ctx, key, "id") },
		"DirectParts": func() error { _, err := b.DirectParts(ctx, key, "id"); return err },
	}
}
