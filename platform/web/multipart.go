package web

import (
	"cmp"
	"encoding/base64"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"risingstars/platform/fault"
)

const (
	formOverhead  = 1 << 20     // bytes that boundaries and text fields may add to the file of an upload
	maxPartHeader = 16 << 10    // bytes
	maxBoundary   = 70          // characters, by RFC 2046
	charsetField  = "_charset_" // of RFC 7578: the encoding of the texts that follow
)

var (
	errNotMultipart = fault.New(fault.UnsupportedMedia, "unsupported_media_type",
		"Envía el archivo como multipart/form-data.",
		"Send the file as multipart/form-data.")
	errBadMultipart = fault.New(fault.Malformed, "malformed",
		"El formulario llegó incompleto o dañado. Vuelve a enviarlo.",
		"The form arrived incomplete or damaged. Please send it again.")
	errNoBoundary = fault.New(fault.Malformed, "malformed",
		"Al tipo de contenido le falta un boundary de hasta 70 caracteres. Deja que tu programa lo ponga por sí mismo.",
		"The content type lacks a boundary of at most 70 characters. Let your program set it by itself.")
	errNotUTF8 = fault.New(fault.Malformed, "malformed",
		"Los textos del formulario deben ser UTF-8, o de la codificación que indique su Content-Type.",
		"The texts of the form must be UTF-8, or in the encoding that their Content-Type names.")
)

// Multipart reads a multipart/form-data body part by part, straight from the connection. It reads what browsers send
// and what people's own programs do: lines that end in LF alone, a byte order mark, headers with quotes that are not
// escaped, and parts in base64 or quoted-printable.
type Multipart struct {
	parts    *multipart.Reader
	header   *headerReader
	part     *multipart.Part // the last one that Next returned
	charset  string          // of texts that name none; "": UTF-8
	maxFile  int64
	tooLarge error
}

// Part is one part of a form.
type Part struct {
	Name    string // of its field, in lower case and without [] at the end; "" if it has none
	File    string // the name that the client gives to the file; "" if it gives none
	Type    string // the media type that the client states, in lower case; "" if it states none
	body    io.Reader
	charset string
}

// OpenMultipart begins to read the body of r, which may have maxFile bytes and 1 MiB for the form around the file. If
// the request announces more, it returns tooLarge before it reads anything; if more arrive unannounced, Next, Text and
// Body return tooLarge. The header of a part may have 16 KiB. What counts are the bytes that arrive: a file in base64,
// which takes four bytes for three, may have three quarters of maxFile.
func OpenMultipart(w http.ResponseWriter, r *http.Request, maxFile int64, tooLarge error) (*Multipart, error) {
	contentType := r.Header.Get(echo.HeaderContentType)
	if mediaType, _ := cutMediaType(contentType); mediaType != "multipart/form-data" {
		return nil, errNotMultipart
	}
	boundary := headerParameter(contentType, "boundary")
	if boundary == "" || len(boundary) > maxBoundary {
		return nil, errNoBoundary
	}
	if r.ContentLength > maxFile+formOverhead {
		return nil, tooLarge
	}
	body := &headerReader{body: http.MaxBytesReader(w, r.Body, maxFile+formOverhead)}
	if r.ContentLength >= 0 {
		maxFile = min(maxFile, r.ContentLength)
	}
	parts := multipart.NewReader(&unmarked{body: body}, boundary)
	return &Multipart{parts: parts, header: body, maxFile: maxFile, tooLarge: tooLarge}, nil
}

// MaxFile returns the most bytes that a file in the form can have, by what the request announces.
func (m *Multipart) MaxFile() int64 { return m.maxFile }

// Next returns the next part, or io.EOF after the last. The previous part must no longer be used.
func (m *Multipart) Next() (*Part, error) {
	for {
		part, err := m.next()
		if err != nil || part.Name != charsetField {
			return part, err
		}
		const longest = 40 // bytes; the longest name of an encoding has 20
		if m.charset, err = m.Text(part, longest); err != nil {
			return nil, err
		}
	}
}

func (m *Multipart) next() (*Part, error) {
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
	if err == io.EOF {
		return nil, err
	}
	if err != nil {
		return nil, m.bodyError(err)
	}
	disposition, contentType := part.Header.Get("Content-Disposition"), part.Header.Get(echo.HeaderContentType)
	name := strings.ToLower(strings.TrimSpace(headerParameter(disposition, "name")))
	p := &Part{Name: strings.TrimSuffix(name, "[]"), File: headerParameter(disposition, "filename"), body: part}
	p.Type, _ = cutMediaType(contentType)
	p.charset = cmp.Or(headerParameter(contentType, "charset"), m.charset)
	if strings.EqualFold(strings.TrimSpace(part.Header.Get("Content-Transfer-Encoding")), "base64") {
		p.body = base64.NewDecoder(base64.StdEncoding, part)
	}
	return p, nil
}

// Text reads a part that is a text field of at most maxBytes. It cuts a longer text a little above that, so that the
// rule for its length still rejects it.
func (m *Multipart) Text(part *Part, maxBytes int64) (string, error) {
	content, err := io.ReadAll(io.LimitReader(part.body, maxBytes+utf8.UTFMax))
	if err != nil {
		return "", m.bodyError(err)
	}
	text, err := decodeText(content, part.charset, int64(len(content)) > maxBytes)
	if err != nil {
		return "", errNotUTF8.With(err)
	}
	return text, nil
}

// Body returns a part's content. Its read errors are faults of the client, so that callers can tell them apart from
// their own errors when they write the content elsewhere.
func (m *Multipart) Body(part *Part) io.Reader { return clientReader{m, part.body} }

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

// unmarked is a body without the byte order mark that it may begin with.
type unmarked struct {
	body  io.Reader
	begun bool
	ahead []byte
}

func (r *unmarked) Read(p []byte) (int, error) {
	if !r.begun {
		r.begun = true
		start := make([]byte, len(byteOrderMark))
		n, err := io.ReadFull(r.body, start)
		if r.ahead = start[:n]; string(r.ahead) == byteOrderMark {
			r.ahead = nil
		}
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, err
		}
	}
	if len(r.ahead) > 0 {
		n := copy(p, r.ahead)
		r.ahead = r.ahead[n:]
		return n, nil
	}
	return r.body.Read(p)
}
