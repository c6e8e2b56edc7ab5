package s3store_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"risingstars/platform/storage"
	"risingstars/platform/storage/s3store/s3test"
)

const (
	key = "uploads/clip.mp4"
	// parts is content of three parts.
	parts = 2*storage.MinPartBytes + 1000
)

func TestUploadsThatFailLeaveNoParts(t *testing.T) {
	t.Parallel()
	broken := errors.New("the browser went away")
	for name, c := range map[string]struct {
		want error
		put  func(ctx context.Context, cancel func(), b *storage.Bucket, last io.Reader) error
	}{
		"reader fails": {broken, func(ctx context.Context, _ func(), b *storage.Bucket, last io.Reader) error {
			fails := readerFunc(func([]byte) (int, error) { return 0, broken })
			_, err := b.Put(ctx, key, io.MultiReader(io.LimitReader(endless(), parts), last, fails), storage.PutOptions{})
			return err
		}},
		"context ends": {context.Canceled, func(ctx context.Context, cancel func(), b *storage.Bucket, last io.Reader) error {
			cancels := readerFunc(func(p []byte) (int, error) { cancel(); return len(p), nil })
			_, err := b.Put(ctx, key, io.MultiReader(io.LimitReader(endless(), parts), last, cancels), storage.PutOptions{})
			return err
		}},
		"too large": {storage.ErrTooLarge, func(ctx context.Context, _ func(), b *storage.Bucket, last io.Reader) error {
			content := io.MultiReader(io.LimitReader(endless(), parts), last, endless())
			_, err := b.Put(ctx, key, content, storage.PutOptions{MaxBytes: parts + 1})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := s3test.New(t)
			b := bucket(t, open(t, options(t, r.Name)))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			underWay := 0
			last := readerFunc(func([]byte) (int, error) {
				underWay = len(r.Uploads(t)[key])
				return 0, io.EOF
			})
			if err := c.put(ctx, cancel, b, last); !errors.Is(err, c.want) {
				t.Errorf("Put: %v, want %v", err, c.want)
			}
			if underWay != 1 {
				t.Errorf("%d multipart uploads while it ran, want 1", underWay)
			}
			if left := r.Uploads(t); len(left) != 0 {
				t.Errorf("multipart uploads left: %v", left)
			}
			if _, err := b.Stat(t.Context(), key); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("Stat: %v, want ErrNotFound", err)
			}
		})
	}
}

func TestAnUploadThatS3RefusesLeavesNoParts(t *testing.T) {
	t.Parallel()
	r := s3test.New(t)
	opts := options(t, r.Name)
	opts.EndpointURL = newFront(t, func(w http.ResponseWriter, req *http.Request, s3 http.Handler) {
		if req.URL.Query().Get("partNumber") == "2" {
			if _, err := io.Copy(io.Discard, req.Body); err != nil {
				t.Error(err)
			}
			http.Error(w, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>", http.StatusForbidden)
			return
		}
		s3.ServeHTTP(w, req)
	})
	_, err := bucket(t, open(t, opts)).Put(t.Context(), key, io.LimitReader(endless(), parts), storage.PutOptions{})
	if err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("Put: %v, want what S3 said", err)
	}
	if left := r.Uploads(t); len(left) != 0 {
		t.Errorf("multipart uploads left: %v", left)
	}
}

// Content is whole before the last request goes out, so that request is not the place to stop.
func TestAContextThatEndsInTheLastRequestChangesNothing(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int64{"in one request": 1000, "in parts": parts} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			opts := options(t, s3test.New(t).Name)
			opts.EndpointURL = newFront(t, func(w http.ResponseWriter, r *http.Request, s3 http.Handler) {
				query := r.URL.Query()
				if r.Method == http.MethodPost && query.Has("uploadId") || r.Method == http.MethodPut && !query.Has("uploadId") {
					cancel()
				}
				s3.ServeHTTP(w, r)
			})
			b := bucket(t, open(t, opts))
			obj, err := b.Put(ctx, key, io.LimitReader(endless(), size), storage.PutOptions{})
			if ctx.Err() == nil {
				t.Fatal("the last request was not seen")
			}
			stat, statErr := b.Stat(t.Context(), key)
			if err != nil || statErr != nil || obj.Size != size || stat.ETag != obj.ETag {
				t.Errorf("Put = %+v, %v; Stat = %+v, %v, want the object", obj, err, stat, statErr)
			}
		})
	}
}

// lostAnswer is a line on which the answer to the completion of an upload is lost. Whoever asks again is told that there is no upload, and
// the object is not to be seen at once.
type lostAnswer struct {
	url                   string
	lost, refused, unseen int
}

func loseAnswer(t *testing.T) *lostAnswer {
	t.Helper()
	l := &lostAnswer{}
	l.url = newFront(t, func(w http.ResponseWriter, req *http.Request, s3 http.Handler) {
		switch {
		case req.Method == http.MethodHead && l.lost > 0 && l.unseen < 2:
			l.unseen++
			w.WriteHeader(http.StatusNotFound)
		case req.Method != http.MethodPost || !req.URL.Query().Has("uploadId"):
			s3.ServeHTTP(w, req)
		case l.lost == 0:
			l.lost++
			s3.ServeHTTP(httptest.NewRecorder(), req)
			hangUp(w)
		default:
			// The server of the tests remembers what it completed; not every one does.
			l.refused++
			http.Error(w, "<Error><Code>NoSuchUpload</Code><Message>gone</Message></Error>", http.StatusNotFound)
		}
	})
	return l
}

func TestALostAnswerDoesNotLoseTheObject(t *testing.T) {
	t.Parallel()
	for name, upload := range map[string]func(b *storage.Bucket) (storage.Object, error){
		"Put": func(b *storage.Bucket) (storage.Object, error) {
			return b.Put(t.Context(), key, io.LimitReader(endless(), parts), storage.PutOptions{})
		},
		"CompleteDirect": func(b *storage.Bucket) (storage.Object, error) {
			id, err := b.BeginDirect(t.Context(), key, "")
			if err != nil {
				return storage.Object{}, err
			}
			target, err := b.PresignPart(t.Context(), key, id, 1, parts, time.Minute)
			if err != nil {
				return storage.Object{}, err
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, target, io.LimitReader(endless(), parts))
			if err != nil {
				return storage.Object{}, err
			}
			req.ContentLength = parts
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				return storage.Object{}, err
			}
			res.Body.Close()
			return b.CompleteDirect(t.Context(), key, id, []storage.Part{{Number: 1, ETag: res.Header.Get("ETag"), Size: parts}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := s3test.New(t)
			opts, line := options(t, r.Name), loseAnswer(t)
			opts.EndpointURL = line.url
			obj, err := upload(bucket(t, open(t, opts)))
			if err != nil || obj.Size != parts || line.lost != 1 || line.refused != 1 || line.unseen != 2 {
				t.Errorf("%+v, %v after %+v, want the object after one lost answer, one refusal and two looks in vain", obj, err, line)
			}
			if left := r.Uploads(t); len(left) != 0 {
				t.Errorf("multipart uploads left: %v", left)
			}
		})
	}
}

func TestEncryptionAndChecksumsAreAskedFor(t *testing.T) {
	t.Parallel()
	var (
		mu        sync.Mutex
		encrypted = map[string]string{}
		checked   = map[string]bool{}
	)
	opts := options(t, s3test.New(t).Name)
	opts.EndpointURL = newFront(t, func(w http.ResponseWriter, r *http.Request, s3 http.Handler) {
		mu.Lock()
		defer mu.Unlock()
		query, h := r.URL.Query(), r.Header
		switch encryption := h.Get("X-Amz-Server-Side-Encryption"); {
		case query.Has("uploads"):
			encrypted["multipart"] = encryption
			checked["multipart"] = h.Get("X-Amz-Checksum-Algorithm") == "CRC32"
		case query.Has("partNumber"):
			checked["part"] = h.Get("X-Amz-Checksum-Crc32") != ""
		case r.Method == http.MethodPut:
			encrypted["single"] = encryption
			checked["single"] = h.Get("X-Amz-Checksum-Crc32") != ""
		}
		s3.ServeHTTP(w, r)
	})
	b := bucket(t, open(t, opts))
	for _, size := range []int64{1, storage.MinPartBytes + 1} {
		if _, err := b.Put(t.Context(), key, io.LimitReader(endless(), size), storage.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, request := range []string{"single", "multipart"} {
		if got := encrypted[request]; got != "AES256" {
			t.Errorf("%s: encryption %q, want AES256", request, got)
		}
	}
	if !checked["single"] || !checked["multipart"] || !checked["part"] {
		t.Errorf("with checksums: %v, want all three", checked)
	}
}

func TestABucketOfManyObjectsIsListedWhole(t *testing.T) {
	t.Parallel()
	r := s3test.New(t)
	store := open(t, options(t, r.Name))
	const objects = 1003 // more than S3 names at once
	keys := make(chan string)
	var putting sync.WaitGroup
	for range 8 {
		putting.Go(func() {
			for key := range keys {
				if _, err := store.Put(t.Context(), key, bytes.NewReader(nil), "video/mp4"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range objects {
		keys <- "uploads/" + strings.Repeat("x", i/100) + string(rune('a'+i%100/10)) + string(rune('a'+i%10))
	}
	close(keys)
	putting.Wait()

	seen := map[string]bool{}
	if err := bucket(t, store).List(t.Context(), "uploads/", func(o storage.Object) error { seen[o.Key] = true; return nil }); err != nil {
		t.Fatal(err)
	}
	if len(seen) != objects {
		t.Errorf("%d objects are listed, want %d", len(seen), objects)
	}
}
