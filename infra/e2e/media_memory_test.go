package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"risingstars/infra/contracttest"
)

// Uploads are streamed: 20 uploads of 200 MB at once add at most 64 MiB to the resident size of the process.
func TestUploadsAreStreamed(t *testing.T) {
	onlyInStage(t, embedded)
	skipIfShort(t)
	t.Parallel()
	const uploads, size, allowed = 20, 200_000_000, 64 << 20
	s := newSite(t)
	s.program = shippedProgram(t) // the race detector multiplies memory use
	s.start(t, "LOAD_TEST_ENDPOINTS=true")
	ana := s.newPerson(t, "")
	ana.streamUpload(t, 10_000_000) // so that what is allocated only once does not count
	before := s.memory(t, "VmRSS")
	s.resetPeak(t)

	var group sync.WaitGroup
	for range uploads {
		group.Go(func() { ana.streamUpload(t, size) })
	}
	group.Wait()
	if t.Failed() {
		return
	}
	grown := s.memory(t, "VmHWM") - before
	t.Logf("%d uploads of %d MB at once add %.1f MiB", uploads, size/1_000_000, float64(grown)/(1<<20))
	if grown > allowed {
		t.Errorf("%d uploads of %d bytes at once add %d bytes, more than %d", uploads, size, grown, allowed)
	}
	files := s.storedFiles(t)
	if len(files) != 1+uploads {
		t.Errorf("%d files are stored", len(files))
	}
	for _, file := range files { // they occupy 4 GB, which other tests may need
		if err := os.Remove(filepath.Join(s.DataDir, "files", file)); err != nil {
			t.Error(err)
		}
	}
}

// streamUpload uploads a clip that is padded to the size by a box that players skip. The padding is not kept in memory.
func (p *person) streamUpload(t *testing.T, size int64) {
	clip, err := os.ReadFile(shortClip(t))
	if err != nil {
		t.Error(err)
		return
	}
	padding := size - int64(len(clip))
	box := append(binary.BigEndian.AppendUint32(nil, uint32(padding)), "free"...)
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	if err := w.WriteField("title", "Grande"); err != nil {
		t.Error(err)
	}
	if _, err := w.CreateFormFile("file", "clip.mp4"); err != nil {
		t.Error(err)
	}
	end := fmt.Sprintf("\r\n--%s--\r\n", w.Boundary())
	length := int64(form.Len()) + size + int64(len(end))
	zeros := io.LimitReader(zeroReader{}, padding-int64(len(box)))
	body := io.MultiReader(&form, bytes.NewReader(clip), bytes.NewReader(box), zeros, strings.NewReader(end))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+"/api/videos/upload-mock", body)
	if err != nil {
		t.Error(err)
		return
	}
	request.ContentLength = length
	request.Header.Set("Content-Type", w.FormDataContentType())
	request.Header.Set("Authorization", "Bearer "+p.Token)
	response, err := contracttest.Client(t).Do(request)
	if err != nil {
		t.Error(err)
		return
	}
	defer response.Body.Close()
	if content, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusAccepted {
		t.Errorf("an upload is answered with %d %s", response.StatusCode, content)
	}
}

// zeroReader returns zero bytes without end.
type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// memory reads a size of the site's first process from /proc/PID/status, in bytes.
func (s *site) memory(t *testing.T, field string) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.processes[0].cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		var kib int64
		if _, err := fmt.Sscanf(line, field+": %d kB", &kib); err == nil {
			return kib << 10
		}
	}
	t.Fatalf("no %s in %s", field, status)
	return 0
}

// resetPeak sets VmHWM, the peak of the resident size, back to the present size (man 5 proc, clear_refs).
func (s *site) resetPeak(t *testing.T) {
	t.Helper()
	path := fmt.Sprintf("/proc/%d/clear_refs", s.processes[0].cmd.Process.Pid)
	if err := os.WriteFile(path, []byte("5"), 0); err != nil {
		t.Fatal(err)
	}
}
