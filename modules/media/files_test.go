package media

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

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
