package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
	"github.com/prometheus/client_golang/prometheus"
)

// Options configure a Manager. Folder, Names and Directory are required.
type Options struct {
	Folder    string   // is created
	Names     []string // in small letters; each gets a certificate of its own
	Directory string   // the address of the ACME server's directory
	Email     string   // to which the authority may write; "": none
	// Host, HTTPPort and TLSPort are where this process listens for the authority's questions. The authority itself
	// asks at the ports 80 and 443.
	Host              string
	HTTPPort, TLSPort int

	RenewEvery time.Duration  // how often it is looked whether a certificate is due; 0: 10 minutes
	AskEvery   time.Duration  // first pause between two tries to reach the authority, which doubles; 0: 2 s
	Roots      *x509.CertPool // of the ACME server's own certificate; nil: the system's
	Logger     *slog.Logger
	Registerer prometheus.Registerer // gets the metrics; nil: no metrics
}

func (o Options) withDefaults() Options {
	if o.RenewEvery == 0 {
		o.RenewEvery = certmagic.DefaultRenewCheckInterval
	}
	if o.AskEvery == 0 {
		o.AskEvery = 2 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Manager has the certificates. It is safe for concurrent use.
type Manager struct {
	o       Options
	cache   *certmagic.Cache
	config  *certmagic.Config
	issuer  *certmagic.ACMEIssuer
	metrics *metrics
}

// Open returns a manager that uses what the folder has. It asks nobody for anything; Run does. The caller closes it.
func Open(ctx context.Context, o Options) (*Manager, error) {
	o = o.withDefaults()
	if err := os.MkdirAll(o.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("create the folder of certificates: %w", err)
	}
	if err := os.Chmod(o.Folder, 0o700); err != nil { //nolint:gosec // a folder
		return nil, fmt.Errorf("close the folder of certificates to others: %w", err)
	}
	m := &Manager{o: o}
	log := bridge(o.Logger)
	m.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert:   func(certmagic.Certificate) (*certmagic.Config, error) { return m.config, nil },
		RenewCheckInterval: o.RenewEvery, Logger: log,
	})
	m.config = certmagic.New(m.cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: o.Folder}, Logger: log, OnEvent: m.event,
		OCSP: certmagic.OCSPConfig{DisableStapling: true}, // no browser asks for it any more
	})
	m.issuer = newIssuer(m.config, o)
	m.config.Issuers = []certmagic.Issuer{m.issuer}
	m.metrics = newMetrics(o.Registerer, m)
	for _, name := range o.Names {
		if _, err := m.config.CacheManagedCertificate(ctx, name); err != nil && !isAbsent(err) {
			m.cache.Stop()
			return nil, fmt.Errorf("read the certificate of %s: %w", name, err)
		}
	}
	return m, nil
}

func newIssuer(config *certmagic.Config, o Options) *certmagic.ACMEIssuer {
	return certmagic.NewACMEIssuer(config, certmagic.ACMEIssuer{
		CA: o.Directory, Email: o.Email, Agreed: true, TrustedRoots: o.Roots, Logger: config.Logger,
		ListenHost: o.Host, AltHTTPPort: o.HTTPPort, AltTLSALPNPort: o.TLSPort,
		NewAccountFunc: func(_ context.Context, _ *certmagic.ACMEIssuer, a acme.Account) (acme.Account, error) {
			// Without an address, certmagic calls the account so, and may take that for an address afterwards.
			a.Contact = slices.DeleteFunc(a.Contact, func(to string) bool { return to == "mailto:default" })
			return a, nil
		},
	})
}

func isAbsent(err error) bool { return errors.Is(err, os.ErrNotExist) }

// Close ends the renewals.
func (m *Manager) Close() error {
	m.cache.Stop()
	return nil
}

// Run gets what is missing and renews what is due, until ctx ends. The listeners must be open by then.
func (m *Manager) Run(ctx context.Context) {
	if len(m.uncovered(time.Now())) > 0 && !m.awaitAuthority(ctx) {
		return
	}
	if err := m.config.ManageAsync(ctx, m.o.Names); err != nil {
		m.o.Logger.ErrorContext(ctx, "certificates are not managed", "error", err)
	}
	<-ctx.Done()
}

// Certificate is for tls.Config: it returns the certificate of the name for which a client asks, or what answers a
// question of the authority. Whoever asks for another name gets none, and learns none of ours.
func (m *Manager) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if !slices.Contains(m.o.Names, strings.ToLower(hello.ServerName)) {
		return nil, nil //nolint:nilnil // crypto/tls then says that the name is unknown
	}
	return m.config.GetCertificateWithContext(hello.Context(), hello)
}

// Challenge answers a question of the authority by plain HTTP, and reports whether the request was one.
func (m *Manager) Challenge(w http.ResponseWriter, r *http.Request) bool {
	return m.issuer.HandleHTTPChallenge(w, r)
}

// Check fails while a name has no valid certificate.
func (m *Manager) Check(context.Context) error {
	if bare := m.uncovered(time.Now()); len(bare) > 0 {
		return fmt.Errorf("no valid certificate for %s", strings.Join(bare, ", "))
	}
	return nil
}

// uncovered returns the names that have no valid certificate.
func (m *Manager) uncovered(now time.Time) (bare []string) {
	for _, name := range m.o.Names {
		if leaf := m.leaf(name); leaf == nil || now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
			bare = append(bare, name)
		}
	}
	return bare
}

// leaf returns the certificate of a name that lasts longest, or nil.
func (m *Manager) leaf(name string) *x509.Certificate {
	var best *x509.Certificate
	for _, c := range m.cache.AllMatchingCertificates(name) {
		if c.Leaf != nil && (best == nil || c.Leaf.NotAfter.After(best.NotAfter)) {
			best = c.Leaf
		}
	}
	return best
}

// event tells what happens to certificates, in our own words.
func (m *Manager) event(ctx context.Context, event string, data map[string]any) error {
	name, _ := data["identifier"].(string)
	renewal, _ := data["renewal"].(bool)
	switch event {
	case "cert_obtained":
		m.o.Logger.InfoContext(ctx, "a certificate has been obtained", "domain", name, "renewal", renewal)
	case "cert_failed":
		err, _ := data["error"].(error)
		m.metrics.failures.Inc()
		m.o.Logger.ErrorContext(ctx, "no certificate was obtained; it will be tried again", "domain", name,
			"renewal", renewal, "hint", Hint(err), "error", err)
	}
	return nil
}
