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

	"risingstars/infra/contracttest"
)

// slowUpload is an upload whose client has sent the first half of the file and pauses.
type slowUpload struct {
	rest   string
	form   *multipart.Writer
	file   io.Writer
	pipe   *io.PipeWriter
	status chan int // of the response; 0 if there is none
}

// startUpload begins an upload and returns when the server has begun to store it.
func (p *person) startUpload(t *testing.T) *slowUpload {
	t.Helper()
	clip := paddedClip(t)
	reader, writer := io.Pipe()
	u := &slowUpload{
		rest: clip[len(clip)/2:], form: multipart.NewWriter(writer), pipe: writer, status: make(chan int, 1),
	}
	request, err := http.NewRequest(http.MethodPost, p.URL+"/api/videos/upload-mock", reader)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+p.Token)
	request.Header.Set("Content-Type", u.form.FormDataContentType())
	go func() {
		response, err := contracttest.Transport(t, &http.Transport{}).RoundTrip(request)
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
	eventually(t, "a part of the upload is in storage", func() bool { return len(p.partialUploads(t)) > 0 })
	return u
}

// finish sends the rest of the file.
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

// beginStop asks the site to stop and returns when it no longer accepts connections.
func (s *site) beginStop(t *testing.T) {
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

func TestStopWaitsForAnUploadInProgress(t *testing.T) {
	onlyInStage(t, embedded, aws)
	t.Parallel()
	s := startSite(t, "LOAD_TEST_ENDPOINTS=true", "SHUTDOWN_GRACE_SECONDS=120")
	ana := s.newPerson(t, "")
	upload := ana.startUpload(t)
	s.beginStop(t)
	upload.finish(t)
	if status := <-upload.status; status != http.StatusAccepted {
		t.Fatalf("the upload ended with %d", status)
	}
	if code := s.wait(t); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	rows, files := s.queryInt(t, `SELECT COUNT(*) AS n FROM media_videos`), s.storedFiles(t)
	if rows != 1 || len(files) != 1 {
		t.Fatalf("there are %d rows and the files %v, want one of each", rows, files)
	}
}

func TestAnUploadThatNeverEndsIsCutOffAndLeavesNothing(t *testing.T) {
	onlyInStage(t, embedded, aws) // disk and S3
	t.Parallel()
	s := startSite(t, "LOAD_TEST_ENDPOINTS=true", "SHUTDOWN_GRACE_SECONDS=1")
	ana := s.newPerson(t, "")
	upload := ana.startUpload(t)
	began := time.Now()
	s.beginStop(t)
	if code := s.wait(t); code != 0 { // it would be 1 if the request were still running 10 s after the grace
		t.Fatalf("exit code %d", code)
	}
	if took := time.Since(began); took < time.Second {
		t.Errorf("the stop took %s", took)
	}
	// The client waits for its own body even after the connection is closed.
	_ = upload.pipe.CloseWithError(io.ErrClosedPipe)
	if status := <-upload.status; status == http.StatusAccepted {
		t.Errorf("the upload ended with %d", status)
	}
	rows := s.queryInt(t, `SELECT COUNT(*) AS n FROM media_videos`)
	files, temporary := s.storedFiles(t), append(s.temporaryFiles(t), s.partialUploads(t)...)
	if rows != 0 || len(files) != 0 || len(temporary) != 0 {
		t.Fatalf("%d rows, the files %v and the temporary files %v are left", rows, files, temporary)
	}
}

func TestSecondSignalExitsAtOnce(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := startSite(t, "LOAD_TEST_ENDPOINTS=true", "SHUTDOWN_GRACE_SECONDS=600")
	s.newPerson(t, "").startUpload(t)
	s.beginStop(t)
	s.processes[0].signal(t, syscall.SIGTERM)
	if code := s.processes[0].wait(t); code != 1 { // wait fails the test long before the grace is over
		t.Fatalf("exit code %d", code)
	}
}

func TestPortInUseIsOneClearLine(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	address := other.Addr().String()
	s := &site{DataDir: t.TempDir()}
	_, errs, code := s.runApp(t, "serve", "--http-addr="+address)
	var lines []string
	for line := range strings.Lines(errs) {
		if strings.HasPrefix(line, "app: ") || !strings.HasPrefix(line, "{") { // lines with { belong to the log
			lines = append(lines, line)
		}
	}
	if code != 1 || len(lines) != 1 || !strings.Contains(lines[0], address) ||
		!strings.Contains(lines[0], "HTTP_ADDR") || !strings.Contains(lines[0], "address already in use") {
		t.Fatalf("exit code %d:\n%s", code, errs)
	}
}

func TestEveryConfigurationProblemIsListed(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := &site{DataDir: t.TempDir()}
	cmd := s.command(t, "serve")
	cmd.Env = append(cmd.Env, "SECRET_KEY=hunter2", "MAX_UPLOAD_BYTES=many", "LOG_LEVEL=chatty",
		"REDIS_URL=redis://h", "QUEUE_BACKEND=embedded")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	_ = cmd.Run() // the exit code is checked instead of the error
	if code := cmd.ProcessState.ExitCode(); code != 2 {
		t.Fatalf("exit code %d:\n%s", code, &stderr)
	}
	for _, name := range []string{"SECRET_KEY", "MAX_UPLOAD_BYTES", "LOG_LEVEL", "REDIS_URL"} {
		if !strings.Contains(stderr.String(), name+": ") {
			t.Errorf("%s is not named:\n%s", name, &stderr)
		}
	}
	if strings.Contains(stderr.String(), "hunter2") {
		t.Errorf("the error message repeats the secret:\n%s", &stderr)
	}
}
