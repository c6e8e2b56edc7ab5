package web

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"risingstars/platform/fault"
)

const (
	// stall is how long an upload may send nothing before it is given up.
	stall = 30 * time.Second
	// envelope is what boundaries and text fields may add to the file of an upload, in bytes.
	envelope = 1 << 20
)

var (
	errNotMultipart = fault.New(fault.UnsupportedMedia, "unsupported_media_type",
		"Envía el archivo como multipart/form-data.",
		"Send the file as multipart/form-data.")
	errBadMultipart = fault.New(fault.Malformed, "malformed",
		"El formulario llegó incompleto o dañado. Vuelve a enviarlo.",
		"The form arrived incomplete or damaged. Please send it again.")
)

// Multipart reads a multipart/form-data body part by part, straight from the connection.
type Multipart struct {
	parts    *multipart.Reader
	tooLarge error
}

// OpenMultipart begins to read the body of c. A request that announces more than maxFile bytes of file, with some room
// for the form around it, is refused with tooLarge before any of it is read.
func OpenMultipart(c echo.Context, maxFile int64, tooLarge error) (*Multipart, error) {
	r := c.Request()
	mediaType, params, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType))
	if err != nil || mediaType != "multipart/form-data" {
		return nil, errNotMultipart
	}
	if params["boundary"] == "" {
		return nil, errBadMultipart
	}
	if r.ContentLength > maxFile+envelope {
		return nil, tooLarge
	}
	limited := http.MaxBytesReader(c.Response(), r.Body, maxFile+envelope)
	body := &attentive{body: limited, control: http.NewResponseController(c.Response())}
	return &Multipart{parts: multipart.NewReader(body, params["boundary"]), tooLarge: tooLarge}, nil
}

// Next returns the next part, or io.EOF after the last. The part before it must not be used any more.
func (m *Multipart) Next() (*multipart.Part, error) {
	part, err := m.parts.NextPart()
	// The end of a form is exactly io.EOF; a form that breaks off is an error around it.
	if err != nil && err != io.EOF {
		return nil, m.bodyError(err)
	}
	return part, err //nolint:wrapcheck // io.EOF must stay what it is
}

// Text reads a part that is a text field of at most max bytes. A longer one is cut a little above that, so that the rule
// for its length finds it.
func (m *Multipart) Text(part *multipart.Part, maxBytes int64) (string, error) {
	text, err := io.ReadAll(io.LimitReader(part, maxBytes+utf8.UTFMax))
	if err != nil {
		return "", m.bodyError(err)
	}
	if int64(len(text)) > maxBytes {
		text = text[:len(text)-brokenTail(text)]
	}
	if !isText(string(text)) {
		return "", errBadMultipart
	}
	return string(text), nil
}

// brokenTail is the length of the rune that a cut left incomplete at the end of text.
func brokenTail(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if start := text[len(text)-n:]; utf8.RuneStart(start[0]) {
			if utf8.FullRune(start) {
				return 0
			}
			return n
		}
	}
	return 0
}

// Body is a part's content, whose errors are marked as the client's, so that they are told apart from trouble with the
// place that it is written to.
func (m *Multipart) Body(part io.Reader) io.Reader { return clientReader{m, part} }

type clientReader struct {
	form *Multipart
	part io.Reader
}

func (r clientReader) Read(p []byte) (int, error) {
	n, err := r.part.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // the end of a part is exactly io.EOF
		err = r.form.bodyError(err)
	}
	return n, err //nolint:wrapcheck // io.EOF must stay what it is
}

func (m *Multipart) bodyError(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return m.tooLarge
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errSlow.With(err)
	}
	return errBadMultipart.With(err)
}

// attentive moves the connection's read deadline ahead of every read: a slow upload may take hours, a dead one may not.
type attentive struct {
	body    io.Reader
	control *http.ResponseController
}

func (a *attentive) Read(p []byte) (int, error) {
	// Without a connection that has deadlines there is nothing to guard.
	_ = a.control.SetReadDeadline(time.Now().Add(stall))
	return a.body.Read(p) //nolint:wrapcheck // a reader passes the inner one's error on
}

// rawBody is a body that is nothing but content, of whatever length and speed.
type rawBody struct {
	io.ReadCloser
	attentive attentive
}

func (b *rawBody) Read(p []byte) (int, error) {
	n, err := b.attentive.Read(p)
	switch {
	case err == nil || err == io.EOF: //nolint:errorlint // the end of a body is exactly io.EOF
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = errSlow.With(err)
	default:
		err = errMalformed.With(err)
	}
	return n, err //nolint:wrapcheck // io.EOF must stay what it is
}
