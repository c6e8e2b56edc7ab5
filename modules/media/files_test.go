package media

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"risingstars/platform/limit"
	"risingstars/platform/storage"
	"risingstars/platform/storage/diskstore"
)

// behindCDN is the real store with the addresses that files have in a bucket behind a CDN.
type behindCDN struct{ *diskstore.Store }

const (
	cdnURL    = "https://clips.example.org/"
	bucketURL = "https://bucket.example.org/"
)

func (behindCDN) URL(_ context.Context, key string, _ time.Duration) (string, error) {
	return cdnURL + key, nil
}

func (behindCDN) SignedURL(_ context.Context, key string, _ time.Duration) (string, error) {
	return bucketURL + key + "?signed", nil
}

// ask asks for a file as a client or a CDN does.
func (s *studio) ask(method, key string) (*httptest.ResponseRecorder, error) {
	s.o.FilesPath = "/media/"
	response := httptest.NewRecorder()
	return response, api{s.Module}.getFile(response, httptest.NewRequest(method, "/media/"+key, http.NoBody))
}

// A CDN that finds a file nowhere asks the service. If the answer led back to the CDN, it would keep that.
func TestTheCDNIsNotSentBackToItself(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		s.bucket = storage.New(behindCDN{s.files}, storage.Options{})
		v := s.claimed(t, s.upload(t, notReallyAVideo()))
		if err := s.jobOf(v).publish(t.Context(), rendered(t)); err != nil {
			t.Fatal(err)
		}
		current := s.read(t, v.ID).ProcessedKey
		for key, want := range map[string]struct{ location, cache string }{
			current:                            {bucketURL + current + "?signed", "public, max-age=300"},
			"processed/" + v.ID + "-0-old.mp4": {cdnURL + current, storage.CacheControl(true)},
		} {
			response, err := s.ask(http.MethodGet, key)
			h := response.Header()
			if err != nil || response.Code != http.StatusFound || h.Get("Location") != want.location ||
				h.Get("Cache-Control") != want.cache {
				t.Errorf("%s is answered with %d %v (%v)", key, response.Code, h, err)
			}
		}
		response, err := s.ask(http.MethodHead, current)
		if err != nil || response.Code != http.StatusOK || response.Header().Get("Content-Type") != "video/mp4" {
			t.Errorf("HEAD is answered with %d %v (%v)", response.Code, response.Header(), err)
		}
	})
}

// stalled is the real store of a bucket that does not answer.
type stalled struct{ *diskstore.Store }

func (stalled) URL(ctx context.Context, _ string, _ time.Duration) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

func TestFilesAreLookedForWithinBounds(t *testing.T) {
	t.Parallel()
	s := setup(t)
	v := s.claimed(t, s.upload(t, notReallyAVideo()))
	if err := s.jobOf(v).publish(t.Context(), rendered(t)); err != nil {
		t.Fatal(err)
	}
	current := s.read(t, v.ID).ProcessedKey

	whole := s.bucket
	s.bucket = storage.New(stalled{s.files}, storage.Options{})
	if _, err := s.ask(http.MethodGet, current); !errors.Is(err, errLookupTime) {
		t.Errorf("a search that goes on ends with %v, want errLookupTime", err)
	}
	s.bucket = whole

	for range fileLookups.AtOnce {
		hold, err := s.limits.Hold(t.Context(), fileLookups, "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(hold.Release)
	}
	if _, err := s.ask(http.MethodGet, "processed/"+v.ID+"-0-old.mp4"); !errors.Is(err, limit.ErrBusy) {
		t.Errorf("one more search ends with %v, want ErrBusy", err)
	}
	s.Module.files = s.files.Serve
	address, err := s.bucket.URL(t.Context(), current, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	response, err := s.ask(http.MethodGet, strings.TrimPrefix(address, "/media/"))
	if err != nil || response.Code != http.StatusOK {
		t.Errorf("a file that is there is answered with %d (%v)", response.Code, err)
	}
}
