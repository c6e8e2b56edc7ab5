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

// setup stores an object of size random bytes. The bucket that it returns connects through the proxy.
func setup(t *testing.T, size int64, prepare func(*tcpProxy)) (p *tcpProxy, b *storage.Bucket, content []byte) {
	t.Helper()
	p, content = newProxy(t, nil, prepare), make([]byte, size)
	if _, err := rand.NewChaCha8(sha256.Sum256([]byte(t.Name()))).Read(content); err != nil {
		t.Fatal(err)
	}
	opts := options(t, s3test.New(t).Name)
	if _, err := open(t, opts).Put(t.Context(), key, bytes.NewReader(content), "video/mp4"); err != nil {
		t.Fatal(err)
	}
	opts.EndpointURL = p.url()
	return p, bucket(t, open(t, opts)), content
}

func TestSeekingReadsOnlyWhatIsNeeded(t *testing.T) {
	t.Parallel()
	const size = 40 << 20
	p, b, content := setup(t, size, nil)
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
	// When a Seek abandons a connection, its buffers are full of bytes that nobody reads.
	if sent := p.fromS3.Load(); sent > size/2 {
		t.Errorf("the server sent %d of %d MiB for 3 kB", sent>>20, size>>20)
	}
}

func TestAnInterruptedDownloadIsResumed(t *testing.T) {
	t.Parallel()
	p, b, content := setup(t, 12<<20, nil)
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
		p.closeConnections()
	}
	if _, err := io.Copy(&got, f); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), content) {
		t.Error("the content is not what was put")
	}
}

func TestAReplacedObjectIsNotReadFurther(t *testing.T) {
	t.Parallel()
	p, b, _ := setup(t, 12<<20, nil)
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
	p.closeConnections()
	if _, err := io.Copy(io.Discard, f); err == nil || !strings.Contains(err.Error(), "was replaced") {
		t.Errorf("Read: %v, want that the object was replaced", err)
	}
}

func TestContentThatChangesInTransitIsAnError(t *testing.T) {
	t.Parallel()
	// The object has one part, because with more S3 has no checksum of the whole object.
	_, b, content := setup(t, 1<<20, func(p *tcpProxy) {
		passed := atomic.Int64{}
		p.change = func(piece []byte) {
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
	// ReadFull drops the error if it fills the buffer.
	_, err = io.ReadFull(f, got)
	if bytes.Equal(got, content) {
		t.Fatal("nothing was changed")
	}
	if err == nil {
		_, err = f.Read(make([]byte, 1))
	}
	if err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("Read: %v, want a wrong checksum", err)
	}
}

func TestInvalidKeysInTheBucketAreNotListed(t *testing.T) {
	t.Parallel()
	r := s3test.New(t)
	for _, name := range []string{"uploads/", "uploads/Capital.mp4", "uploads/a.mp4"} {
		object := &s3.PutObjectInput{Bucket: &r.Name, Key: aws.String(name)}
		if _, err := r.Client.PutObject(t.Context(), object); err != nil {
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
