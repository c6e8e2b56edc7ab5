package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// temporary lists the files that processes of the site keep for a while: uploads in flight and the work of jobs.
func (s *site) temporary(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, root := range []string{filepath.Join(s.DataDir, "files", ".scratch"), filepath.Join(s.DataDir, "work")} {
		err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
			if os.IsNotExist(err) {
				return nil // removed while we look
			}
			if err == nil && !entry.IsDir() && entry.Name() != "lock" && entry.Name() != "guard" {
				found = append(found, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// arriving lists the uploads of which storage holds a part and that are no objects yet.
func (s *site) arriving(t *testing.T) (found []string) {
	t.Helper()
	if s.bucket != nil {
		for key := range s.bucket.Uploads(t) {
			found = append(found, key)
		}
		return found
	}
	for _, path := range s.temporary(t) {
		if strings.Contains(path, "put-") {
			found = append(found, path)
		}
	}
	return found
}

// heavyClip is a clip with so much behind it that half of it is more than what storage takes at once.
func heavyClip(t *testing.T) string {
	t.Helper()
	return clipBytes(t) + strings.Repeat("\x00", 24<<20)
}

// wantNothing fails the test when the person's uploads left a row, a file or a temporary file.
func (p *person) wantNothing(t *testing.T) {
	t.Helper()
	var videos []video
	p.get(t, "/api/videos", p.Token).want(t, http.StatusOK, "").into(t, &videos)
	files, temporary := p.files(t), append(p.temporary(t), p.arriving(t)...)
	if len(videos)+len(files)+len(temporary) > 0 {
		t.Errorf("left: videos %+v, files %q, temporary %q", videos, files, temporary)
	}
}

func TestABadUploadIsRefusedAndLeavesNothing(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	s := startSite(t, fmt.Sprintf("MAX_UPLOAD_BYTES=%d", limit))
	ana := s.join(t, "")
	content, err := os.ReadFile(shortClip(t))
	if err != nil {
		t.Fatal(err)
	}
	clip := string(content)
	title, file := part{Name: "title", Value: "Hola"}, part{"file", clip, "clip.mp4"}
	long := part{Name: "title", Value: strings.Repeat("ñ", 201)}
	veryLong := part{Name: "title", Value: strings.Repeat("añ€", 5000)}
	for name, c := range map[string]struct {
		parts  []part
		status int
		code   string
	}{
		"a text with a video's name":   {[]part{title, {"file", "I am not a video.\n", "clip.mp4"}}, 400, "not_a_video"},
		"an empty file":                {[]part{title, {"file", "", "clip.mp4"}}, 400, "not_a_video"},
		"no file":                      {[]part{title}, 400, "missing_file"},
		"nothing":                      {nil, 422, "invalid"},
		"an unknown field":             {[]part{title, {"movie", clip, "clip.mp4"}}, 400, "missing_file"},
		"two files":                    {[]part{title, file, {"video_file", clip, "clip.mp4"}}, 422, "invalid"},
		"no title":                     {[]part{file}, 422, "invalid"},
		"a blank title":                {[]part{{Name: "title", Value: " \t "}, file}, 422, "invalid"},
		"a long title first":           {[]part{long, file}, 422, "invalid"},
		"a long title last":            {[]part{file, long}, 422, "invalid"},
		"a very long title":            {[]part{file, veryLong}, 422, "invalid"},
		"a title cut within a letter":  {[]part{file, {Name: "title", Value: strings.Repeat("ñ", 5000)}}, 422, "invalid"},
		"a long description":           {[]part{file, title, {Name: "description", Value: strings.Repeat("x", 5001)}}, 422, "invalid"},
		"a start that is no number":    {[]part{title, {Name: "start_seconds", Value: "soon"}, file}, 422, "invalid"},
		"a start before the beginning": {[]part{title, file, {Name: "start_seconds", Value: "-1"}}, 422, "invalid"},
		"a title in broken UTF-8":      {[]part{file, {Name: "title", Value: "a\xffb"}}, 400, "malformed"},
		"a file over the limit":        {[]part{title, {"file", clip + strings.Repeat("\x00", limit), "clip.mp4"}}, 413, "too_large"},
	} {
		answer := ana.form(t, c.parts...)
		if answer.Status != c.status {
			t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
			continue
		}
		answer.want(t, c.status, c.code)
		ana.wantNothing(t)
	}

	contentType, body := multipartBody(t, title, file)
	unclosed := body.Bytes()[:bytes.LastIndex(body.Bytes(), []byte("\r\n--"))]
	ana.do(t, http.MethodPost, "/api/videos/upload", ana.Token, contentType, bytes.NewReader(unclosed)).want(t, 400, "malformed")
	ana.do(t, http.MethodPost, "/api/videos/upload", ana.Token, "multipart/form-data; boundary=x", strings.NewReader("y")).want(t, 400, "malformed")
	endless := io.MultiReader(strings.NewReader("--x\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n"),
		strings.NewReader(strings.Repeat("x", limit+2<<20)))
	ana.do(t, http.MethodPost, "/api/videos/upload", ana.Token, "multipart/form-data; boundary=x", endless).want(t, 413, "too_large")
	cut := body.Bytes()[:body.Len()-200]
	ana.do(t, http.MethodPost, "/api/videos/upload", ana.Token, contentType, bytes.NewReader(cut)).want(t, 400, "malformed")
	ana.do(t, http.MethodPost, "/api/videos/upload", ana.Token, "multipart/form-data", bytes.NewReader(body.Bytes())).want(t, 400, "malformed")
	ana.do(t, http.MethodPost, "/api/videos/upload", ana.Token, "application/json", strings.NewReader("{}")).want(t, 415, "unsupported_media_type")
	ana.do(t, http.MethodPost, "/api/videos/upload", "", contentType, bytes.NewReader(body.Bytes())).want(t, 401, "unauthenticated")
	ana.do(t, http.MethodPost, "/api/videos/upload-mock", ana.Token, contentType, bytes.NewReader(body.Bytes())).want(t, 404, "not_found")
	ana.wantNothing(t)
}

// TestAnUploadOverTheLimitIsRefusedBeforeItIsRead sends what must never be needed for the answer: nothing of the body, or
// one that has no end.
func TestAnUploadOverTheLimitIsRefusedBeforeItIsRead(t *testing.T) {
	t.Parallel()
	s := startSite(t, "MAX_UPLOAD_BYTES=1048576")
	ana := s.join(t, "")
	head := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"clip.mp4\"\r\n\r\n"
	content, err := os.ReadFile(shortClip(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, send := range map[string]func(w io.Writer) error{
		"announced": func(w io.Writer) error {
			_, err := io.WriteString(w, "Content-Length: 200000000\r\n\r\n")
			return err
		},
		"in chunks": func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n%x\r\n%s\r\n", len(head), head, len(content), content)
			for range 40 { // 2.5 MB and no end
				if err == nil {
					_, err = fmt.Fprintf(w, "10000\r\n%s\r\n", make([]byte, 1<<16))
				}
			}
			return nil //nolint:nilerr // the server may hang up when it has heard enough
		},
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil { // a server that read on would end it by another answer
			t.Fatal(err)
		}
		_, err = fmt.Fprintf(conn, "POST /api/videos/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
			"Content-Type: multipart/form-data; boundary=b\r\n", ana.Token)
		if err != nil {
			t.Fatal(err)
		}
		if err := send(conn); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		body, _ := io.ReadAll(response.Body)
		answer{response.StatusCode, response.Header, body}.want(t, http.StatusRequestEntityTooLarge, "too_large")
		ana.wantNothing(t)
	}
}

func TestAClientThatGoesAwayLeavesNothing(t *testing.T) {
	t.Parallel()
	s := startSite(t)
	ana := s.join(t, "")
	contentType, form := multipartBody(t, part{Name: "title", Value: "Hola"}, part{"file", heavyClip(t), "clip.mp4"})
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "POST /api/videos/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		ana.Token, contentType, form.Len(), form.Bytes()[:form.Len()/2])
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "half of the upload is in storage", func() bool { return len(s.arriving(t)) == 1 })
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the half is gone", func() bool { return len(s.arriving(t)) == 0 })
	eventually(t, "the request is over", func() bool { return strings.Contains(s.log.String(), "/api/videos/upload") })
	ana.wantNothing(t)
}

func TestBothFieldNamesAndEitherOrderAreTaken(t *testing.T) {
	t.Parallel()
	s := startSite(t, "LOAD_TEST_ENDPOINTS=true")
	ana := s.join(t, "")
	content, err := os.ReadFile(shortClip(t))
	if err != nil {
		t.Fatal(err)
	}
	title := part{Name: "title", Value: "  Canción \x01 de\tcuna "}
	for _, parts := range [][]part{
		{title, {"file", string(content), "clip.mp4"}}, {{"video_file", string(content), "no name to speak of"}, title},
	} {
		contentType, body := multipartBody(t, parts...)
		var v video
		ana.do(t, http.MethodPost, "/api/videos/upload-mock", ana.Token, contentType, body).want(t, http.StatusAccepted, "").into(t, &v)
		if v.Title != "Canción de cuna" || v.UserID != ana.ID || v.Status != "uploaded" || v.TaskID == "" {
			t.Fatalf("%+v", v)
		}
		stored := ana.video(t, v.VideoID)
		if got := s.get(t, stored.OriginalURL, "").want(t, http.StatusOK, ""); !bytes.Equal(got.Body, content) {
			t.Fatalf("%d bytes are stored of %d", len(got.Body), len(content))
		}
	}
	if files := s.files(t); len(files) != 2 || slices.ContainsFunc(files, func(f string) bool { return filepath.Ext(f) != ".mp4" }) {
		t.Fatalf("stored are %q", files)
	}
}
