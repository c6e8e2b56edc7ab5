package e2e

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// uploadsPerDay are those of useForAWhile and one more.
const uploadsPerDay = 4

// forFaults returns the settings with which a site can suffer: the largest upload does not fit on the disk, and a mock
// is an upload whose task was never sent.
func (s *site) forFaults(t *testing.T) []string {
	t.Helper()
	var volume syscall.Statfs_t
	if err := syscall.Statfs(s.DataDir, &volume); err != nil {
		t.Fatal(err)
	}
	const largest, spare = 50 << 30, 40 << 30
	free := int64(volume.Bavail) * int64(volume.Bsize) //nolint:unconvert // systems differ in the types
	return []string{
		"LOAD_TEST_ENDPOINTS=true", fmt.Sprint("MAX_UPLOAD_BYTES=", largest), "UPLOADS_BYTES_PER_ACCOUNT=0",
		fmt.Sprint("DISK_RESERVE_BYTES=", max(1<<30, free-spare)),
		fmt.Sprint("UPLOADS_PER_DAY_PER_ACCOUNT=", uploadsPerDay),
	}
}

// happened lists expressions that have a value once all that useForAWhile does is counted.
func happened() []string {
	list := []string{
		`app_build_info{role="serve"} == 1`,
		`max_over_time(http_prepared_age_seconds[10m]) > 0`,
		`sum(http_request_duration_seconds_count{status=~"5.."}) > 0`,
		`media_leases_lost_total > 0`,
		`media_swept_total{act="task_sent"} > 0`,
		`media_videos_failed_total > 0`,
		`storage_operation_duration_seconds_count{result!="ok"} > 0`,
	}
	for _, outcome := range []string{"accepted", "refused", "aborted", "full", "failed", "too_many"} {
		list = append(list, fmt.Sprintf(`media_uploads_total{way="form",outcome=%q} > 0`, outcome))
	}
	return list
}

// suffer makes happen what is nobody's wish: work, tasks, files and connections get lost, and there is no room. Ana has
// uploaded before, and goes on to upload the broken clip until it is too much. The result is what must not appear in
// metrics.
func (s *site) suffer(t *testing.T, ana *person, broken string) (private []string) {
	t.Helper()
	lost := ana.uploadMock(t, tinyClip(t), "Mine, too")
	s.processMocks(t) // as if the queue had lost its task: the sweeper sends it again

	ben := s.newPerson(t, "")
	deleted := ben.upload(t, twentySeconds(t), "Deleted in its job")
	ben.waitForFFmpeg(t, deleted)
	if got := ben.delete(t, deleted); got.Status >= http.StatusMultipleChoices {
		t.Errorf("a video in its job: %d %s", got.Status, got.Body)
	}
	if v := ana.waitForFinal(t, lost); v.Status != "processed" {
		t.Fatalf("the clip whose task got lost is %+v", v)
	}

	ben.sendStart(t, 1<<20).Close() // the client goes away
	full := ben.sendStart(t, 50<<30)
	if answer, err := http.ReadResponse(bufio.NewReader(full), nil); err != nil {
		t.Error(err)
	} else if answer.StatusCode != http.StatusInsufficientStorage {
		t.Errorf("an upload that does not fit is answered with %d", answer.StatusCode)
	}
	full.Close()

	eventually(t, "nobody writes files", func() bool { return len(s.temporaryFiles(t)) == 0 })
	files := filepath.Join(s.DataDir, "files")
	if err := os.Rename(files, files+".away"); err != nil {
		t.Fatal(err)
	}
	ben.tryUpload(t, tinyClip(t), "No storage").want(t, http.StatusInternalServerError, "internal")
	if err := os.Rename(files+".away", files); err != nil {
		t.Fatal(err)
	}

	refused := false
	for n := 0; n < uploadsPerDay && !refused; n++ {
		refused = ana.tryUpload(t, broken, "One more").Status == http.StatusTooManyRequests
	}
	if !refused {
		t.Errorf("no upload is refused after %d", uploadsPerDay)
	}
	return []string{lost, deleted, ben.ID}
}

// sendStart sends the beginning of an upload whose form is to have size bytes, and leaves the connection open.
func (p *person) sendStart(t *testing.T, size int64) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(waitTimeout)); err != nil {
		t.Fatal(err)
	}
	contentType, form := multipartBody(t,
		part{Name: "title", Value: "A beginning"}, part{"file", readFile(t, tinyClip(t)), "clip.mp4"})
	start := form.Bytes()[:form.Len()-100]
	if _, err := fmt.Fprintf(conn, "POST /api/videos/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: %s\r\nContent-Length: %d\r\n\r\n%s", p.Token, contentType, size, start); err != nil {
		t.Fatal(err)
	}
	return conn
}
