package media

import (
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"risingstars/platform/auth"
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
}

var errSecondFile = fault.ErrInvalid.WithFields(fault.Field{
	Location: "body.file",
	Message:  fault.Text{ES: "envía un solo archivo por video", EN: "send one file per video"},
})

var errNoMock = fault.New(fault.NotFound, "not_found",
	"No hay nada en esta dirección.",
	"There is nothing at this address.")

// uploadRoutes registers the uploads, whose bodies are streamed past huma.
func (m *Module) uploadRoutes(s *web.Server, operation func(method, path, id, summary string, errors ...int) huma.Operation) {
	register := func(path, id, summary string, status int, mock bool) {
		op := operation(http.MethodPost, path, id, summary, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity)
		op.DefaultStatus = status
		describeUpload(s.API.OpenAPI(), &op)
		s.Handle(op, func(c echo.Context) error { return m.upload(c, status, mock) })
	}
	register("/api/videos/upload", "uploadVideo", "Upload a clip; it is processed and published by itself", http.StatusCreated, false)
	const mock = "/api/videos/upload-mock"
	if m.o.MockUploads {
		register(mock, "uploadMock", "Store a clip without ever processing it, for load tests", http.StatusAccepted, true)
		return
	}
	// Without this the router would see a video's address, and call the method wrong.
	huma.Register(s.API, huma.Operation{Method: http.MethodPost, Path: mock, OperationID: "noMock", Hidden: true},
		func(context.Context, *struct{}) (*struct{}, error) { return nil, errNoMock })
}

func (m *Module) upload(c echo.Context, status int, mock bool) error {
	ctx := c.Request().Context()
	body, err := web.OpenMultipart(c, m.o.MaxUploadBytes, errTooLarge)
	if err != nil {
		return err //nolint:wrapcheck // a fault
	}
	form := uploadForm{m: m, form: body}
	if err := form.read(c); err != nil {
		form.discard(c)
		return err
	}
	details, err := newDetails(form.title, form.description, form.start)
	if err == nil && form.file == nil {
		err = errMissingFile
	}
	if err != nil {
		form.discard(c)
		return err
	}
	v, err := m.accept(ctx, auth.CallerID(ctx), form.file, details, mock)
	if err != nil {
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
		VideoID: v.ID, TaskID: v.ID, UserID: v.OwnerID, Title: v.Title, Status: string(v.Status), UploadedAt: v.UploadedAt,
	}
}

// uploadForm is the form of an upload, in whatever order its parts arrive.
type uploadForm struct {
	m                         *Module
	form                      *web.Multipart
	file                      *original
	title, description, start string
	hasTitle                  bool
}

// read takes the parts as they come. A file is stored while it arrives, unless what came before it is wrong already.
func (f *uploadForm) read(c echo.Context) error {
	for {
		part, err := f.form.Next()
		if err == io.EOF { //nolint:errorlint // the end is exactly io.EOF; a form that breaks off is a fault around it
			return nil
		}
		if err != nil {
			return err //nolint:wrapcheck // a fault
		}
		if err := f.take(c, part); err != nil {
			return err
		}
	}
}

func (f *uploadForm) take(c echo.Context, part *multipart.Part) (err error) {
	switch part.FormName() {
	case "title":
		f.hasTitle = true
		f.title, err = f.form.Text(part, 4*maxTitle)
	case "description":
		f.description, err = f.form.Text(part, 4*maxDescription)
	case "start_seconds":
		f.start, err = f.form.Text(part, 64)
	case "file", "video_file":
		if f.file != nil {
			return errSecondFile
		}
		if f.hasTitle {
			if _, err := newDetails(f.title, f.description, f.start); err != nil {
				return err
			}
		}
		f.file, err = f.m.receive(c.Request().Context(), f.form.Body(part))
	}
	return err //nolint:wrapcheck // faults
}

func (f *uploadForm) discard(c echo.Context) {
	if f.file != nil {
		f.m.abandon(c.Request().Context(), f.file.key)
	}
}

// describeUpload documents what the streamed operation takes and gives.
func describeUpload(doc *huma.OpenAPI, op *huma.Operation) {
	text := func(most int) *huma.Schema { return &huma.Schema{Type: huma.TypeString, MaxLength: &most} }
	file := &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "MP4, MOV, 3GP, MKV or WebM"}
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"multipart/form-data": {Schema: &huma.Schema{
		Type:     huma.TypeObject,
		Required: []string{"title"},
		Properties: map[string]*huma.Schema{
			"video_file": file, "file": file, "title": text(maxTitle), "description": text(maxDescription),
			"start_seconds": {Type: huma.TypeNumber, Description: "Where the published part begins"},
		},
	}}}}
	web.Describe(doc, op, uploadBody{})
}
