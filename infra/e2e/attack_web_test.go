package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// rawClient is a connection on which the attacker sends what it likes.
type rawClient struct{ *net.TCPConn }

// dialRaw connects to the site with the smallest buffer for what the client does not read.
func (s *siege) dialRaw(t *testing.T) (rawClient, error) {
	t.Helper()
	connection, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		return rawClient{}, err
	}
	t.Cleanup(func() { _ = connection.Close() })
	tcp, ok := connection.(*net.TCPConn)
	if !ok {
		return rawClient{}, errors.New("not a TCP connection")
	}
	return rawClient{tcp}, tcp.SetReadBuffer(4 << 10)
}

// firstStatus returns the status of the first answer, or 0 if the server closes the connection without one.
func (c rawClient) firstStatus(t *testing.T) int {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(waitTimeout))
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a connection is neither answered nor closed within %s", waitTimeout)
	}
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, response.Body) // an error ends the body as well
	_ = response.Body.Close()
	return response.StatusCode
}

// 1,200 clients behind one address each send one byte of a body and then nothing. Most occupy a connection until their
// bodies are due, and then no longer; those beyond the bound of one address are refused at once.
func TestSlowBodiesAreDueAndLeaveTheSiteToOthers(t *testing.T) {
	attackIn(t, embedded)
	t.Parallel()
	const clients, due = 1200, time.Minute
	s := besiege(t)
	ana := s.newPerson(t, "")
	const jsonType, formType = "application/json", "application/x-www-form-urlencoded"
	const multipartType, token = "multipart/form-data; boundary=b", "\r\nAuthorization: Bearer "
	routes := []string{
		"POST /api/auth/signup\r\nContent-Type: " + jsonType,
		"POST /api/auth/login\r\nContent-Type: " + formType,
		"POST /api/nothing\r\nContent-Type: " + jsonType,
		"PUT /api/auth/login\r\nContent-Type: " + jsonType,
		"POST /api/videos/upload\r\nContent-Type: " + multipartType,
		"POST /api/videos/upload\r\nContent-Type: " + multipartType + token + ana.Token,
		"POST /api/videos/uploads\r\nContent-Type: " + jsonType + token + ana.Token,
		"POST /api/public/videos/" + s.entry + "/vote\r\nContent-Type: " + jsonType,
		"GET /api/public/videos\r\nContent-Type: " + jsonType,
		"GET /health\r\nContent-Type: " + jsonType,
		"GET /media/processed/none.mp4\r\nContent-Type: video/mp4",
		"PUT /media/uploads/none.mp4\r\nContent-Type: video/mp4",
	}
	framings := []string{"Content-Length: 1000\r\n\r\nx", "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"}
	statuses := map[int]int{}
	s.while(t, func(context.Context) {
		began := time.Now()
		var (
			mutex sync.Mutex
			group sync.WaitGroup
		)
		for n := range clients {
			c, err := s.dialRaw(t)
			if err != nil {
				t.Error(err)
				return
			}
			target, headers, _ := strings.Cut(routes[n%len(routes)], "\r\n")
			framing := framings[n/len(routes)%len(framings)]
			group.Go(func() {
				// An error means that the server has closed the connection.
				_, _ = fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: x\r\n%s\r\n%s", target, headers, framing)
				status := c.firstStatus(t)
				_, _ = io.Copy(io.Discard, c)
				mutex.Lock()
				defer mutex.Unlock()
				statuses[status]++
			})
		}
		group.Wait()
		if took := time.Since(began); took > due {
			t.Errorf("the last slow body was open for %s", took)
		}
	})
	t.Logf("the answers to %d slow bodies by status: %v", clients, statuses)
	if statuses[http.StatusRequestTimeout] == 0 {
		t.Error("no client is told that its body was too slow")
	}
	if refused := statuses[http.StatusServiceUnavailable] + statuses[0]; refused < clients/10 {
		t.Errorf("of %d connections of one address only %d were refused", clients, refused)
	}
}

// The headers of the parts of 60 uploads that one account sends by half used to occupy 511 MiB.
func TestHalfSentHeadersOfPartsOccupyNoMemory(t *testing.T) {
	attackIn(t, embedded)
	t.Parallel()
	s := besiege(t)
	ana := s.newPerson(t, "")
	var form bytes.Buffer
	fmt.Fprintf(&form, "POST /api/videos/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000000\r\n\r\n--b\r\n", ana.Token)
	for n := 0; form.Len() < 9<<20; n++ {
		fmt.Fprintf(&form, "A%d: x\r\n", n)
	}
	s.while(t, func(context.Context) {
		var group sync.WaitGroup
		for range 60 {
			c, err := s.dialRaw(t)
			if err != nil {
				t.Error(err)
				return
			}
			group.Go(func() {
				_, _ = c.Write(form.Bytes()) // an error means that the server has closed the connection
			})
			group.Go(func() {
				status := c.firstStatus(t)
				if status == http.StatusCreated || status == http.StatusInternalServerError {
					t.Errorf("an upload without an end is answered with %d", status)
				}
			})
		}
		group.Wait()
	})
}

// Clients that do not read their downloads are cut off; those that read slowly cost next to nothing.
func TestSlowDownloadsOccupyNoMemory(t *testing.T) {
	onlyInStage(t, embedded, onehost) // the disk; elsewhere S3 serves files
	t.Parallel()
	const clients, size, cutOff = 1000, 64 << 20, time.Minute
	s := besiege(t)
	large := s.largeFile(t, size)
	s.while(t, func(ctx context.Context) {
		began := time.Now()
		var slow []rawClient
		for n := range clients {
			c, err := s.dialRaw(t)
			if err == nil {
				_, err = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", large)
			}
			if err != nil {
				t.Error(err)
				return
			}
			if n%2 == 0 { // the others read nothing
				slow = append(slow, c)
			}
		}
		reading, stop := context.WithCancel(ctx)
		var group sync.WaitGroup
		for _, c := range slow {
			group.Go(func() { c.sip(t, reading) })
		}
		eventually(t, "downloads that nobody reads are cut off", func() bool { return s.openDownloads(t) <= len(slow) })
		if took := time.Since(began); took > cutOff {
			t.Errorf("downloads that nobody reads were open for %s", took)
		}
		stop()
		group.Wait()
	})
}

// largeFile adds a file with only zeros to the published ones, and returns its path on the site.
func (s *siege) largeFile(t *testing.T, size int64) string {
	t.Helper()
	var v video
	s.get(t, "/api/public/videos/"+s.entry, "").want(t, http.StatusOK, "").decode(t, &v)
	published, err := url.Parse(v.ProcessedURL)
	if err != nil {
		t.Fatal(err)
	}
	path := strings.TrimSuffix(published.Path, ".mp4") + "-large.mp4"
	file := filepath.Join(s.DataDir, "files", strings.TrimPrefix(path, "/media/"))
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, size); err != nil {
		t.Fatal(err)
	}
	s.do(t, http.MethodHead, path, "", "", nil).want(t, http.StatusOK, "")
	return path
}

// sip reads a few bytes every second, and fails the test if the server closes the connection.
func (c rawClient) sip(t *testing.T, until context.Context) {
	t.Helper()
	for {
		select {
		case <-until.Done():
			return
		case <-time.After(time.Second):
		}
		if _, err := io.CopyN(io.Discard, c, 8<<10); err != nil {
			t.Errorf("a download that is read slowly ends with %v", err)
			return
		}
	}
}

// openDownloads counts the large file in /proc: how often the serving process has it open.
func (s *siege) openDownloads(t *testing.T) int {
	t.Helper()
	open, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", s.processes[0].cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, fd := range open {
		if target, err := os.Readlink(fd); err == nil && strings.HasSuffix(target, "-large.mp4") {
			count++
		}
	}
	return count
}

// A client that opens thousands of connections and sends nothing keeps neither others nor its own neighbours out.
func TestSilentConnectionsLeaveTheSiteToOthers(t *testing.T) {
	attackIn(t, embedded)
	t.Parallel()
	s := besiege(t)
	s.while(t, func(context.Context) {
		for n := range 3000 {
			c, err := s.dialRaw(t)
			if err == nil && n%2 == 0 {
				_, err = io.WriteString(c, "GET /health HTTP/1.1\r\nHost: x\r\nHalf")
			}
			if err != nil {
				t.Error(err)
				return
			}
			if n%500 == 499 {
				s.get(t, "/api/public/videos", "").want(t, http.StatusOK, "")
			}
		}
	})
}
