package diskstore_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"risingstars/platform/storage"
)

// partSite is an upload in progress and two processes that serve it.
type partSite struct {
	first, second *httptest.Server
	bucket        *storage.Bucket // of the second process
	key, id, link string          // link is that of part 1, of 7 bytes
}

func newPartSite(t *testing.T) partSite {
	t.Helper()
	root := t.TempDir()
	first, second := open(t, root), open(t, root)
	s := partSite{
		first: httptest.NewServer(handler(first)), second: httptest.NewServer(handler(second)),
		bucket: bucket(t, second), key: "uploads/a.mp4",
	}
	t.Cleanup(s.first.Close)
	t.Cleanup(s.second.Close)
	var err error
	if s.id, err = s.bucket.BeginDirect(t.Context(), s.key, "", 0); err != nil {
		t.Fatal(err)
	}
	if s.link, err = s.bucket.PresignPart(t.Context(), s.key, s.id, 1, 7, time.Hour); err != nil {
		t.Fatal(err)
	}
	return s
}

// stall sends 3 of the part's 7 bytes to the first process, and returns once they have arrived.
func (s partSite) stall(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.first.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\ncon", s.link); err != nil {
		t.Fatal(err)
	}
	s.eventually(t, http.StatusConflict)
	return conn
}

// put sends the part to the second process and returns the status.
func (s partSite) put(t *testing.T) int {
	t.Helper()
	req, err := http.NewRequestWithContext(
		t.Context(), http.MethodPut, s.second.URL+s.link, strings.NewReader("content"))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

func (s partSite) eventually(t *testing.T, status int) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for got := 0; got != status; got = s.put(t) {
		if time.Now().After(deadline) {
			t.Fatalf("PUT of the part: status %d, want %d within a minute", got, status)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestAPartHasOneWriterInAllProcesses(t *testing.T) {
	t.Parallel()
	s := newPartSite(t)
	conn := s.stall(t)
	if status := s.put(t); status != http.StatusConflict {
		t.Errorf("PUT beside another: status %d, want 409", status)
	}
	other, err := s.bucket.PresignPart(t.Context(), s.key, s.id, 2, 7, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	beside := s
	beside.link = other
	if status := beside.put(t); status != http.StatusOK {
		t.Errorf("PUT of another part: status %d, want 200", status)
	}
	conn.Close()
	s.eventually(t, http.StatusOK) // the writer is gone with its connection
}

func TestTheWritersOfAnAbortedUploadEndWithinASecond(t *testing.T) {
	t.Parallel()
	s := newPartSite(t)
	conn := s.stall(t)
	if err := s.bucket.AbortDirect(t.Context(), s.key, s.id); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("a second after the upload was aborted: %v", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusNotFound || !res.Close {
		t.Errorf("the writer gets %s, close %t, want 404 and the end of the connection", res.Status, res.Close)
	}
}
