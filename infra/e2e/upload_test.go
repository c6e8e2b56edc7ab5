package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"risingstars/infra/contracttest"
)

// temporaryFiles lists the files that the site's processes keep only for a while: uploads in progress and jobs' working
// files.
func (s *site) temporaryFiles(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, root := range []string{filepath.Join(s.DataDir, "files", ".scratch"), filepath.Join(s.DataDir, "work")} {
		err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
			if os.IsNotExist(err) {
				return nil // removed during the walk
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

// partialUploads lists the uploads of which storage has received a part but not the end.
func (s *site) partialUploads(t *testing.T) (found []string) {
	t.Helper()
	if s.bucket != nil {
		for key := range s.bucket.Uploads(t) {
			found = append(found, key)
		}
		return found
	}
	for _, path := range s.temporaryFiles(t) {
		if strings.Contains(path, "put-") {
			found = append(found, path)
		}
	}
	return found
}

// paddedClip returns the bytes of a clip with so much padding that half of them is more than one part in storage.
func paddedClip(t *testing.T) string {
	t.Helper()
	return shortClipContent(t) + strings.Repeat("\x00", 24<<20)
}

// wantNothingLeft fails the test if the person's uploads left a row, a file or a temporary file.
func (p *person) wantNothingLeft(t *testing.T) {
	t.Helper()
	var videos []video
	p.get(t, "/api/videos", p.Token).want(t, http.StatusOK, "").decode(t, &videos)
	files, temporary := p.storedFiles(t), append(p.temporaryFiles(t), p.partialUploads(t)...)
	if len(videos)+len(files)+len(temporary) > 0 {
		t.Errorf("left: videos %+v, files %q, temporary %q", videos, files, temporary)
	}
}

func TestABadUploadIsRefusedAndLeavesNothing(t *testing.T) {
	onlyInStage(t, embedded, aws) // disk and S3
	t.Parallel()
	const limit = 1 << 20
	s := startSite(t, fmt.Sprintf("MAX_UPLOAD_BYTES=%d", limit))
	ana := s.newPerson(t, "")
	content, err := os.ReadFile(shortClip(t))
	if err != nil {
		t.Fatal(err)
	}
	clip := string(content)
	title, file := part{Name: "title", Value: "Hola"}, part{"file", clip, "clip.mp4"}
	long := part{Name: "title", Value: strings.Repeat("ñ", 201)}
	veryLong := part{Name: "title", Value: strings.Repeat("añ€", 5000)}
	cutLetter := part{Name: "title", Value: strings.Repeat("ñ", 5000)}
	longDescription := part{Name: "description", Value: strings.Repeat("x", 5001)}
	tooLarge := part{"file", clip + strings.Repeat("\x00", limit), "clip.mp4"}
	start := func(value string) part { return part{Name: "start_seconds", Value: value} }
	for name, c := range map[string]struct {
		parts  []part
		status int
		code   string
	}{
		"a text with a video's name":   {[]part{title, {"file", "not a video\n", "clip.mp4"}}, 400, "not_a_video"},
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
		"a title cut within a letter":  {[]part{file, cutLetter}, 422, "invalid"},
		"a long description":           {[]part{file, title, longDescription}, 422, "invalid"},
		"a start that is not a number": {[]part{title, start("soon"), file}, 422, "invalid"},
		"a start before the beginning": {[]part{title, file, start("-1")}, 422, "invalid"},
		"a title in broken UTF-8":      {[]part{file, {Name: "title", Value: "a\xffb"}}, 400, "malformed"},
		"a file over the limit":        {[]part{title, tooLarge}, 413, "too_large"},
	} {
		response := ana.postUploadForm(t, c.parts...)
		if response.Status != c.status {
			t.Errorf("%s: %d %s", name, response.Status, response.Body)
			continue
		}
		response.want(t, c.status, c.code)
		ana.wantNothingLeft(t)
	}

	contentType, body := multipartBody(t, title, file)
	form := body.Bytes()
	upload := func(contentType string, body io.Reader) apiResponse {
		t.Helper()
		return ana.do(t, http.MethodPost, "/api/videos/upload", ana.Token, contentType, body)
	}
	unclosed := form[:bytes.LastIndex(form, []byte("\r\n--"))]
	upload(contentType, bytes.NewReader(unclosed)).want(t, 400, "malformed")
	upload("multipart/form-data; boundary=x", strings.NewReader("y")).want(t, 400, "malformed")
	endless := io.MultiReader(strings.NewReader("--x\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n"),
		strings.NewReader(strings.Repeat("x", limit+2<<20)))
	upload("multipart/form-data; boundary=x", endless).want(t, 413, "too_large")
	upload(contentType, bytes.NewReader(form[:len(form)-200])).want(t, 400, "malformed")
	upload("multipart/form-data", bytes.NewReader(form)).want(t, 400, "malformed")
	upload("application/json", strings.NewReader("{}")).want(t, 415, "unsupported_media_type")
	ana.do(t, http.MethodPost, "/api/videos/upload", "", contentType, bytes.NewReader(form)).
		want(t, 401, "unauthenticated")
	ana.do(t, http.MethodPost, "/api/videos/upload-mock", ana.Token, contentType, bytes.NewReader(form)).
		want(t, 404, "not_found")
	ana.wantNothingLeft(t)
}

// An upload over the limit is refused before its body is read: the client announces its size and sends none of it, or
// sends one that does not end.
func TestAnUploadOverTheLimitIsRefusedBeforeItIsRead(t *testing.T) {
	onlyInStage(t, embedded, aws) // disk and S3
	t.Parallel()
	s := startSite(t, "MAX_UPLOAD_BYTES=1048576")
	ana := s.newPerson(t, "")
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
			_, err := fmt.Fprintf(w, "Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n%x\r\n%s\r\n",
				len(head), head, len(content), content)
			for range 40 { // 2.5 MB and no end
				if err == nil {
					_, err = fmt.Fprintf(w, "10000\r\n%s\r\n", make([]byte, 1<<16))
				}
			}
			return nil //nolint:nilerr // the server may close the connection before it has read everything
		},
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		// If the server waited for the rest of the body, the deadline would end the test.
		if err := conn.SetDeadline(time.Now().Add(waitTimeout)); err != nil {
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
		got := apiResponse{response.StatusCode, response.Header, body}
		got.want(t, http.StatusRequestEntityTooLarge, "too_large")
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/videos/upload", http.NoBody)
		contracttest.Check(t, request, contracttest.Answer(got))
		ana.wantNothingLeft(t)
	}
}

func TestDisconnectedClientLeavesNothing(t *testing.T) {
	onlyInStage(t, embedded, aws) // disk and S3
	t.Parallel()
	s := startSite(t)
	ana := s.newPerson(t, "")
	contentType, form := multipartBody(t, part{Name: "title", Value: "Hola"}, part{"file", paddedClip(t), "clip.mp4"})
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "POST /api/videos/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		ana.Token, contentType, form.Len(), form.Bytes()[:form.Len()/2])
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "half of the upload is in storage", func() bool { return len(s.partialUploads(t)) == 1 })
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "that half is deleted", func() bool { return len(s.partialUploads(t)) == 0 })
	eventually(t, "the request is logged", func() bool {
		return strings.Contains(s.log.String(), "/api/videos/upload")
	})
	ana.wantNothingLeft(t)
}

// Load tests in the wild send any bytes; a mock is never processed, so its name and its type suffice. A real upload,
// and a mock that is called something else, must be a video.
func TestAMockNeedsTheNameAndTheTypeOfAVideoOnly(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := startSite(t, "LOAD_TEST_ENDPOINTS=true")
	ana := s.newPerson(t, "")
	zeros := strings.Repeat("0", 10<<10)
	for _, c := range []struct {
		path, name, contentType string
		status                  int
		code                    string
	}{
		{"upload-mock", "test_video.mp4", "video/mp4", http.StatusAccepted, ""},
		{"upload-mock", "TEST.MOV", "video/quicktime", http.StatusAccepted, ""},
		{"upload-mock", "test_video.mp4", "text/plain", http.StatusBadRequest, "not_a_video"},
		{"upload-mock", "test_video.txt", "video/mp4", http.StatusBadRequest, "not_a_video"},
		{"upload", "test_video.mp4", "video/mp4", http.StatusBadRequest, "not_a_video"},
	} {
		body := "--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nHola\r\n" +
			"--b\r\nContent-Disposition: form-data; name=\"video_file\"; filename=\"" + c.name + "\"\r\n" +
			"Content-Type: " + c.contentType + "\r\n\r\n" + zeros + "\r\n--b--\r\n"
		ana.do(t, http.MethodPost, "/api/videos/"+c.path, ana.Token, "multipart/form-data; boundary=b",
			strings.NewReader(body)).want(t, c.status, c.code)
	}
}

func TestBothFieldNamesAndEitherOrderAreAccepted(t *testing.T) {
	onlyInStage(t, embedded, aws) // disk and S3
	t.Parallel()
	s := startSite(t, "LOAD_TEST_ENDPOINTS=true")
	ana := s.newPerson(t, "")
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
		ana.do(t, http.MethodPost, "/api/videos/upload-mock", ana.Token, contentType, body).
			want(t, http.StatusAccepted, "").decode(t, &v)
		if v.Title != "Canción de cuna" || v.UserID != ana.ID || v.Status != "uploaded" || v.TaskID == "" {
			t.Fatalf("the video is %+v", v)
		}
		stored := ana.video(t, v.VideoID)
		if got := s.get(t, stored.OriginalURL, "").want(t, http.StatusOK, ""); !bytes.Equal(got.Body, content) {
			t.Fatalf("%d of %d bytes are stored", len(got.Body), len(content))
		}
	}
	files := s.storedFiles(t)
	notMP4 := func(file string) bool { return filepath.Ext(file) != ".mp4" }
	if len(files) != 2 || slices.ContainsFunc(files, notMP4) {
		t.Fatalf("storage holds %q", files)
	}
}
