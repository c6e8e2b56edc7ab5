package e2e

import (
	"bytes"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// slowUpload is an upload whose client has sent a part of the file and waits.
type slowUpload struct {
	rest   string
	form   *multipart.Writer
	file   io.Writer
	pipe   *io.PipeWriter
	status chan int // of the answer; 0 when there was none
}

// startUpload begins an upload and returns when the server has begun to store it.
func (p *person) startUpload(t *testing.T) *slowUpload {
	t.Helper()
	clip := heavyClip(t)
	reader, writer := io.Pipe()
	u := &slowUpload{rest: clip[len(clip)/2:], form: multipart.NewWriter(writer), pipe: writer, status: make(chan int, 1)}
	request, err := http.NewRequest(http.MethodPost, p.URL+"/api/videos/upload-mock", reader)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+p.Token)
	request.Header.Set("Content-Type", u.form.FormDataContentType())
	go func() {
		response, err := (&http.Transport{}).RoundTrip(request)
		if err != nil {
			u.status <- 0
			return
		}
		_ = response.Body.Close()
		u.status <- response.StatusCode
	}()
	t.Cleanup(func() { _ = writer.CloseWithError(io.ErrClosedPipe) })
	if err := u.form.WriteField("title", "Lenta"); err != nil {
		t.Fatal(err)
	}
	if u.file, err = u.form.CreateFormFile("file", "clip.mp4"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(u.file, clip[:len(clip)/2]); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the upload arrives", func() bool { return len(p.arriving(t)) > 0 })
	return u
}

// finish sends the rest.
func (u *slowUpload) finish(t *testing.T) {
	t.Helper()
	_, err := io.WriteString(u.file, u.rest)
	if err == nil {
		err = u.form.Close()
	}
	if err == nil {
		err = u.pipe.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// stopping asks the site to stop and returns when it has heard: no connection is taken any more.
func (s *site) stopping(t *testing.T) {
	t.Helper()
	s.signal(t, syscall.SIGTERM)
	eventually(t, "the site stops listening", func() bool {
		connection, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
		if err == nil {
			_ = connection.Close()
		}
		return err != nil
	})
}

func TestAStopWaitsForAnUploadUnderWay(t *testing.T) {
	t.Parallel()
	s := startSite(t, "LOAD_TEST_ENDPOINTS=true", "SHUTDOWN_GRACE_SECONDS=120")
	ana := s.join(t, "")
	upload := ana.startUpload(t)
	s.stopping(t)
	upload.finish(t)
	if status := <-upload.status; status != http.StatusAccepted {
		t.Fatalf("the upload ended with %d", status)
	}
	if code := s.wait(t); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if rows, files := s.rows(t, `SELECT COUNT(*) AS n FROM media_videos`), s.files(t); rows != 1 || len(files) != 1 {
		t.Fatalf("%d rows and the files %v", rows, files)
	}
}

func TestAnUploadThatNeverEndsIsCutOffAndLeavesNothing(t *testing.T) {
	t.Parallel()
	s := startSite(t, "LOAD_TEST_ENDPOINTS=true", "SHUTDOWN_GRACE_SECONDS=1")
	ana := s.join(t, "")
	upload := ana.startUpload(t)
	began := time.Now()
	s.stopping(t)
	if code := s.wait(t); code != 0 { // so it is when the request is not over 10 s after the grace
		t.Fatalf("exit code %d", code)
	}
	if took := time.Since(began); took < time.Second {
		t.Errorf("the stop took %s", took)
	}
	_ = upload.pipe.CloseWithError(io.ErrClosedPipe) // the client waits for its own body, also after the connection is gone
	if status := <-upload.status; status == http.StatusAccepted {
		t.Errorf("the upload ended with %d", status)
	}
	rows := s.rows(t, `SELECT COUNT(*) AS n FROM media_videos`)
	if files, temporary := s.files(t), append(s.temporary(t), s.arriving(t)...); rows != 0 || len(files) != 0 || len(temporary) != 0 {
		t.Fatalf("%d rows, the files %v and the temporary ones %v are left", rows, files, temporary)
	}
}

func TestASecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	s := startSite(t, "LOAD_TEST_ENDPOINTS=true", "SHUTDOWN_GRACE_SECONDS=600")
	s.join(t, "").startUpload(t)
	s.stopping(t)
	s.processes[0].signal(t, syscall.SIGTERM)
	if code := s.processes[0].wait(t); code != 1 { // which has less patience than the grace is long
		t.Fatalf("exit code %d", code)
	}
}

func TestATakenPortIsOneClearLine(t *testing.T) {
	only(t, embedded)
	t.Parallel()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	address := other.Addr().String()
	s := &site{DataDir: t.TempDir()}
	_, complaint, code := s.app(t, "serve", "--http-addr="+address)
	var lines []string
	for line := range strings.Lines(complaint) {
		if strings.HasPrefix(line, "app: ") || !strings.HasPrefix(line, "{") { // the others are the log's
			lines = append(lines, line)
		}
	}
	if code != 1 || len(lines) != 1 || !strings.Contains(lines[0], address) || !strings.Contains(lines[0], "HTTP_ADDR") ||
		!strings.Contains(lines[0], "address already in use") {
		t.Fatalf("exit code %d:\n%s", code, complaint)
	}
}

func TestAWrongConfigurationIsListedWhole(t *testing.T) {
	only(t, embedded)
	t.Parallel()
	s := &site{DataDir: t.TempDir()}
	cmd := s.command(t, "serve")
	cmd.Env = append(cmd.Env, "SECRET_KEY=hunter2", "MAX_UPLOAD_BYTES=many", "LOG_LEVEL=chatty", "REDIS_URL=redis://h", "QUEUE_BACKEND=embedded")
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	_ = cmd.Run() // the exit code is looked at
	if code := cmd.ProcessState.ExitCode(); code != 2 {
		t.Fatalf("exit code %d:\n%s", code, &complaint)
	}
	for _, name := range []string{"SECRET_KEY", "MAX_UPLOAD_BYTES", "LOG_LEVEL", "REDIS_URL"} {
		if !strings.Contains(complaint.String(), name+": ") {
			t.Errorf("%s is not named:\n%s", name, &complaint)
		}
	}
	if strings.Contains(complaint.String(), "hunter2") {
		t.Errorf("the complaint repeats the secret:\n%s", &complaint)
	}
}
