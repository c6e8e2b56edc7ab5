package web

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"time"

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
	parts *multipart.Reader
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
	body := &attentive{body: r.Body, control: http.NewResponseController(c.Response())}
	return &Multipart{parts: multipart.NewReader(io.LimitReader(body, maxFile+envelope+1), params["boundary"])}, nil
}

// Next returns the next part, or io.EOF after the last. The part before it must not be used any more.
func (m *Multipart) Next() (*multipart.Part, error) {
	part, err := m.parts.NextPart()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, bodyError(err)
	}
	if err != nil {
		return nil, io.EOF
	}
	return part, nil
}

// Text reads a part that is a text field of at most max bytes. A longer one is cut there, one byte over, so that the
// rule for its length finds it.
func Text(part *multipart.Part, maxBytes int64) (string, error) {
	text, err := io.ReadAll(io.LimitReader(part, maxBytes+1))
	if err != nil {
		return "", bodyError(err)
	}
	if !isText(string(text)) {
		return "", errBadMultipart
	}
	return string(text), nil
}

// Body marks the errors of a part's reader as the client's, so that they are told apart from trouble with the place
// that the part is written to.
func Body(part io.Reader) io.Reader { return clientReader{part} }

type clientReader struct{ io.Reader }

func (r clientReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = bodyError(err)
	}
	return n, err //nolint:wrapcheck // io.EOF must stay what it is
}

func bodyError(err error) error {
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
