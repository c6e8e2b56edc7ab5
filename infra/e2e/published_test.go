package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"risingstars/infra/contracttest"
)

// shown is a published video as everybody sees it.
type shown struct {
	ProcessedURL string `json:"processed_url"`
	PosterURL    string `json:"poster_url"`
	SmallURL     string `json:"small_url"`
	SmallWidth   int    `json:"small_width"`
	SmallHeight  int    `json:"small_height"`
	Posters      []struct {
		URL           string
		Width, Height int
	}
}

func (s *site) shown(t *testing.T, id string) (v shown) {
	t.Helper()
	s.get(t, "/api/public/videos/"+id, "").want(t, http.StatusOK, "").decode(t, &v)
	return v
}

// addresses are those of all files.
func (v shown) addresses() []string {
	all := []string{v.ProcessedURL, v.SmallURL}
	for _, p := range v.Posters {
		all = append(all, p.URL)
	}
	return all
}

// An address of a published file, which caches and share cards keep, stays as it is and leads to the file, whatever
// keeps the files; after the video has been processed again, to the new file; and nowhere once the video is deleted.
func TestAddressesOfPublishedFilesLast(t *testing.T) {
	t.Parallel()
	s := newSite(t).withSmall()
	s.start(t)
	if stage() == onehost {
		s.URL = startNginx(t, s).URL
	}
	ana := s.newPerson(t, "")
	id := ana.upload(t, shortClip(t), "Canción")
	if v := ana.waitForFinal(t, id); v.Status != "processed" {
		t.Fatalf("%+v", v)
	}
	before := s.shown(t, id)
	if before.SmallWidth != 640 || before.SmallHeight != 360 || len(before.Posters) != 3 ||
		before.Posters[0].URL != before.PosterURL || before.Posters[2].Width != 320 || before.Posters[2].Height != 180 {
		t.Fatalf("everybody sees %+v", before)
	}
	again := s.shown(t, id)
	if !slices.Equal(before.addresses(), again.addresses()) {
		t.Errorf("the addresses were %v and are %v", before.addresses(), again.addresses())
	}
	for _, address := range before.addresses() {
		if strings.Contains(address, "?") {
			t.Errorf("%s ends some day", address)
		}
		s.wantFile(t, address)
	}

	if out, errs, code := s.runApp(t, "reprocess", id); code != 0 {
		t.Fatalf("exit code %d, %s%s", code, out, errs)
	}
	var after shown
	eventually(t, "the video has new files", func() bool {
		after = s.shown(t, id)
		return after.ProcessedURL != before.ProcessedURL
	})
	for i, address := range before.addresses() {
		old, now := s.wantFile(t, address), s.wantFile(t, after.addresses()[i])
		if old != now {
			t.Errorf("%s does not lead to %s", address, after.addresses()[i])
		}
	}

	s.do(t, http.MethodDelete, "/api/videos/"+id, ana.Token, "", nil).want(t, http.StatusOK, "")
	for _, address := range append(before.addresses(), after.addresses()...) {
		s.get(t, address, "").want(t, http.StatusNotFound, "not_found")
	}
	s.wantNothingFound(t)
}

// wantFile reads a published file, in whole and in part, and returns its content.
func (s *site) wantFile(t *testing.T, address string) string {
	t.Helper()
	kind := "image/jpeg"
	if strings.HasSuffix(address, ".mp4") {
		kind = "video/mp4"
	}
	whole := s.get(t, address, "").want(t, http.StatusOK, "")
	if got := whole.Header.Get("Content-Type"); got != kind {
		t.Errorf("%s is %s, want %s", address, got, kind)
	}
	if cache := whole.Header.Get("Cache-Control"); !strings.HasPrefix(cache, "public, max-age=") {
		t.Errorf("%s may be kept: %q", address, cache)
	}
	for method, status := range map[string]int{
		http.MethodHead: http.StatusOK, http.MethodGet: http.StatusPartialContent,
	} {
		request, err := http.NewRequestWithContext(t.Context(), method, address, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if method == http.MethodGet {
			request.Header.Set("Range", "bytes=0-9")
		}
		response, err := contracttest.Client(t).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != status || response.Header.Get("Content-Type") != kind {
			t.Errorf("%s %s: %s, %s", method, address, response.Status, response.Header.Get("Content-Type"))
		}
	}
	return string(whole.Body)
}
