package e2e

import (
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"risingstars/infra/cliptest"
	"risingstars/platform/storage/s3store/s3test"
)

// A worker downloads at most a sixth of a large original. The clip has 200 MB and about 125 seconds, of which the
// worker needs 5, and its index is at the end.
func TestALargeOriginalIsNotDownloadedWhole(t *testing.T) {
	onlyInStage(t, aws)
	t.Parallel()
	const size = 200_000_000
	piece := cliptest.Make(t, "piece.mp4", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=15",
		"-t", "2", "-c:v", "libx264", "-preset", "ultrafast", "-x264-params", "nal-hrd=cbr:force-cfr=1", // with filler
		"-b:v", "12.8M", "-minrate", "12.8M", "-maxrate", "12.8M", "-bufsize", "6M", "-pix_fmt", "yuv420p")
	clip := cliptest.Make(t, "200MB.mp4", "-stream_loop", "-1", "-i", piece, "-c", "copy", "-fs", "200000000")
	info, err := os.Stat(clip)
	if err != nil || info.Size() < size*9/10 {
		t.Fatalf("the clip has %d bytes (%v)", info.Size(), err)
	}

	s := newSite(t)
	s.log = &logBuffer{}
	s.startRole(t, "serve", "MAX_UPLOAD_BYTES=300000000")
	ana := s.newPerson(t, "")
	id := ana.upload(t, clip, "Large")
	endpoint, _, _ := s3test.Server(t)
	proxy := startCountingProxy(t, endpoint.Host)
	s.startRole(t, "work", "AWS_ENDPOINT_URL_S3=http://"+proxy.address, "MEDIA_MAX_CLIP_SECONDS=5")
	if v := ana.waitForFinal(t, id); v.Status != "processed" || v.DurationSeconds < 9.9 {
		t.Fatalf("the video is %+v", v)
	}
	t.Logf("%.1f of %.1f MB left the server", float64(proxy.received.Load())/1e6, float64(info.Size())/1e6)
	if received := proxy.received.Load(); received > info.Size()/6 || received < info.Size()/50 {
		t.Errorf("%d of %d bytes left the server", received, info.Size())
	}
	if strings.Contains(s.log.String(), "X-Amz-") {
		t.Errorf("the log contains a presigned link:\n%s", s.log)
	}
}

// countingProxy forwards connections to a server and counts the bytes that it receives from it.
type countingProxy struct {
	address  string
	received atomic.Int64
}

func startCountingProxy(t *testing.T, target string) *countingProxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	p := &countingProxy{address: listener.Addr().String()}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.forward(client, target)
		}
	}()
	return p
}

func (p *countingProxy) forward(client net.Conn, target string) {
	defer client.Close()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client) // both ends see for themselves that the connection ends
		_ = server.Close()
	}()
	_, _ = io.Copy(client, io.TeeReader(server, (*byteCounter)(&p.received)))
}

type byteCounter atomic.Int64

func (c *byteCounter) Write(p []byte) (int, error) {
	(*atomic.Int64)(c).Add(int64(len(p)))
	return len(p), nil
}
