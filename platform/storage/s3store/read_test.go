package s3store_test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"risingstars/platform/storage"
	"risingstars/platform/storage/s3store/s3test"
)

// watched is a bucket with an object of so many random bytes, at the other end of a wire.
func watched(t *testing.T, size int64, prepare func(*wire)) (s3test.Bucket, *wire, *storage.Bucket, []byte) {
	t.Helper()
	r, w := s3test.New(t), newWire(t, nil, prepare)
	content, err := io.ReadAll(io.LimitReader(rand.NewChaCha8(sha256.Sum256([]byte(t.Name()))), size))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, options(t, r.Name)).Put(t.Context(), key, bytes.NewReader(content), "video/mp4"); err != nil {
		t.Fatal(err)
	}
	opts := options(t, r.Name)
	opts.EndpointURL = w.url()
	return r, w, bucket(t, open(t, opts)), content
}

func TestSeekingReadsOnlyWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	const size = 40 << 20
	_, w, b, content := watched(t, size, nil)
	f, _, err := b.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, at := range []int64{size - 1000, 0, size / 2} {
		if _, err := f.Seek(at, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 1000)
		if _, err := io.ReadFull(f, got); err != nil || !bytes.Equal(got, content[at:at+1000]) {
			t.Errorf("1000 bytes from %d are wrong (%v)", at, err)
		}
	}
	// What was on its way in the buffers of two connections when they were left comes on top.
	if sent := w.fromS3.Load(); sent > size/2 {
		t.Errorf("%d MiB of %d left the server for 3 kB", sent>>20, size>>20)
	}
}

func TestABrokenDownloadGoesOnWhereItBroke(t *testing.T) {
	t.Parallel()
	_, w, b, content := watched(t, 12<<20, nil)
	f, _, err := b.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var got bytes.Buffer
	for range 3 {
		if _, err := io.CopyN(&got, f, 3<<20); err != nil {
			t.Fatal(err)
		}
		w.cut()
	}
	if _, err := io.Copy(&got, f); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), content) {
		t.Error("the content is not what was put")
	}
}

func TestAnObjectPutAnewIsNotReadOn(t *testing.T) {
	t.Parallel()
	_, w, b, _ := watched(t, 12<<20, nil)
	f, _, err := b.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.CopyN(io.Discard, f, 1<<20); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Put(t.Context(), key, io.LimitReader(endless(), 12<<20), storage.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	w.cut()
	if _, err := io.Copy(io.Discard, f); err == nil || !strings.Contains(err.Error(), "put anew") {
		t.Errorf("read on: %v, want that the object was put anew", err)
	}
}

func TestContentThatChangesOnItsWayIsAnError(t *testing.T) {
	t.Parallel()
	// In one part, as S3 has no checksum of the whole for more.
	_, _, b, content := watched(t, 1<<20, func(w *wire) {
		passed := atomic.Int64{}
		w.change = func(piece []byte) {
			const where = 500_000
			if at := passed.Add(int64(len(piece))) - int64(len(piece)); at <= where && where < at+int64(len(piece)) {
				piece[where-at] ^= 1
			}
		}
	})
	f, _, err := b.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := make([]byte, len(content))
	// It may be full and drop the error.
	_, err = io.ReadFull(f, got)
	if bytes.Equal(got, content) {
		t.Fatal("nothing was changed")
	}
	if err == nil {
		_, err = f.Read(make([]byte, 1))
	}
	if err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("reading it: %v, want a wrong checksum", err)
	}
}

func TestForeignKeysAreNotListed(t *testing.T) {
	t.Parallel()
	r := s3test.New(t)
	for _, name := range []string{"uploads/", "uploads/Capital.mp4", "uploads/a.mp4"} {
		if _, err := r.Client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &r.Name, Key: aws.String(name)}); err != nil {
			t.Fatal(err)
		}
	}
	var keys []string
	err := bucket(t, open(t, options(t, r.Name))).List(t.Context(), "", func(o storage.Object) error {
		keys = append(keys, o.Key)
		return nil
	})
	if err != nil || len(keys) != 1 || keys[0] != "uploads/a.mp4" {
		t.Errorf("List = %q, %v, want uploads/a.mp4", keys, err)
	}
}

func TestAnUploadOfManyPartsIsListedWhole(t *testing.T) {
	t.Parallel()
	r := s3test.New(t)
	store := open(t, options(t, r.Name))
	id, err := store.BeginDirect(t.Context(), key, "video/mp4")
	if err != nil {
		t.Fatal(err)
	}
	const last = 1003 // more than S3 names at once
	_, s3ID, _ := strings.Cut(id, ".")
	for number := range int32(last) {
		_, err := r.Client.UploadPart(t.Context(), &s3.UploadPartInput{
			Bucket: &r.Name, Key: aws.String(key), UploadId: &s3ID, PartNumber: aws.Int32(number + 1), Body: strings.NewReader("x"),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	got, err := store.DirectParts(t.Context(), key, id)
	if err != nil || len(got) != last || got[last-1].Number != last {
		t.Errorf("%d parts are listed (%v), want %d", len(got), err, last)
	}
}
