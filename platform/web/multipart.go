package web

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"risingstars/platform/fault"
)

const (
	formOverhead  = 1 << 20  // bytes that boundaries and text fields may add to the file of an upload
	maxPartHeader = 16 << 10 // bytes
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
	header   *headerReader
	part     *multipart.Part // the last one that Next returned
	maxFile  int64
	tooLarge error
}

// OpenMultipart begins to read the body of c, which may have maxFile bytes and 1 MiB for the form around the file. If
// the request announces more, it returns tooLarge before it reads anything; if more arrive unannounced, Next, Text and
// Body return tooLarge. The header of a part may have 16 KiB.
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
	body := &headerReader{body: http.MaxBytesReader(c.Response(), r.Body, maxFile+formOverhead)}
	if r.ContentLength >= 0 {
		maxFile = min(maxFile, r.ContentLength)
	}
	parts := multipart.NewReader(body, params["boundary"])
	return &Multipart{parts: parts, header: body, maxFile: maxFile, tooLarge: tooLarge}, nil
}

// MaxFile returns the most bytes that a file in the form can have, by what the request announces.
func (m *Multipart) MaxFile() int64 { return m.maxFile }

// Next returns the next part, or io.EOF after the last. The previous part must no longer be used.
func (m *Multipart) Next() (*multipart.Part, error) {
	if m.part != nil {
		if _, err := io.Copy(io.Discard, m.part); err != nil {
			return nil, m.bodyError(err)
		}
	}
	m.header.begin()
	part, err := m.parts.NextPart()
	m.header.end()
	m.part = part
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
	// multipart.Reader may mistake what a cut left of a line for the whole line.
	if m.header.exceeded || errors.Is(err, multipart.ErrMessageTooLarge) {
		return errTooLarge.With(err)
	}
	return errBadMultipart.With(err)
}

// headerReader is the body of a form. multipart.Reader keeps a part's whole header in memory. Between begin and end,
// while it reads one, headerReader returns at most maxPartHeader bytes and then errTooLarge. What multipart.Reader had
// read before, up to 5 KiB, does not count. Go's own bound of the number of fields is set in go.mod.
type headerReader struct {
	body     io.Reader
	inHeader bool
	left     int
	exceeded bool
}

func (r *headerReader) begin() { r.inHeader, r.left = true, maxPartHeader }

func (r *headerReader) end() { r.inHeader = false }

func (r *headerReader) Read(p []byte) (int, error) {
	if !r.inHeader {
		return r.body.Read(p)
	}
	if r.left == 0 {
		r.exceeded = true
		return 0, errTooLarge
	}
	n, err := r.body.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}
