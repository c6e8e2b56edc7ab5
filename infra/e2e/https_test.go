package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"risingstars/platform/certificate/certificatetest"
)

// secureSite is a site that serves https by itself, and the authority that it asks.
type secureSite struct {
	*site
	authority *certificatetest.Server
	env       []string
}

func newSecureSite(t *testing.T, names string) secureSite {
	t.Helper()
	s := secureSite{site: newSite(t), authority: certificatetest.New(t, 24*time.Hour)}
	s.env = []string{
		"DOMAIN=" + names, "ACME_URL=" + s.authority.Directory, "SSL_CERT_FILE=" + s.authority.RootFile,
		"ACME_EMAIL=ana@example.org",
		fmt.Sprintf("HTTP_ADDR=127.0.0.1:%d", s.authority.HTTPPort),
		fmt.Sprintf("HTTPS_ADDR=127.0.0.1:%d", s.authority.TLSPort),
	}
	return s
}

// client connects to the site, whatever the host of the address, and trusts the authority.
func (s secureSite) client(t *testing.T, issuers *x509.CertPool) *http.Client {
	t.Helper()
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: issuers}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			port := s.authority.HTTPPort
			if strings.HasSuffix(address, ":443") {
				port = s.authority.TLSPort
			}
			return (&net.Dialer{}).DialContext(ctx, network, fmt.Sprintf("127.0.0.1:%d", port))
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Timeout: waitTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func ask(
	t *testing.T, client *http.Client, method, url, token, contentType string, body io.Reader,
) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(content)
}

// From the first start, with the authority away, to a restart that asks nobody.
func TestASiteServesHTTPSByItself(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := newSecureSite(t, "contest.test,www.contest.test")
	s.start(t, s.env...)
	got := s.get(t, "/readyz", "")
	if got.Status != http.StatusOK || !strings.Contains(string(got.Body), `"certificate"`) {
		t.Errorf("without a certificate /readyz answers %d %s", got.Status, got.Body)
	}
	eventually(t, "the log says why there is no certificate", func() bool {
		return strings.Contains(s.log.String(), "the ACME server cannot be reached from here")
	})
	if out, _, _ := s.runAppWith(t, s.env, "status"); !strings.Contains(out, "contest.test: none yet") {
		t.Errorf("app status says\n%s", out)
	}
	s.authority.Start(t)
	eventually(t, "there are certificates", func() bool {
		return !strings.Contains(string(s.get(t, "/readyz", "").Body), "certificate")
	})
	s.wantHTTPS(t)
	s.wantTold(t)

	issuers, orders := s.authority.Issuers(t), s.authority.Orders()
	if code := s.stop(t); code != 0 {
		t.Fatalf("it stopped with %d", code)
	}
	s.authority.Stop()
	s.start(t, s.env...)
	response, _ := ask(t, s.client(t, issuers), http.MethodGet, "https://contest.test/health", "", "", nil)
	if response.StatusCode != http.StatusOK || s.authority.Orders() != orders {
		t.Errorf("after a restart: %s, %d certificates were asked for, %d before",
			response.Status, s.authority.Orders(), orders)
	}
}

// wantHTTPS goes the way of a contestant by https, and tries the other ways.
func (s secureSite) wantHTTPS(t *testing.T) {
	t.Helper()
	client := s.client(t, s.authority.Issuers(t))
	for from, to := range map[string]string{
		"http://contest.test/?a=b":         "https://contest.test/?a=b",
		"https://www.contest.test/ranking": "https://contest.test/ranking",
	} {
		response, _ := ask(t, client, http.MethodGet, from, "", "", nil)
		if got := response.Header.Get("Location"); response.StatusCode != http.StatusPermanentRedirect || got != to {
			t.Errorf("%s: %s to %s", from, response.Status, got)
		}
	}
	signUp := `{"email":"tls@example.com","password1":"correct horse battery","password2":"correct horse battery",` +
		`"first_name":"Ana","last_name":"Ruiz","city":"Bogotá","country":"Colombia"}`
	const form = "application/x-www-form-urlencoded"
	response, body := ask(t, client, http.MethodPost, "http://contest.test/api/auth/signup", "", "application/json",
		strings.NewReader(signUp))
	if response.StatusCode != http.StatusBadRequest || !strings.Contains(body, "https_required") {
		t.Errorf("a password in plain text: %s %s", response.Status, body)
	}
	response, body = ask(t, client, http.MethodPost, "https://contest.test/api/auth/signup", "", "application/json",
		strings.NewReader(signUp))
	if response.StatusCode != http.StatusCreated || response.ProtoMajor != 2 ||
		!strings.HasPrefix(response.Header.Get("Strict-Transport-Security"), "max-age=31536000") {
		t.Fatalf("%s %s %s %v", response.Proto, response.Status, body, response.Header)
	}
	_, body = ask(t, client, http.MethodPost, "https://contest.test/api/auth/login", "", form,
		strings.NewReader("username=tls@example.com&password=correct+horse+battery"))
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &token); err != nil || token.AccessToken == "" {
		t.Fatalf("%s, %v", body, err)
	}
	response, _ = ask(t, client, http.MethodPost, "https://contest.test/login", "", form,
		strings.NewReader("email=tls@example.com&password=correct+horse+battery"))
	if cookie := response.Header.Get("Set-Cookie"); !strings.HasPrefix(cookie, "__Host-session=") ||
		!strings.Contains(cookie, "; Secure") {
		t.Errorf("%s, the cookie is %q", response.Status, cookie)
	}
	var upload bytes.Buffer
	parts := multipart.NewWriter(&upload)
	_ = parts.WriteField("title", "Por https")
	file, err := parts.CreateFormFile("file", "clip.mp4")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(file, readFile(t, tinyClip(t)))
	_ = parts.Close()
	response, body = ask(t, client, http.MethodPost, "https://contest.test/api/videos/upload", token.AccessToken,
		parts.FormDataContentType(), &upload)
	if response.StatusCode != http.StatusCreated || response.ProtoMajor != 2 {
		t.Fatalf("an upload: %s %s %s", response.Proto, response.Status, body)
	}
	var played string
	eventually(t, "the clip is published", func() bool {
		var list []struct {
			URL string `json:"processed_url"`
		}
		_, body := ask(t, client, http.MethodGet, "https://contest.test/api/public/videos", "", "", nil)
		if json.Unmarshal([]byte(body), &list) != nil || len(list) != 1 {
			return false
		}
		played = list[0].URL
		return true
	})
	response, clip := ask(t, client, http.MethodGet, played, "", "", nil)
	if response.StatusCode != http.StatusOK || !strings.HasPrefix(played, "https://contest.test/") ||
		len(clip) < 1000 || !strings.Contains(clip[:16], "ftyp") {
		t.Errorf("the clip at %s: %s, %d bytes", played, response.Status, len(clip))
	}
}

// wantTold fails unless an operator finds out how the certificates are, and nobody else their keys.
func (s secureSite) wantTold(t *testing.T) {
	t.Helper()
	if out, errs, code := s.runAppWith(t, s.env, "healthcheck"); code != 0 {
		t.Errorf("healthcheck exits with %d: %s%s", code, out, errs)
	}
	out, errs, code := s.runAppWith(t, s.env, "status", "--json")
	var status struct {
		Certificates []struct {
			Name       string
			Valid, Due bool
		}
	}
	if err := json.Unmarshal([]byte(out), &status); err != nil || code != 0 || len(status.Certificates) != 2 ||
		!status.Certificates[1].Valid || status.Certificates[1].Due {
		t.Errorf("app status --json: %d %s%s %v", code, out, errs, err)
	}
	if out, _, _ := s.runAppWith(t, s.env, "status"); !strings.Contains(out, "certificate") ||
		!strings.Contains(out, "www.contest.test: ends in 2") {
		t.Errorf("app status says\n%s", out)
	}
	if out, _, _ := s.runAppWith(t, s.env, "doctor"); !strings.Contains(out, "contest.test: ends in 2") ||
		strings.Contains(out, "other users can read") {
		t.Errorf("app doctor says\n%s", out)
	}
	if got := string(s.get(t, "/metrics", "").Body); !strings.Contains(got, "\ncertificate_names_uncovered 0\n") ||
		!strings.Contains(got, "\ncertificate_not_after_timestamp_seconds 1.") {
		t.Error("the metrics do not tell of the certificates")
	}
	folder := filepath.Join(s.DataDir, "certificates")
	// What the authority has answered when it was asked for the account.
	accounts := glob(t, filepath.Join(folder, "acme/*/users/*/*.json"))
	if len(accounts) != 1 || !strings.Contains(readFile(t, accounts[0]), `"mailto:ana@example.org"`) {
		t.Errorf("the authority does not have the e-mail in %v", accounts)
	}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %s", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	out, _, code = s.runAppWith(t, s.env, "doctor")
	if code != exitFailure || !strings.Contains(out, "other users can read") {
		t.Errorf("app doctor exits with %d and says\n%s", code, out)
	}
}

func TestPortsThatCannotBeHadAreExplained(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := newSite(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	env := []string{"DOMAIN=contest.test", "ACME_URL=https://127.0.0.1:1/dir"}
	for _, variable := range []string{"HTTP_ADDR", "HTTPS_ADDR"} {
		_, errs, code := s.runAppWith(t, slices.Concat(env, []string{
			"HTTP_ADDR=127.0.0.1:0", "HTTPS_ADDR=127.0.0.1:0", fmt.Sprintf("%s=127.0.0.1:%d", variable, port),
		}), "serve")
		if code != exitFailure || !strings.Contains(errs, variable+": listen on 127.0.0.1:") ||
			!strings.Contains(errs, "another program listens there; find it with: sudo ss -ltnp 'sport = ") {
			t.Errorf("%s is taken: exit code %d, %s", variable, code, errs)
		}
	}
	first, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	if err != nil || string(first) != "1024\n" {
		t.Skip("this system lets everybody listen on low ports")
	}
	setpriv, err := exec.LookPath("setpriv")
	if err != nil || os.Geteuid() != 0 {
		t.Skip("needs root and setpriv, to give a right up")
	}
	cmd := s.command(t, "serve")
	cmd.Args = append([]string{setpriv, "--bounding-set=-net_bind_service", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = setpriv
	cmd.Env = append(cmd.Env, append(env, "HTTP_ADDR=127.0.0.1:0", "HTTPS_ADDR=127.0.0.1:443")...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Run(); err == nil || !strings.Contains(errs.String(), "HTTPS_ADDR: listen on 127.0.0.1:443: ") ||
		!strings.Contains(errs.String(), "AmbientCapabilities=CAP_NET_BIND_SERVICE") ||
		!strings.Contains(errs.String(), "setcap cap_net_bind_service=+ep") {
		t.Errorf("without the right: %v, %s", err, &errs)
	}
}
