package s3store_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"risingstars/platform/storage"
	"risingstars/platform/storage/s3store/s3test"
)

// manyItems is more than S3 lists in one answer.
const manyItems = 1003

func TestListReturnsEveryObjectOfALargeBucket(t *testing.T) {
	t.Parallel()
	own, name := newOwnServer(t), "showcase"
	folder := filepath.Join(own.folder, name, "uploads")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range manyItems {
		key := strings.Repeat("x", i/100) + string(rune('a'+i%100/10)) + string(rune('a'+i%10))
		if err := os.WriteFile(filepath.Join(folder, key), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	opts := options(t, name)
	opts.EndpointURL = "http://" + own.addr
	store := open(t, opts)

	seen := map[string]bool{}
	see := func(o storage.Object) error { seen[o.Key] = true; return nil }
	if err := bucket(t, store).List(t.Context(), "uploads/", see); err != nil {
		t.Fatal(err)
	}
	if len(seen) != manyItems {
		t.Errorf("%d objects are listed, want %d", len(seen), manyItems)
	}
}

func TestDirectPartsReturnsEveryPartOfALargeUpload(t *testing.T) {
	t.Parallel()
	r := s3test.New(t)
	store := open(t, options(t, r.Name))
	id, err := store.BeginDirect(t.Context(), key, "video/mp4", 0)
	if err != nil {
		t.Fatal(err)
	}
	_, s3ID, _ := strings.Cut(id, ".")
	numbers := make(chan int32)
	var sending sync.WaitGroup
	for range 8 {
		sending.Go(func() {
			for number := range numbers {
				_, err := r.Client.UploadPart(t.Context(), &s3.UploadPartInput{
					Bucket: &r.Name, Key: aws.String(key), UploadId: &s3ID,
					PartNumber: &number, Body: strings.NewReader("x"),
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range int32(manyItems) {
		numbers <- i + 1
	}
	close(numbers)
	sending.Wait()
	got, err := store.DirectParts(t.Context(), key, id)
	if err != nil || len(got) != manyItems || got[manyItems-1].Number != manyItems {
		t.Errorf("%d parts are listed (%v), want %d", len(got), err, manyItems)
	}
}
