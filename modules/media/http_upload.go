package media

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"io"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"risingstars/modules/media/internal/ffmpeg"
	"risingstars/platform/fault"
	"risingstars/platform/web"
)

type uploadBody struct {
	Message    string    `json:"message"`
	VideoID    string    `json:"video_id"`
	TaskID     string    `json:"task_id"`
	UserID     string    `json:"user_id"`
	Title      string    `json:"title"`
	Status     string    `json:"status"`
	UploadedAt time.Time `json:"uploaded_at"`

	// The names that clients of earlier systems know.
	ID        string    `json:"id" deprecated:"true" doc:"The same as video_id"`
	CreatedAt time.Time `json:"created_at" deprecated:"true" doc:"The same as uploaded_at"`
}

// formUpload describes the form and the responses of an operation whose body bypasses huma, which would buffer it.
func formUpload(s *web.Server, op huma.Operation) huma.Operation {
	text := func(most int, example string) *huma.Schema {
		return &huma.Schema{Type: huma.TypeString, MaxLength: &most, Examples: []any{example}}
	}
	file := &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "MP4, MOV, 3GP, MKV or WebM"}
	schema := &huma.Schema{
		Type:     huma.TypeObject,
		Required: []string{"title"},
		Properties: map[string]*huma.Schema{
			"video_file": file, "file": file, "title": text(MaxTitle, "Tango en la plaza"),
			"description": text(MaxDescription, "Grabado en casa"),
			"start_seconds": {
				Type: huma.TypeNumber, Description: "Where the published part begins", Examples: []any{0},
			},
		},
	}
	op.RequestBody = &huma.RequestBody{
		Required: true, Content: map[string]*huma.MediaType{"multipart/form-data": {Schema: schema}},
	}
	web.Describe(s.API.OpenAPI(), &op, "application/json", uploadBody{})
	return op
}

func (a api) uploadVideo(c echo.Context) error { return a.upload(c, http.StatusCreated, false) }

func (a api) uploadMock(c echo.Context) error { return a.upload(c, http.StatusAccepted, true) }

func (a api) upload(c echo.Context, status int, mock bool) error {
	v, err := a.ReceiveForm(c.Response(), c.Request(), mock)
	ctx := c.Request().Context()
	if err != nil || web.OnceOf(ctx).Answered() {
		return err
	}
	return c.JSON(status, newUploadBody(ctx, v))
}

func newUploadBody(ctx context.Context, v Video) uploadBody {
	return uploadBody{
		Message: web.Say(ctx, fault.Text{
			ES: "Video recibido. Lo publicaremos en cuanto esté procesado.",
			EN: "Video received. It will be published as soon as it is processed.",
		}),
		VideoID: v.ID, TaskID: v.ID, UserID: v.OwnerID, Title: v.Title, Status: string(v.Status),
		UploadedAt: v.UploadedAt, ID: v.ID, CreatedAt: v.UploadedAt,
	}
}

// fingerprint tells one upload from another by its details and by the bytes of its file, which it sees as they arrive.
type fingerprint struct{ hash.Hash }

// newFingerprint returns nil for an upload that is not compared with others.
func newFingerprint(once *web.Once) *fingerprint {
	if once == nil {
		return nil
	}
	return &fingerprint{sha256.New()}
}

// of returns what reads content, and sees it.
func (p *fingerprint) of(content io.Reader) io.Reader {
	if p == nil {
		return content
	}
	return io.TeeReader(content, p)
}

func (p *fingerprint) sum(d details) string {
	if p == nil {
		return ""
	}
	fmt.Fprintf(p, "%q %q %d", d.Title, d.Description, d.Start)
	return base64.RawURLEncoding.EncodeToString(p.Sum(nil))
}

// uploadForm is the form of an upload, whose parts arrive in any order.
type uploadForm struct {
	m                         *Module
	id                        string // that the video gets; "" for a new one
	print                     *fingerprint
	known                     bool  // the answer is known: the file is read, and not stored
	made                      Video // that an attempt which was cut off has created
	seen                      bool  // a file was read and not stored
	form                      *web.Multipart
	mock                      bool
	file                      *original
	title, description, start string
	hasTitle                  bool
	empty                     bool // a field for the file came without content
}

// read reads the whole form. The file is stored while it arrives.
func (f *uploadForm) read(ctx context.Context) (details, error) {
	for {
		part, err := f.form.Next()
		if err == io.EOF { //nolint:errorlint // the end is io.EOF itself; a broken form is a fault that wraps it
			break
		}
		if err == nil {
			err = f.readPart(ctx, part)
		}
		if err != nil {
			return details{}, err
		}
	}
	d, err := newDetails(f.title, f.description, f.start)
	switch {
	case err != nil || f.file != nil || f.seen:
		return d, err
	case f.empty:
		return d, errEmptyFile
	}
	return d, errMissingFile
}

func (f *uploadForm) readPart(ctx context.Context, part *web.Part) (err error) {
	switch part.Name {
	case "title":
		f.hasTitle = true
		f.title, err = f.form.Text(part, 4*MaxTitle)
	case "description":
		f.description, err = f.form.Text(part, 4*MaxDescription)
	case "start_seconds":
		f.start, err = f.form.Text(part, 64)
	case "file", "video_file":
		err = f.readFile(ctx, part)
	}
	return err
}

// readFile stores the content of a field for the file, unless it is empty: a browser sends an empty one for every field
// that was left alone.
func (f *uploadForm) readFile(ctx context.Context, part *web.Part) error {
	body := bufio.NewReader(f.form.Body(part))
	switch _, err := body.Peek(1); {
	case err == io.EOF:
		f.empty = true
		return nil
	case err != nil:
		return err
	case f.file != nil || f.seen:
		return errSecondFile
	}
	if f.known {
		f.seen = true
		_, err := io.Copy(io.Discard, f.print.of(body))
		return err
	}
	if f.hasTitle { // a mistake in the details is then reported before the file is read
		if _, err := newDetails(f.title, f.description, f.start); err != nil {
			return err
		}
	}
	var claimed *ffmpeg.Container
	if f.mock {
		claimed = claimedContainer(part.File, part.Type)
	}
	file, err := f.m.receiveAs(ctx, f.id, f.print.of(body), f.form.MaxFile(), claimed)
	f.file = file
	return err
}

// claimedContainer returns the container that a file has by its name and its type, or nil. It serves mocks, which are
// never processed: load tests send any bytes as test_video.mp4 of the type video/mp4.
func claimedContainer(name, mediaType string) *ffmpeg.Container {
	if !strings.HasPrefix(mediaType, "video/") {
		return nil
	}
	for _, c := range ffmpeg.Containers() {
		if strings.EqualFold(path.Ext(name), c.Extension) {
			return &c
		}
	}
	return nil
}

// discard deletes the file of a form that is refused.
func (f *uploadForm) discard(ctx context.Context) {
	if f.file != nil {
		f.m.discard(ctx, nil, f.file.key)
	}
}
