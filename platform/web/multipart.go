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
	readIdleTimeout = 30 * time.Second // how long an upload may send nothing
	formOverhead    = 1 << 20          // bytes that boundaries and text fields may add to the file of an upload
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
	maxFile  int64
	tooLarge error
}

// OpenMultipart begins to read the body of c, which may have maxFile bytes and 1 MiB for the form around the file. If
// the request announces more, it returns tooLarge before it reads anything; if more arrive unannounced, Next, Text and
// Body return tooLarge.
func OpenMultipart(c echo.Context, maxFile int64, tooLarge error) (*Multipart, error) {
	r := c.Request()
	mediaType, params, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType))
	if err != nil || mediaType != "multipart/form-data" {
		return nil, errNotMultipart
	}
	if params["boundary"] == "" {
		return nil, errBadMultipart
	}
	if r.ContentLength > maxFile+formOverhead {
		return nil, tooLarge
	}
	limited := http.MaxBytesReader(c.Response(), r.Body, maxFile+formOverhead)
	body := &idleTimeoutReader{body: limited, control: http.NewResponseController(c.Response())}
	if r.ContentLength >= 0 {
		maxFile = min(maxFile, r.ContentLength)
	}
	return &Multipart{parts: multipart.NewReader(body, params["boundary"]), maxFile: maxFile, tooLarge: tooLarge}, nil
}

// MaxFile returns the most bytes that a file in the form can have, by what the request announces.
func (m *Multipart) MaxFile() int64 { return m.maxFile }

// Next returns the next part, or io.EOF after the last. The previous part must no longer be used.
func (m *Multipart) Next() (*multipart.Part, error) {
	part, err := m.parts.NextPart()
	// A complete form ends with io.EOF itself; one that breaks off, with an error that wraps it.
	if err != nil && err != io.EOF {
		return nil, m.bodyError(err)
	}
	return part, err
}

// Text reads a part that is a text field of at most maxBytes. It cuts a longer text a little above that, so that the
// rule for its length still rejects it.
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

// brokenTail returns the length of the incomplete rune that a cut left at the end of text.
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

// Body returns a part's content. Its read errors are faults of the client, so that callers can tell them apart from
// their own errors when they write the content elsewhere.
func (m *Multipart) Body(part io.Reader) io.Reader { return clientReader{m, part} }

type clientReader struct {
	form *Multipart
	part io.Reader
}

func (r clientReader) Read(p []byte) (int, error) {
	n, err := r.part.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // a complete part ends with io.EOF itself
		err = r.form.bodyError(err)
	}
	return n, err
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

// idleTimeoutReader sets a new read deadline before every read, so that a slow upload may last for hours, but a dead
// one ends after readIdleTimeout.
type idleTimeoutReader struct {
	body    io.Reader
	control *http.ResponseController
}

func (r *idleTimeoutReader) Read(p []byte) (int, error) {
	// The error is ignored: a connection without deadlines needs no guard.
	_ = r.control.SetReadDeadline(time.Now().Add(readIdleTimeout))
	return r.body.Read(p)
}

// rawBody is a request body that is all content, without a form. Its read errors are faults of the client.
type rawBody struct {
	io.ReadCloser
	timed idleTimeoutReader
}

func (b *rawBody) Read(p []byte) (int, error) {
	n, err := b.timed.Read(p)
	switch {
	case err == nil || err == io.EOF: //nolint:errorlint // a complete body ends with io.EOF itself
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = errSlow.With(err)
	default:
		err = errMalformed.With(err)
	}
	return n, err
}
