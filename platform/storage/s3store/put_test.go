package s3store_test

import (
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

func TestFailedUploadsLeaveNoParts(t *testing.T) {
	t.Parallel()
	broken := errors.New("the browser went away")
	for name, c := range map[string]struct {
		want error
		put  func(ctx context.Context, end func(), b *storage.Bucket, last io.Reader) error
	}{
		"reader fails": {broken, func(ctx context.Context, _ func(), b *storage.Bucket, last io.Reader) error {
			fail := readerFunc(func([]byte) (int, error) { return 0, broken })
			content := io.MultiReader(io.LimitReader(endless(), parts), last, fail)
			_, err := b.Put(ctx, key, content, storage.PutOptions{})
			return err
		}},
		"context": {context.Canceled, func(ctx context.Context, end func(), b *storage.Bucket, last io.Reader) error {
			cancel := readerFunc(func(p []byte) (int, error) { end(); return len(p), nil })
			content := io.MultiReader(io.LimitReader(endless(), parts), last, cancel)
			_, err := b.Put(ctx, key, content, storage.PutOptions{})
			return err
		}},
		"limit": {storage.ErrTooLarge, func(ctx context.Context, _ func(), b *storage.Bucket, last io.Reader) error {
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
			inProgress := 0
			last := readerFunc(func([]byte) (int, error) {
				inProgress = len(r.Uploads(t)[key])
				return 0, io.EOF
			})
			if err := c.put(ctx, cancel, b, last); !errors.Is(err, c.want) {
				t.Errorf("Put: %v, want %v", err, c.want)
			}
			if inProgress != 1 {
				t.Errorf("%d multipart uploads during Put, want 1", inProgress)
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
	opts.EndpointURL = newReverseProxy(t, func(w http.ResponseWriter, req *http.Request, s3 http.Handler) {
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
		t.Errorf("Put: %v, want the error of S3", err)
	}
	if left := r.Uploads(t); len(left) != 0 {
		t.Errorf("multipart uploads left: %v", left)
	}
}

// Before the last request, all content has been read, so it is too late to stop.
func TestAContextThatEndsDuringTheLastRequestChangesNothing(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int64{"in one request": 1000, "in parts": parts} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			opts := options(t, s3test.New(t).Name)
			opts.EndpointURL = newReverseProxy(t, func(w http.ResponseWriter, r *http.Request, s3 http.Handler) {
				inParts := r.URL.Query().Has("uploadId")
				if r.Method == http.MethodPost && inParts || r.Method == http.MethodPut && !inParts {
					cancel()
				}
				s3.ServeHTTP(w, r)
			})
			b := bucket(t, open(t, opts))
			obj, err := b.Put(ctx, key, io.LimitReader(endless(), size), storage.PutOptions{})
			if ctx.Err() == nil {
				t.Fatal("the proxy did not see the last request")
			}
			stat, statErr := b.Stat(t.Context(), key)
			if err != nil || statErr != nil || obj.Size != size || stat.ETag != obj.ETag {
				t.Errorf("Put = %+v, %v; Stat = %+v, %v, want the object", obj, err, stat, statErr)
			}
		})
	}
}

// lossyProxy loses the answer to the first completion of an upload. It answers further completions with NoSuchUpload
// and the first two requests for the object with 404.
type lossyProxy struct {
	url                     string
	lost, refused, notFound int
}

func newLossyProxy(t *testing.T) *lossyProxy {
	t.Helper()
	l := &lossyProxy{}
	l.url = newReverseProxy(t, func(w http.ResponseWriter, req *http.Request, s3 http.Handler) {
		switch {
		case req.Method == http.MethodHead && l.lost > 0 && l.notFound < 2:
			l.notFound++
			w.WriteHeader(http.StatusNotFound)
		case req.Method != http.MethodPost || !req.URL.Query().Has("uploadId"):
			s3.ServeHTTP(w, req)
		case l.lost == 0:
			l.lost++
			s3.ServeHTTP(httptest.NewRecorder(), req)
			hangUp(w)
		default:
			// The server would remember what it completed, which not every S3 server does.
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
			id, err := b.BeginDirect(t.Context(), key, "", 0)
			if err != nil {
				return storage.Object{}, err
			}
			target, err := b.PresignPart(t.Context(), key, id, 1, parts, time.Minute)
			if err != nil {
				return storage.Object{}, err
			}
			content := io.LimitReader(endless(), parts)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, target, content)
			if err != nil {
				return storage.Object{}, err
			}
			req.ContentLength = parts
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				return storage.Object{}, err
			}
			res.Body.Close()
			part := storage.Part{Number: 1, ETag: res.Header.Get("ETag"), Size: parts}
			return b.CompleteDirect(t.Context(), key, id, []storage.Part{part})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := s3test.New(t)
			opts, proxy := options(t, r.Name), newLossyProxy(t)
			opts.EndpointURL = proxy.url
			obj, err := upload(bucket(t, open(t, opts)))
			if err != nil || obj.Size != parts {
				t.Errorf("got %+v, %v, want the object", obj, err)
			}
			if proxy.lost != 1 || proxy.refused != 1 || proxy.notFound != 2 {
				t.Errorf("%+v, want one lost answer, one refusal and two answers of 404", proxy)
			}
			if left := r.Uploads(t); len(left) != 0 {
				t.Errorf("multipart uploads left: %v", left)
			}
		})
	}
}

func TestPutRequestsEncryptionAndChecksums(t *testing.T) {
	t.Parallel()
	var (
		mu        sync.Mutex
		encrypted = map[string]string{}
		checked   = map[string]bool{}
	)
	opts := options(t, s3test.New(t).Name)
	opts.EndpointURL = newReverseProxy(t, func(w http.ResponseWriter, r *http.Request, s3 http.Handler) {
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
		t.Errorf("requests with checksums: %v, want all three", checked)
	}
}
