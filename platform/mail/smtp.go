package mail

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/textproto"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"golang.org/x/net/idna"
)

// stepTime is how long connecting, signing in, and handing the letter over may take, each.
const stepTime = 15 * time.Second

// SMTP carries messages to a server.
type SMTP struct {
	host    string
	options []gomail.Option
}

// SMTPOptions configure OpenSMTP. URL is required.
type SMTPOptions struct {
	// URL is smtp://user:password@host:587, with STARTTLS unless the host is this one, or smtps://, with TLS from the
	// start. Without a user, the server is asked for no sign-in.
	URL   string
	Roots *x509.CertPool // to trust; nil: the system's
	// Step is how long connecting, signing in, and handing the letter over may take, each; 0: 15 s.
	Step time.Duration
}

// OpenSMTP does not connect: a server that is down now may be up when there is a letter.
func OpenSMTP(o SMTPOptions) (*SMTP, error) {
	address, err := url.Parse(o.URL)
	if err != nil || address.Hostname() == "" || address.Scheme != "smtp" && address.Scheme != "smtps" {
		return nil, errors.New("must look like smtp://user:password@host:587 or smtps://user:password@host")
	}
	host := address.Hostname()
	secure := &tls.Config{ServerName: host, RootCAs: o.Roots, MinVersion: tls.VersionTLS12}
	options := []gomail.Option{gomail.WithTimeout(cmp.Or(o.Step, stepTime)), gomail.WithoutNoop()}
	port := 587
	switch {
	case address.Scheme == "smtps":
		port = 465
		options = append(options, gomail.WithSSL())
	case isLoopback(host):
		port = 25
		secure.InsecureSkipVerify = true // nobody sits on the line, and local servers sign for themselves
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if address.Port() != "" {
		if port, err = strconv.Atoi(address.Port()); err != nil {
			return nil, fmt.Errorf("read the port: %w", err)
		}
	}
	options = append(options, gomail.WithPort(port), gomail.WithTLSConfig(secure))
	if user := address.User.Username(); user != "" {
		password, _ := address.User.Password()
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(user),
			gomail.WithPassword(password))
	}
	s := &SMTP{host, options}
	_, err = s.client()
	return s, err
}

func (s *SMTP) client() (*gomail.Client, error) { return gomail.NewClient(s.host, s.options...) }

// Carry sends the message over a connection of its own.
func (s *SMTP) Carry(ctx context.Context, m Message) error {
	content, err := compose(m)
	if err != nil {
		return err
	}
	client, err := s.client()
	if err != nil {
		return fmt.Errorf("prepare the SMTP client: %w", err)
	}
	err = client.DialAndSendWithContext(ctx, content)
	if content.IsDelivered() { // what goes wrong afterwards, as the conversation ends, takes nothing back
		return nil
	}
	return explain(err, m.To)
}

// isLoopback reports whether the host is this one.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// compose returns the message as it goes over the line. A message that cannot be addressed is refused.
func compose(m Message) (*gomail.Msg, error) {
	from, err := mail.ParseAddress(m.From)
	if err != nil {
		return nil, errors.New("MAIL_FROM is no address")
	}
	to, err := recipient(m.To)
	if err != nil {
		return nil, err
	}
	content := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	content.FromMailAddress(from)
	content.ToMailAddress(to)
	content.Subject(m.Subject)
	content.SetDateWithValue(m.At)
	_, domain, _ := strings.Cut(from.Address, "@")
	content.SetMessageIDWithValue(m.ID + "@" + domain)
	content.SetGenHeader("Auto-Submitted", "auto-generated") // no automatic answers: RFC 3834
	content.SetBodyString(gomail.TypeTextPlain, m.Text)
	content.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return content, nil
}

// recipient returns the address with its domain as the line wants it.
func recipient(address string) (*mail.Address, error) {
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address || strings.ContainsAny(address, "\r\n\x00") {
		return nil, fmt.Errorf("%w: its address is none", ErrRefused)
	}
	at := strings.LastIndex(address, "@")
	domain, err := idna.Lookup.ToASCII(address[at+1:])
	if err != nil {
		return nil, fmt.Errorf("%w: its domain cannot be looked up", ErrRefused)
	}
	return &mail.Address{Address: address[:at] + "@" + domain}, nil
}

// policy is how a server says that it does not want the sender, rather than that there is no such recipient (RFC 3463
// §3.8).
var policy = regexp.MustCompile(`\b5\.7\.\d+\b`)

// explain says what the server or the line has done, without the address. Only what the server says of the recipient is
// for good: anything else an operator can put right.
func explain(err error, to string) error {
	if err == nil {
		return nil
	}
	if refused, ok := errors.AsType[*gomail.SendError](err); ok && refused.ErrorCode() > 0 {
		code, what := refused.ErrorCode(), refused.Reason
		told := fmt.Errorf("the SMTP server answers %d: %s", code, what)
		final := code >= 500 && code < 600 && what == gomail.ErrSMTPRcptTo
		if final && !policy.MatchString(refused.Error()) {
			return fmt.Errorf("%w: %w", ErrRefused, told)
		}
		return told
	}
	if answer, ok := errors.AsType[*textproto.Error](err); ok {
		return fmt.Errorf("the SMTP server answers %d", answer.Code)
	}
	// Of a letter that was not handed over in time, the client tells no cause, but then the line does not end in time
	// either.
	if line, ok := errors.AsType[net.Error](err); ok && line.Timeout() {
		return errors.New("the SMTP server does not answer in time")
	}
	said := strings.ReplaceAll(err.Error(), to, "the recipient")
	return errors.New("the SMTP server cannot be used: " + cmp.Or(said, "no reason given"))
}
