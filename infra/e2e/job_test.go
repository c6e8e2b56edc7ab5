package e2e

import (
	"bytes"
	"net/http"
	"net/url"
	"testing"
)

// The calls of the contract lead through the whole job: sign up, sign in, upload, process, publish, watch, vote, rank,
// delete.
func TestMainUserJourney(t *testing.T) {
	t.Parallel()
	s := newSite(t).withSmall()
	s.start(t)
	ana := s.newPerson(t, "Bogotá")

	id := ana.upload(t, shortClip(t), "Mi canción")
	v := ana.waitForFinal(t, id)
	if v.Status != "processed" || v.Progress != 100 || v.Failure != nil ||
		v.DurationSeconds < 6.5 || v.DurationSeconds > 7.5 {
		t.Fatalf("the video is %+v", v)
	}

	whole := s.get(t, v.ProcessedURL, "").want(t, http.StatusOK, "")
	if whole.Header.Get("Content-Type") != "video/mp4" || whole.Header.Get("Accept-Ranges") != "bytes" {
		t.Fatalf("the clip has the headers %v", whole.Header)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.ProcessedURL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Range", "bytes=100-199")
	middle := send(t, request)
	if middle.Status != http.StatusPartialContent || !bytes.Equal(middle.Body, whole.Body[100:200]) {
		t.Fatalf("range 100-199 is answered with %d and %d bytes", middle.Status, len(middle.Body))
	}
	poster := s.get(t, v.PosterURL, "").want(t, http.StatusOK, "")
	if poster.Header.Get("Content-Type") != "image/jpeg" {
		t.Fatalf("the poster has the headers %v", poster.Header)
	}

	gallery := s.get(t, "/api/public/videos?page=1&page_size=10", "").want(t, http.StatusOK, "")
	var entries []struct {
		video
		PlayerName string `json:"player_name"`
		City       string
		Country    string
	}
	gallery.decode(t, &entries)
	if len(entries) != 1 || entries[0].VideoID != id || entries[0].Title != "Mi canción" ||
		entries[0].City != "Bogotá" || withoutQuery(entries[0].ProcessedURL) != withoutQuery(v.ProcessedURL) ||
		gallery.Header.Get("X-Total-Count") != "1" || gallery.Header.Get("Link") == "" {
		t.Fatalf("the gallery is %s with the headers %v", gallery.Body, gallery.Header)
	}
	s.get(t, "/api/public/videos/"+id, "").want(t, http.StatusOK, "")

	beto := s.newPerson(t, "Cali")
	vote := "/api/public/videos/" + id + "/vote"
	var cast struct {
		TotalVotes int `json:"total_votes"`
	}
	s.post(t, vote, beto.Token, nil).want(t, http.StatusOK, "").decode(t, &cast)
	if cast.TotalVotes != 1 {
		t.Fatalf("the vote gives %d votes", cast.TotalVotes)
	}
	s.post(t, vote, beto.Token, nil).want(t, http.StatusBadRequest, "already_voted")

	for query, want := range map[string]int{
		"?page=1&page_size=20": 1, "?city=" + url.QueryEscape("Bogotá"): 1, "?city=bogota": 1, "?city=Cali": 0,
		"?country=COLOMBIA": 1,
	} {
		var ranking struct {
			Rankings []struct {
				Position, Votes int
				UserID          string `json:"user_id"`
			}
			Total int
			AsOf  string `json:"as_of"`
		}
		s.get(t, "/api/public/rankings"+query, "").want(t, http.StatusOK, "").decode(t, &ranking)
		if ranking.Total != want || len(ranking.Rankings) != want || ranking.AsOf == "" {
			t.Fatalf("rankings%s are %+v, want %d", query, ranking, want)
		}
		if want == 0 {
			continue
		}
		if first := ranking.Rankings[0]; first.UserID != ana.ID || first.Position != 1 || first.Votes != 1 {
			t.Fatalf("rankings%s are %+v", query, ranking)
		}
	}

	remove := "/api/videos/" + id
	s.do(t, http.MethodDelete, remove, ana.Token, "", nil).want(t, http.StatusBadRequest, "has_votes")
	s.do(t, http.MethodDelete, vote, beto.Token, "", nil).want(t, http.StatusOK, "")
	s.do(t, http.MethodDelete, vote, beto.Token, "", nil).want(t, http.StatusBadRequest, "not_voted")
	s.do(t, http.MethodDelete, remove, ana.Token, "", nil).want(t, http.StatusOK, "")
	s.get(t, remove, ana.Token).want(t, http.StatusNotFound, "not_found")
	s.wantNotPublished(t, id)
	if left := s.storedFiles(t); len(left) != 0 {
		t.Fatalf("files left behind: %v", left)
	}
}

// wantNotPublished waits until the public no longer sees a video, whose answer may have been prepared before.
func (s *site) wantNotPublished(t *testing.T, id string) {
	t.Helper()
	eventually(t, "the public no longer sees the video", func() bool {
		return s.get(t, "/api/public/videos/"+id, "").Status == http.StatusNotFound
	})
}
