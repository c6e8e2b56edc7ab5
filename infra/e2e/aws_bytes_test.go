package e2e

import (
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"risingstars/platform/storage/s3store/s3test"
)

// TestALargeOriginalIsNotDownloadedWhole counts what leaves the S3 server for the worker: of 200 MB, with the index at the
// end, of which 30 of some 125 seconds are wanted.
func TestALargeOriginalIsNotDownloadedWhole(t *testing.T) {
	only(t, aws)
	t.Parallel()
	const size = 200_000_000
	piece := makeClip(t, "piece.mp4", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=15,noise=c0s=60:c0f=t+u", "-t", "2",
		"-c:v", "libx264", "-preset", "ultrafast", "-b:v", "12.8M", "-minrate", "12.8M", "-maxrate", "12.8M", "-bufsize", "6M", "-pix_fmt", "yuv420p")
	clip := makeClip(t, "200MB.mp4", "-stream_loop", "-1", "-i", piece, "-c", "copy", "-fs", "200000000")
	info, err := os.Stat(clip)
	if err != nil || info.Size() < size*9/10 {
		t.Fatalf("the clip has %d bytes (%v)", info.Size(), err)
	}

	s := newSite(t)
	s.log = &logBuffer{}
	s.startRole(t, "serve", "MAX_UPLOAD_BYTES=300000000")
	ana := s.join(t, "")
	id := ana.upload(t, clip, "Large")
	endpoint, _, _ := s3test.Server(t)
	wire := startWire(t, endpoint.Host)
	s.startRole(t, "work", "AWS_ENDPOINT_URL_S3=http://"+wire.address)
	if v := ana.final(t, id); v.Status != "processed" || v.DurationSeconds < 34.9 {
		t.Fatalf("the video is %+v", v)
	}
	t.Logf("%.1f of %.1f MB left the server", float64(wire.down.Load())/1e6, float64(info.Size())/1e6)
	if down := wire.down.Load(); down > info.Size()/2 || down < info.Size()/10 {
		t.Errorf("%d of %d bytes left the server", down, info.Size())
	}
	if strings.Contains(s.log.String(), "X-Amz-") {
		t.Errorf("the log holds a presigned link:\n%s", s.log)
	}
}

// wire leads to a server and counts the bytes that come from it.
type wire struct {
	address string
	down    atomic.Int64
}

func startWire(t *testing.T, target string) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	w := &wire{address: listener.Addr().String()}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go w.carry(client, target)
		}
	}()
	return w
}

func (w *wire) carry(client net.Conn, target string) {
	defer client.Close()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client) // a wire has nobody to tell
		_ = server.Close()
	}()
	_, _ = io.Copy(client, io.TeeReader(server, (*meter)(&w.down)))
}

type meter atomic.Int64

func (m *meter) Write(p []byte) (int, error) {
	(*atomic.Int64)(m).Add(int64(len(p)))
	return len(p), nil
}
