package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// stalledForm is an upload that never ends.
type stalledForm struct {
	contentType string
	begun       []byte // all of it but the end
}

func newStalledForm(t *testing.T, content string) stalledForm {
	t.Helper()
	contentType, form := multipartBody(t, part{Name: "title", Value: "Never"}, part{"file", content, "clip.mp4"})
	return stalledForm{contentType, form.Bytes()[:form.Len()-1000]}
}

// send sends what there is of the form to the site, once the site begins to read it, and keeps the connection open.
func (f stalledForm) send(s *site, token string) (net.Conn, error) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(conn, "POST /api/videos/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
		token, f.contentType, len(f.begun)+1000)
	if err == nil {
		var status string
		status, err = bufio.NewReader(conn).ReadString('\n')
		if err == nil && !strings.Contains(status, " 100 ") {
			err = fmt.Errorf("the upload is answered with %s", status)
		}
	}
	if err == nil {
		_, err = conn.Write(f.begun)
	}
	return conn, err
}

// Memory, in which parts for S3 wait until they are whole, is bounded; a part that finds none left waits in a file.
func TestStalledUploadsTakeNothingFromOthers(t *testing.T) {
	onlyInStage(t, embedded, aws) // disk and S3
	t.Parallel()
	const stalled = 100
	s := besiege(t, "RATE_LIMITS=false")
	almostAPart := newStalledForm(t, readFile(t, shortClip(t))+strings.Repeat("x", 4_900_000))
	attackers := voterTokens(t, 60+stalled)[60:] // the first ones vote
	ana, padded := s.newPerson(t, ""), paddedClip(t)
	s.while(t, func(ctx context.Context) {
		var group sync.WaitGroup
		for _, token := range attackers {
			group.Go(func() {
				conn, err := almostAPart.send(s.site, token)
				if err != nil {
					t.Error(err)
				}
				if conn != nil {
					context.AfterFunc(ctx, func() { _ = conn.Close() })
				}
			})
		}
		group.Wait()
		var healthy video
		ana.postUploadForm(t, part{"file", padded, "clip.mp4"}, part{Name: "title", Value: "Healthy"}).
			want(t, http.StatusCreated, "").decode(t, &healthy)
		if v := ana.waitForFinal(t, healthy.VideoID); v.Status != "processed" {
			t.Errorf("the video of somebody else is %+v", v)
		}
	})
}

func TestAnAccountHasThreeUploadsAtOnce(t *testing.T) {
	attackIn(t, embedded, aws)
	t.Parallel()
	s := startSite(t)
	ana, beto := s.newPerson(t, ""), s.newPerson(t, "")
	form := newStalledForm(t, readFile(t, shortClip(t)))
	var stalled []net.Conn
	for range 3 {
		conn, err := form.send(s, ana.Token)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		stalled = append(stalled, conn)
	}
	answer := ana.tryUpload(t, shortClip(t), "Fourth").want(t, http.StatusTooManyRequests, "too_many_at_once")
	if answer.Header.Get("Retry-After") == "" {
		t.Errorf("the refusal does not say when to try again: %v", answer.Header)
	}
	beto.upload(t, shortClip(t), "Not concerned")
	if err := stalled[0].Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an upload takes the place of one that has ended", func() bool {
		return ana.tryUpload(t, shortClip(t), "In its place").Status == http.StatusCreated
	})

	for range 3 {
		beto.beginDirectUpload(t, 1000)
	}
	beto.post(t, "/api/videos/uploads", beto.Token, map[string]any{
		"title": "Fourth", "content_type": "video/mp4", "size": 1000,
	}).want(t, http.StatusBadRequest, "too_many_uploads")
}

func TestQuotasOfAnAccount(t *testing.T) {
	attackIn(t, embedded, aws)
	t.Parallel()
	s := startSite(t, "UPLOADS_UNPUBLISHED_PER_ACCOUNT=2", "UPLOADS_PER_DAY_PER_ACCOUNT=3",
		"UPLOADS_BYTES_PER_ACCOUNT=3000000")
	ana, beto := s.newPerson(t, ""), s.newPerson(t, "")
	begin := func(p *person, size int) apiResponse {
		return p.post(t, "/api/videos/uploads", p.Token, map[string]any{
			"title": "Song", "content_type": "video/mp4", "size": size,
		})
	}
	var first struct {
		ID string `json:"upload_id"`
	}
	begin(ana, 1000).want(t, http.StatusCreated, "").decode(t, &first)
	begin(ana, 1000).want(t, http.StatusCreated, "")
	begin(ana, 1000).want(t, http.StatusBadRequest, "too_many_unpublished")
	ana.tryUpload(t, shortClip(t), "Third").want(t, http.StatusBadRequest, "too_many_unpublished")
	cancel := func() {
		ana.do(t, http.MethodDelete, "/api/videos/uploads/"+first.ID, ana.Token, "", nil).want(t, http.StatusOK, "")
	}
	cancel()
	begin(ana, 1000).want(t, http.StatusCreated, "").decode(t, &first)
	cancel()
	answer := begin(ana, 1000).want(t, http.StatusTooManyRequests, "daily_limit")
	if answer.Header.Get("Retry-After") == "" || !strings.Contains(string(answer.Body), "24 horas") {
		t.Errorf("the refusal does not say when to come back: %v %s", answer.Header, answer.Body)
	}

	begin(beto, 3_000_001).want(t, http.StatusBadRequest, "storage_quota")
	begin(beto, 3_000_000).want(t, http.StatusCreated, "")
	beto.tryUpload(t, shortClip(t), "Too much").want(t, http.StatusBadRequest, "storage_quota")
}
