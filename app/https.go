package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"risingstars/config"
	"risingstars/platform/certificate"
	"risingstars/platform/telemetry"
	"risingstars/platform/web"
)

// certificateOptions are those of the site's own https, which DOMAIN switches on.
func certificateOptions(c *config.Config) certificate.Options {
	host, httpPort := splitAddress(c.HTTP.Addr)
	_, tlsPort := splitAddress(c.HTTP.SecureAddr)
	return certificate.Options{
		Folder: c.CertificatesPath(), Names: c.HTTP.Domains, Directory: c.HTTP.ACMEURL, Email: c.HTTP.ACMEEmail,
		Host: host, HTTPPort: httpPort, TLSPort: tlsPort,
	}
}

func splitAddress(addr string) (host string, port int) {
	host, text, _ := net.SplitHostPort(addr) // the configuration has checked it
	port, _ = strconv.Atoi(text)
	return host, port
}

// openCertificates opens what the site has, if it serves https itself.
func (a *app) openCertificates(ctx context.Context) (err error) {
	if len(a.c.HTTP.Domains) == 0 {
		return nil
	}
	o := certificateOptions(a.c)
	o.Logger, o.Registerer = a.log, a.registry
	if a.certificates, err = certificate.Open(ctx, o); err != nil {
		return withVariable("DATA_DIR", err)
	}
	a.closers = append(a.closers, a.certificates.Close)
	a.tolerated = append(a.tolerated, telemetry.Check{Name: "certificate", Run: a.certificates.Check})
	return nil
}

// listening adds to the error of a listener what an operator would change.
func listening(c *config.Config, err error) error {
	failed, ok := errors.AsType[*web.ListenError](err)
	if !ok {
		return withVariable("HTTP_ADDR", err)
	}
	variable := "HTTP_ADDR"
	if len(c.HTTP.Domains) > 0 && failed.Addr == c.HTTP.SecureAddr {
		variable = "HTTPS_ADDR"
	}
	if advice := listenAdvice(failed); advice != "" {
		err = fmt.Errorf("%w; %s", err, advice)
	}
	return withVariable(variable, err)
}

func listenAdvice(failed *web.ListenError) string {
	_, port := splitAddress(failed.Addr)
	switch {
	case errors.Is(failed, syscall.EACCES):
		program, err := os.Executable()
		if err != nil {
			program = "/usr/local/bin/app"
		}
		return fmt.Sprintf("only root may listen on ports below 1024, and whoever has the capability: in the unit of "+
			"systemd AmbientCapabilities=CAP_NET_BIND_SERVICE, or once: sudo setcap cap_net_bind_service=+ep %s",
			program)
	case errors.Is(failed, syscall.EADDRINUSE) && runtime.GOOS == "darwin":
		return fmt.Sprintf("another program listens there; find it with: sudo lsof -nP -iTCP:%d -sTCP:LISTEN", port)
	case errors.Is(failed, syscall.EADDRINUSE):
		return fmt.Sprintf("another program listens there; find it with: sudo ss -ltnp 'sport = :%d'", port)
	}
	return ""
}

// certificateStatus is the state of the certificate of one name.
type certificateStatus struct {
	Name      string    `json:"name"`
	NotBefore time.Time `json:"not_before,omitzero"` // missing: there is none yet
	NotAfter  time.Time `json:"not_after,omitzero"`
	Valid     bool      `json:"valid"`
	Due       bool      `json:"due"` // it should have been renewed
	Error     string    `json:"error,omitempty"`
}

// addCertificates adds those of this host, if the site has its own.
func (s *status) addCertificates(c *config.Config) error {
	if len(c.HTTP.Domains) == 0 {
		return nil
	}
	kept, err := certificate.Look(certificateOptions(c))
	for _, k := range kept {
		now := time.Now()
		s.Certificates = append(s.Certificates, certificateStatus{
			Name: k.Name, NotBefore: k.NotBefore, NotAfter: k.NotAfter, Valid: k.Valid(now),
			Due: !k.NotAfter.IsZero() && k.Due(now), Error: reason(k.Err),
		})
	}
	return withVariable("DATA_DIR", err)
}

func (c certificateStatus) state() string {
	left := time.Until(c.NotAfter).Round(time.Hour)
	switch {
	case c.Error != "":
		return "unknown: " + c.Error
	case c.NotAfter.IsZero():
		return "none yet; serve gets it, and its log says why not"
	case !c.Valid && left < 0:
		return "ended on " + c.NotAfter.UTC().Format(time.DateOnly)
	case !c.Valid:
		return "begins on " + c.NotBefore.UTC().Format(time.RFC3339) + ": is this machine's clock wrong?"
	case c.Due:
		return fmt.Sprintf("ends in %s and should have been renewed: the log of serve says why not", days(left))
	default:
		return fmt.Sprintf("ends in %s, on %s", days(left), c.NotAfter.UTC().Format(time.DateOnly))
	}
}

func days(d time.Duration) string {
	if d < 48*time.Hour {
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours())/24)
}

// https looks at what the site's own https needs.
func (d *doctor) https(ctx context.Context) {
	if len(d.c.HTTP.Domains) == 0 {
		return
	}
	d.certificates(ctx)
	d.names(ctx)
	d.ports(ctx)
}

func (d *doctor) certificates(ctx context.Context) {
	var now status
	if err := now.addCertificates(d.c); err != nil {
		d.report("certificate", fail, "%v", err)
		return
	}
	bare, due := false, false
	for _, c := range now.Certificates {
		switch {
		case c.NotAfter.IsZero():
			d.report("certificate", warn, "%s: %s", c.Name, c.state())
		case !c.Valid:
			d.report("certificate", fail, "%s: %s", c.Name, c.state())
		case c.Due:
			d.report("certificate", warn, "%s: %s", c.Name, c.state())
		default:
			d.report("certificate", fine, "%s: %s", c.Name, c.state())
		}
		bare, due = bare || !c.Valid, due || c.Due
	}
	if open := openToOthers(d.c.CertificatesPath()); open != "" {
		d.report("certificate", fail, "other users can read %s; run: chmod -R go= %s", open, d.c.CertificatesPath())
	}
	if !bare && !due {
		return
	}
	if err := certificate.Ask(ctx, d.c.HTTP.ACMEURL, nil); err != nil {
		verdict := fail
		if !bare { // there is time
			verdict = warn
		}
		d.report("authority", verdict, "%v; %s", err, certificate.Hint(err))
		return
	}
	d.report("authority", fine, "%s answers, and the clocks agree", d.c.HTTP.ACMEURL)
}

// openToOthers returns a file of the folder, or the folder, that other users can read; "" if there is none.
func openToOthers(folder string) (found string) {
	_ = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil { // it is not there, or it is not ours to see
			return fs.SkipAll
		}
		if info, err := entry.Info(); err == nil && info.Mode().Perm()&0o077 != 0 {
			found = path
			return fs.SkipAll
		}
		return nil
	})
	return found
}

// names warns of names that lead nowhere. Where they lead cannot be checked: a router may stand in front.
func (d *doctor) names(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for _, name := range d.c.HTTP.Domains {
		addresses, err := net.DefaultResolver.LookupHost(ctx, name)
		if err != nil {
			d.report("name", warn, "%s leads nowhere (%v): give it this machine's address in the DNS", name, err)
			continue
		}
		d.report("name", fine, "%s leads to %v", name, addresses)
	}
}

// ports tries to listen. A port that is in use may be the service's own.
func (d *doctor) ports(ctx context.Context) {
	for _, addr := range []string{d.c.HTTP.Addr, d.c.HTTP.SecureAddr} {
		var listen net.ListenConfig
		opened, err := listen.Listen(ctx, "tcp", addr)
		switch {
		case err == nil:
			_ = opened.Close()
			d.report("port", fine, "%s is free", addr)
		case errors.Is(err, syscall.EADDRINUSE):
			d.report("port", fine, "%s is in use, by this service if it runs", addr)
		default:
			d.report("port", fail, "%v", listening(d.c, &web.ListenError{Addr: addr, Err: err}))
		}
	}
}
