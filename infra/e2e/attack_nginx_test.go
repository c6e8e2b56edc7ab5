package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"risingstars/infra/contracttest"
)

// What one address may have at the same moment; see infra/nginx/showcase.conf.template.
const (
	requestsOfOne  = 1200
	streamsOfOne   = 600
	transfersOfOne = 300
)

// visitor is a client with an address of its own, on this host.
type visitor struct {
	address string
	client  *http.Client
}

func newVisitor(t *testing.T, address string) visitor {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	transport := &http.Transport{DialContext: dialer.DialContext}
	t.Cleanup(transport.CloseIdleConnections)
	return visitor{address, &http.Client{Transport: contracttest.Transport(t, transport), Timeout: waitTimeout}}
}

// get returns the status of an answer, and its body.
func (v visitor) get(t *testing.T, url string) apiResponse {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := v.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return apiResponse{response.StatusCode, response.Header, body}
}

// hold sends a request and reads no more than the headers of its answer. The connection stays open until the test ends.
func (v visitor) hold(t *testing.T, address string, headers ...string) (*http.Response, error) {
	t.Helper()
	target, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{
		LocalAddr: &net.TCPAddr{IP: net.ParseIP(v.address)}, Timeout: waitTimeout,
	}
	conn, err := dialer.DialContext(t.Context(), "tcp", target.Host)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(waitTimeout))
	_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10) // a slow client, whose own kernel keeps little of the answer
	lines := append([]string{"GET " + target.RequestURI() + " HTTP/1.1", "Host: " + target.Host}, headers...)
	if _, err := io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n\r\n"); err != nil {
		return nil, err
	}
	return http.ReadResponse(bufio.NewReaderSize(conn, 1<<10), nil)
}

// holdMany holds n requests, several at a time, and counts the statuses of their answers.
func (v visitor) holdMany(t *testing.T, n int, address string, headers func(i int) []string) map[int]int {
	t.Helper()
	var mu sync.Mutex
	statuses := map[int]int{}
	next := make(chan int)
	var holders sync.WaitGroup
	for range 20 {
		holders.Go(func() {
			for i := range next {
				var extra []string
				if headers != nil {
					extra = headers(i)
				}
				response, err := v.hold(t, address, extra...)
				mu.Lock()
				if err != nil {
					t.Error(err)
				} else {
					statuses[response.StatusCode]++
				}
				mu.Unlock()
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	holders.Wait()
	return statuses
}

// workers returns the ids of nginx's worker processes, which exist once it answers.
func (f *nginxProxy) workers(t *testing.T) []int {
	t.Helper()
	master := f.cmd.Process.Pid
	var found []int
	for field := range strings.FieldsSeq(readFile(t, fmt.Sprintf("/proc/%d/task/%[1]d/children", master))) {
		id, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, id)
	}
	if len(found) != 2 {
		t.Fatalf("nginx has the workers %v", found)
	}
	return found
}

// memory returns the resident size of nginx's workers, and the number of temporary files that they have open. nginx
// removes the name of a temporary file as soon as it has created it.
func (f *nginxProxy) memory(t *testing.T) (bytes int64, files int) {
	t.Helper()
	for _, id := range f.workers(t) {
		for line := range strings.Lines(readFile(t, fmt.Sprintf("/proc/%d/status", id))) {
			var kib int64
			if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kib); err == nil {
				bytes += kib << 10
			}
		}
		folder := fmt.Sprintf("/proc/%d/fd", id)
		opened, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range opened {
			target, _ := os.Readlink(filepath.Join(folder, file.Name())) // it may be closed by now
			if strings.HasPrefix(target, f.dir) && strings.HasSuffix(target, "(deleted)") {
				files++
			}
		}
	}
	return bytes, files
}

// stub stands in for `app serve`: it answers at once, and ends the answers to /hold and to event streams with the test.
func stub(t *testing.T) (upstreams string) {
	t.Helper()
	ctx, release := context.WithCancel(context.Background())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Client", r.Header.Get("X-Forwarded-For"))
		w.WriteHeader(http.StatusOK)
		switch path.Base(r.URL.Path) {
		case "hold": // nginx forwards nothing before it has some kilobytes of a body
			_, _ = w.Write(make([]byte, 64<<10))
		case "events":
		default:
			return
		}
		_ = http.NewResponseController(w).Flush()
		select {
		case <-ctx.Done():
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(release)
	return "server " + strings.TrimPrefix(server.URL, "http://") + " max_fails=0;"
}

// startNginxOnStub starts nginx in front of a stub, and waits until it answers.
func startNginxOnStub(t *testing.T, env ...string) *nginxProxy {
	t.Helper()
	f := launchNginx(t, stub(t), t.TempDir(), env...)
	eventually(t, "nginx answers", func() bool {
		response, err := http.Get(f.URL + "/health")
		if err != nil {
			return false
		}
		return response.Body.Close() == nil && response.StatusCode == http.StatusOK
	})
	return f
}

// Each kind of request has a limit for each address. What is beyond is refused, and other addresses notice nothing.
func TestOneAddressCannotTakeAllConnectionsOfNginx(t *testing.T) {
	onlyInStage(t, onehost)
	skipIfShort(t)
	t.Parallel()
	f := startNginxOnStub(t)
	greedy, other := newVisitor(t, "127.0.0.1"), newVisitor(t, "127.0.0.2")

	const surplus = 500
	got := greedy.holdMany(t, streamsOfOne+surplus, f.URL+"/api/videos/1/events", nil)
	if got[http.StatusOK] != streamsOfOne || got[http.StatusServiceUnavailable] != surplus {
		t.Fatalf("of %d streams, so many have each status: %v", streamsOfOne+surplus, got)
	}
	refused := greedy.get(t, f.URL+"/api/videos/2/events").want(t, http.StatusServiceUnavailable, "busy")
	if refused.Header.Get("Retry-After") == "" {
		t.Errorf("a refusal has the headers %v", refused.Header)
	}
	greedy.get(t, f.URL+"/api/public/videos").want(t, http.StatusOK, "")

	const transfers, others = transfersOfOne, requestsOfOne - streamsOfOne - transfersOfOne
	got = greedy.holdMany(t, transfers+1, f.URL+"/media/uploads/hold", nil)
	if got[http.StatusOK] != transfers || got[http.StatusServiceUnavailable] != 1 {
		t.Fatalf("of %d transfers, so many have each status: %v", transfers+1, got)
	}
	got = greedy.holdMany(t, others+1, f.URL+"/hold", nil)
	if got[http.StatusOK] != others || got[http.StatusServiceUnavailable] != 1 {
		t.Fatalf("of %d other requests, so many have each status: %v", others+1, got)
	}
	greedy.get(t, f.URL+"/api/public/videos").want(t, http.StatusServiceUnavailable, "busy")

	for range 20 {
		other.get(t, f.URL+"/api/public/videos").want(t, http.StatusOK, "")
	}
	if got := other.holdMany(t, 10, f.URL+"/api/videos/1/events", nil); got[http.StatusOK] != 10 {
		t.Errorf("the streams of another address have the statuses %v", got)
	}
	bytes, files := f.memory(t)
	t.Logf("nginx has %.1f MiB while one address holds %d requests", float64(bytes)/(1<<20), requestsOfOne)
	if bytes > 128<<20 || files > 0 {
		t.Errorf("nginx has %d bytes in memory and %d temporary files", bytes, files)
	}
}

// Behind a trusted proxy, the client is the last address that the proxy did not make up, and all addresses of an IPv6
// /64 network count as one. From anybody else the header means nothing.
func TestOnlyTheTrustedProxyNamesClients(t *testing.T) {
	onlyInStage(t, onehost)
	skipIfShort(t)
	t.Parallel()
	alone, behind := startNginxOnStub(t), startNginxOnStub(t, "REAL_IP_FROM=127.0.0.1")
	visitor := newVisitor(t, "127.0.0.1")
	clientOf := func(f *nginxProxy, forwarded string) string {
		t.Helper()
		response, err := visitor.hold(t, f.URL+"/x", "X-Forwarded-For: "+forwarded)
		if err != nil {
			t.Fatal(err)
		}
		return response.Header.Get("X-Client")
	}
	for _, test := range []struct{ forwarded, alone, behind string }{
		{"203.0.113.9", "127.0.0.1", "203.0.113.9"},
		{"198.51.100.1, 203.0.113.9", "127.0.0.1", "203.0.113.9"},
		{"nonsense", "127.0.0.1", "127.0.0.1"},
		{"2001:db8::9", "127.0.0.1", "2001:db8::9"},
	} {
		if got := clientOf(alone, test.forwarded); got != test.alone {
			t.Errorf("%q makes the client %q, want %q", test.forwarded, got, test.alone)
		}
		if got := clientOf(behind, test.forwarded); got != test.behind {
			t.Errorf("from the trusted proxy %q makes the client %q, want %q", test.forwarded, got, test.behind)
		}
	}

	for _, network := range []string{"2001:db8:1:2", "2001:db8:1", "2001:db8"} {
		got := visitor.holdMany(t, transfersOfOne+1, behind.URL+"/media/uploads/hold", func(i int) []string {
			separator := "::"
			if strings.Count(network, ":") == 3 {
				separator = ":1:2:3:"
			}
			return []string{fmt.Sprintf("X-Forwarded-For: %s%s%x", network, separator, i+1)}
		})
		if got[http.StatusOK] != transfersOfOne || got[http.StatusServiceUnavailable] != 1 {
			t.Errorf("the transfers of addresses in %s have the statuses %v", network, got)
		}
	}
}

// Fifty clients that download a large original and read nothing of it cost neither nginx nor the app much memory, and
// no disk: nginx does not save for them what it has not sent.
func TestSlowDownloadsCostNginxNothing(t *testing.T) {
	onlyInStage(t, onehost)
	skipIfShort(t)
	t.Parallel()
	const downloads, size, allowed = 50, 50_000_000, 64 << 20
	s := newSite(t)
	s.log = &logBuffer{}
	s.startRole(t, "serve", "TRUSTED_PROXIES=127.0.0.0/8", "LOAD_TEST_ENDPOINTS=true")
	f := startNginx(t, s)
	ana := s.newPerson(t, "")
	ana.streamUpload(t, size)
	s.URL = f.URL // from here on all requests go through nginx
	var videos []video
	s.get(t, "/api/videos/", ana.Token).want(t, http.StatusOK, "").decode(t, &videos)
	original := videos[0].OriginalURL

	before, _ := f.memory(t)
	app := s.memory(t, "VmRSS")
	var slow sync.WaitGroup
	visitor := newVisitor(t, "127.0.0.1")
	for range downloads {
		slow.Go(func() {
			response, err := visitor.hold(t, original)
			if err != nil {
				t.Error(err)
				return
			}
			// nginx has long asked the app for more than it could send, when this much has arrived.
			n, err := io.CopyN(io.Discard, response.Body, 256<<10)
			if err != nil || response.StatusCode != http.StatusOK {
				t.Errorf("a download is answered with %d and ends after %d bytes (%v)", response.StatusCode, n, err)
			}
		})
	}
	slow.Wait()
	for range 20 {
		s.get(t, "/api/public/videos", "").want(t, http.StatusOK, "")
	}
	bytes, files := f.memory(t)
	grown, appGrown := bytes-before, s.memory(t, "VmRSS")-app
	t.Logf("%d slow downloads of %d MB add %.1f MiB to nginx and %.1f MiB to the app",
		downloads, size/1_000_000, float64(grown)/(1<<20), float64(appGrown)/(1<<20))
	if grown > allowed || appGrown > allowed || files > 0 {
		t.Errorf("that is too much, or too many temporary files: %d", files)
	}
}

// 1,100 streams of one account do not take the gallery from others.
func TestManyEventStreamsLeaveTheSiteToOthers(t *testing.T) {
	onlyInStage(t, onehost)
	skipIfShort(t)
	t.Parallel()
	s := newSite(t)
	s.log = &logBuffer{}
	s.startRole(t, "serve", "TRUSTED_PROXIES=127.0.0.0/8") // and no worker, so that the streams do not end
	f := startNginx(t, s)
	s.URL = f.URL
	ana := s.newPerson(t, "")
	id := ana.upload(t, tinyClip(t), "Watched by many")
	greedy, other := newVisitor(t, "127.0.0.3"), newVisitor(t, "127.0.0.4")

	got := greedy.holdMany(t, 1100, f.URL+"/api/videos/"+id+"/events", func(int) []string {
		return []string{"Authorization: Bearer " + ana.Token}
	})
	passed := got[http.StatusOK]
	refused := got[http.StatusServiceUnavailable] + got[http.StatusTooManyRequests] + got[http.StatusConflict]
	if passed == 0 || passed+refused != 1100 {
		t.Errorf("the streams have the statuses %v", got)
	}
	slowest := time.Duration(0)
	for range 50 {
		began := time.Now()
		other.get(t, f.URL+"/api/public/videos").want(t, http.StatusOK, "")
		slowest = max(slowest, time.Since(began))
	}
	t.Logf("%d streams pass; the slowest gallery of somebody else takes %s", passed, slowest)
}

// The metrics are for operators: on their own address alone, if they have one, and never through nginx.
func TestMetricsAreNotServedToTheWorld(t *testing.T) {
	onlyInStage(t, onehost)
	skipIfShort(t)
	t.Parallel()
	s := newSite(t)
	s.log = &logBuffer{}
	metrics := fmt.Sprintf("http://127.0.0.1:%d", reservePort(t))
	s.startRole(t, "serve", "METRICS_ADDR="+strings.TrimPrefix(metrics, "http://"),
		"TRUSTED_PROXIES=127.0.0.0/8", "PUBLIC_URL=https://contest.example")
	direct := s.URL
	f := startNginx(t, s, "PUBLIC_URL=https://contest.example")

	s.get(t, direct+"/metrics", "").want(t, http.StatusNotFound, "not_found")
	other, err := http.Get(metrics + "/api/public/videos") // this server has no API, and so no contract
	if err != nil || other.Body.Close() != nil || other.StatusCode != http.StatusNotFound {
		t.Errorf("beside the metrics: %v %v", other, err)
	}
	s.get(t, direct+"/api/public/videos", "").want(t, http.StatusOK, "")
	counted := s.get(t, metrics+"/metrics", "").want(t, http.StatusOK, "")
	if !strings.Contains(string(counted.Body), `route="/api/public/videos"`) {
		t.Errorf("the metrics do not count requests:\n%s", counted.Body)
	}
	for _, path := range []string{"/metrics", "//metrics", "/%6detrics", "/./metrics", "/metrics/", "/metrics?x=1"} {
		s.get(t, f.URL+path, "").want(t, http.StatusNotFound, "not_found")
	}

	// The site is on HTTPS, which both the app and nginx itself promise.
	for _, path := range []string{"/api/public/videos", "/media/processed/none.mp4"} {
		if got := s.get(t, f.URL+path, "").Header["Strict-Transport-Security"]; len(got) != 1 {
			t.Errorf("%s has Strict-Transport-Security %q", path, got)
		}
	}

	t.Run("beside the API they are for this host", func(t *testing.T) {
		s.log = &logBuffer{}
		beside := s.startRole(t, "serve", "TRUSTED_PROXIES=127.0.0.0/8").URL
		s.get(t, beside+"/metrics", "").want(t, http.StatusOK, "")
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, beside+"/metrics", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Forwarded-For", "203.0.113.9")
		send(t, request).want(t, http.StatusNotFound, "not_found")
	})
}
