package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	askTimeout = 10 * time.Second
	longest    = time.Minute // pause between two tries to reach the authority
	// driftMost is how far this machine's clock may be from the authority's. A certificate begins an hour before it is
	// issued, so that clocks which differ by less accept it.
	driftMost = time.Hour
)

// ErrClock says that this machine's clock is too far from the authority's.
var ErrClock = errors.New("the clock of this machine is wrong")

// Ask asks the ACME server for its directory: whether it answers, and whether the clocks agree. Roots may be nil.
func Ask(ctx context.Context, directory string, roots *x509.CertPool) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, directory, http.NoBody)
	if err != nil {
		return fmt.Errorf("ask the ACME server: %w", err)
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true,
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return fmt.Errorf("ask the ACME server: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ask the ACME server: %s answers %s", directory, response.Status)
	}
	theirs, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		return nil //nolint:nilerr // it does not tell the time
	}
	if drift := time.Since(theirs); drift.Abs() > driftMost {
		return fmt.Errorf("%w: it shows %s, and the ACME server's %s", ErrClock,
			time.Now().UTC().Format(time.RFC3339), theirs.UTC().Format(time.RFC3339))
	}
	return nil
}

// awaitAuthority returns when the ACME server answers; false means that ctx has ended.
func (m *Manager) awaitAuthority(ctx context.Context) bool {
	told := ""
	for pause := m.o.AskEvery; ; pause = min(2*pause, max(longest, m.o.AskEvery)) {
		err := Ask(ctx, m.o.Directory, m.o.Roots)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		m.metrics.failures.Inc()
		if why := Hint(err); why != told { // once for each reason
			told = why
			m.o.Logger.ErrorContext(ctx, "no certificate can be asked for yet; it will be tried again", "domain",
				strings.Join(m.uncovered(time.Now()), ","), "hint", why, "error", err)
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
		}
	}
}

// Hint says what an operator can do about an error.
func Hint(err error) string {
	var (
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		dns     *net.DNSError
		network *net.OpError
	)
	switch {
	case errors.Is(err, ErrClock), errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "set this machine's clock: run an NTP client"
	case errors.As(err, &unknown):
		return "nobody here trusts the ACME server: name its root certificate in SSL_CERT_FILE"
	case errors.As(err, &dns), errors.As(err, &network), errors.Is(err, context.DeadlineExceeded):
		return "the ACME server cannot be reached from here: check this machine's network and ACME_URL"
	default:
		return "the name must lead to this machine (DNS), whose ports 80 and 443 must be open to everybody"
	}
}
