package storagetest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"risingstars/platform/storage"
)

const directKey = "uploads/direct.mp4"

// directUpload is an upload in progress. It sends parts as a browser does.
type directUpload struct {
	bucket *storage.Bucket
	site   string
	key    string
	id     string
}

func begin(t *testing.T, b *storage.Bucket, site, key string) directUpload {
	t.Helper()
	id, err := b.BeginDirect(t.Context(), key, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(id) == 0 || len(id) > 512 || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		t.Fatalf("upload id %q is not short printable ASCII", id)
	}
	return directUpload{b, site, key, id}
}

// url returns the absolute URL for the part, valid for an hour.
func (u directUpload) url(t *testing.T, part, size int) string {
	t.Helper()
	raw, err := u.bucket.PresignPart(t.Context(), u.key, u.id, part, int64(size), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return absolute(t, raw, u.site).String()
}

// send PUTs the part and returns it as the answer describes it.
func (u directUpload) send(t *testing.T, part int, content []byte) storage.Part {
	t.Helper()
	status, etag := putPart(t, u.url(t, part, len(content)), bytes.NewReader(content), int64(len(content)))
	if status != http.StatusOK || len(etag) < 3 || etag[0] != '"' {
		t.Fatalf("PUT of part %d: status %d with ETag %s, want 200 and a quoted ETag", part, status, etag)
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

// wantGone checks that no call finds the upload any more, except AbortDirect, which succeeds.
func (u directUpload) wantGone(t *testing.T, part storage.Part) {
	t.Helper()
	if parts, err := u.bucket.DirectParts(t.Context(), u.key, u.id); !errors.Is(err, storage.ErrNoUpload) {
		t.Errorf("DirectParts: %v, %v, want ErrNoUpload", parts, err)
	}
	obj, err := u.bucket.CompleteDirect(t.Context(), u.key, u.id, []storage.Part{part})
	if !errors.Is(err, storage.ErrNoUpload) {
		t.Errorf("CompleteDirect: %v, %v, want ErrNoUpload", obj, err)
	}
	if err := u.bucket.AbortDirect(t.Context(), u.key, u.id); err != nil {
		t.Errorf("AbortDirect: %v", err)
	}
	target, err := u.bucket.PresignPart(t.Context(), u.key, u.id, 1, 4, time.Hour)
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

// putPart sends Content-Length as given; with a negative length it sends chunks. It returns status 400 if the server
// closes the connection instead of reading a body that it refuses.
func putPart(t *testing.T, target string, body io.Reader, length int64) (status int, etag string) {
	t.Helper()
	// NopCloser hides the type of body, from which the client would learn the length.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, target, io.NopCloser(body))
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = length
	req.Close = true // the rest of a refused body would disturb the next request on the connection
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

func directUploadCreatesTheObject(t *testing.T, b *storage.Bucket, site string) {
	content := pattern(2*storage.MinPartBytes + 1000)
	old := put(t, b, directKey, []byte("old"))
	u := begin(t, b, site, directKey)
	u.wantParts(t)

	// Browsers send parts at the same time and in any order.
	parts := make([]storage.Part, 3)
	var sending sync.WaitGroup
	for i := range slices.Backward(parts) {
		sending.Go(func() {
			start, end := i*storage.MinPartBytes, min((i+1)*storage.MinPartBytes, len(content))
			parts[i] = u.send(t, i+1, content[start:end])
		})
	}
	sending.Wait()
	u.wantParts(t, parts...)
	if got := get(t, b, directKey); string(got) != "old" {
		t.Errorf("before CompleteDirect, the object has %d bytes, want the old content", len(got))
	}
	if keys := list(t, b, ""); !slices.Equal(keys, []string{directKey}) {
		t.Errorf("the store lists %q, want only %q", keys, directKey)
	}

	obj := u.complete(t, parts[2], parts[0], parts[1])
	if !bytes.Equal(get(t, b, directKey), content) {
		t.Error("the object is not what was sent")
	}
	if obj.Key != directKey || obj.Size != int64(len(content)) || obj.ContentType != "video/mp4" ||
		obj.ETag == old.ETag || time.Since(obj.ModTime) > time.Hour/2 {
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

func directPartsCanBeSentAgain(t *testing.T, b *storage.Bucket, site string) {
	u := begin(t, b, site, directKey)
	first := u.send(t, 1, pattern(storage.MinPartBytes))
	stale := u.send(t, 2, []byte("stale"))
	dropped := u.send(t, 3, []byte("dropped"))
	second := u.send(t, 2, []byte("second"))
	u.wantParts(t, first, second, dropped)

	_, err := b.CompleteDirect(t.Context(), directKey, u.id, []storage.Part{first, stale})
	if !errors.Is(err, storage.ErrBadParts) {
		t.Errorf("CompleteDirect with a part that was replaced: %v, want ErrBadParts", err)
	}
	u.complete(t, first, second)
	if got, want := get(t, b, directKey), append(pattern(storage.MinPartBytes), "second"...); !bytes.Equal(got, want) {
		t.Errorf("the object has %d bytes, want the %d of parts 1 and 2", len(got), len(want))
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
			t.Errorf("one of five concurrent calls: %v (-later +concurrent)\n%s", errs[i], d)
		}
	}
	if got := get(t, b, directKey); string(got) != "content" {
		t.Errorf("the object reads %q", got)
	}
	if keys := list(t, b, ""); !slices.Equal(keys, []string{directKey}) {
		t.Errorf("the store holds %q, want only %q", keys, directKey)
	}

	// It is too late to abort: nothing happens.
	if err := b.AbortDirect(t.Context(), directKey, u.id); err != nil {
		t.Errorf("AbortDirect of a completed upload: %v", err)
	}
	if got := get(t, b, directKey); string(got) != "content" {
		t.Errorf("after AbortDirect the object reads %q", got)
	}
	// Then the key gets another object.
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

func directUploadsAreIndependent(t *testing.T, b *storage.Bucket, site string) {
	uploads, parts := make([]directUpload, 4), make([]storage.Part, 4)
	for i := range uploads {
		uploads[i] = begin(t, b, site, directKey)
		if i > 0 && uploads[i].id == uploads[i-1].id {
			t.Fatal("two uploads have the same id")
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
