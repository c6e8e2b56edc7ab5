package media

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/auth"
	"risingstars/platform/fault"
	"risingstars/platform/storage"
	"risingstars/platform/web"
)

type directInput struct {
	Body struct {
		Title        string  `json:"title"`
		Description  string  `json:"description,omitempty"`
		Filename     string  `json:"filename,omitempty" maxLength:"1000" doc:"Tells the format where content_type does not"`
		Size         int64   `json:"size" minimum:"1" doc:"Of the file, in bytes"`
		ContentType  string  `json:"content_type,omitempty" maxLength:"200" doc:"As the browser names it"`
		StartSeconds float64 `json:"start_seconds,omitempty" doc:"Where the published part begins"`
	}
}

type directPartBody struct {
	Number   int     `json:"number"`
	Size     int64   `json:"size" doc:"Bytes that the part must have"`
	Received bool    `json:"received"`
	URL      *string `json:"url" doc:"Where to PUT the part; null once it was received"`
}

type directBody struct {
	UploadID     string           `json:"upload_id" doc:"The video's id, later"`
	PartSize     int64            `json:"part_size" doc:"Bytes of each part but the last"`
	Parts        []directPartBody `json:"parts"`
	URLsExpireAt time.Time        `json:"urls_expire_at" doc:"At the latest; when one is refused with 403, ask for the upload again to get new ones"`
	ExpiresAt    time.Time        `json:"expires_at" doc:"The upload is given up then"`
	Size         int64            `json:"size"`
	Title        string           `json:"title"`
}

type directListOutput struct {
	Body []directSummary
}

type directSummary struct {
	UploadID  string    `json:"upload_id"`
	Title     string    `json:"title"`
	Size      int64     `json:"size"`
	ExpiresAt time.Time `json:"expires_at"`
}

type directOutput struct {
	Body directBody
}

type completedOutput struct {
	Body uploadBody
}

type abortOutput struct {
	Body struct {
		Message  string `json:"message"`
		UploadID string `json:"upload_id"`
	}
}

// directRoutes registers uploads whose bytes go straight to storage: begin, PUT each part to its URL, complete.
func (m *Module) directRoutes(s *web.Server, operation func(method, path, id, summary string, errors ...int) huma.Operation) {
	const one = "/api/videos/uploads/{id}"
	begin := operation(http.MethodPost, "/api/videos/uploads", "beginUpload",
		"Begin an upload straight to storage; PUT each part to its URL, with nothing but its bytes, then complete it",
		http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity)
	begin.DefaultStatus = http.StatusCreated
	huma.Register(s.API, begin, m.begin)
	huma.Register(s.API, operation(http.MethodGet, "/api/videos/uploads", "listUploads", "The caller's uploads under way, the latest first"), m.uploads)
	huma.Register(s.API, operation(http.MethodGet, one, "getUpload", "What has arrived of an upload, and new URLs for the rest",
		http.StatusForbidden, http.StatusNotFound), m.resume)
	complete := operation(http.MethodPost, one+"/complete", "completeUpload", "Make a video of an upload whose parts have all arrived",
		http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity)
	complete.DefaultStatus = http.StatusCreated
	huma.Register(s.API, complete, m.complete)
	huma.Register(s.API, operation(http.MethodDelete, one, "abortUpload", "Give an upload up",
		http.StatusForbidden, http.StatusNotFound), m.abort)
}

func (m *Module) begin(ctx context.Context, in *directInput) (*directOutput, error) {
	b := in.Body
	d, err := newDetails(b.Title, b.Description, strconv.FormatFloat(b.StartSeconds, 'f', -1, 64))
	if err != nil {
		return nil, err
	}
	container, err := containerFor(b.ContentType, b.Filename)
	if err != nil {
		return nil, err
	}
	u, err := m.beginDirect(ctx, auth.CallerID(ctx), d, container, b.Size)
	if err != nil {
		return nil, err
	}
	out, err := m.directOutput(ctx, u, nil, false)
	if err != nil {
		return nil, errors.Join(err, m.abortDirect(ctx, u)) // nobody would know its id
	}
	return out, nil
}

func (m *Module) uploads(ctx context.Context, _ *struct{}) (*directListOutput, error) {
	uploads, err := m.store.directByOwner(ctx, auth.CallerID(ctx), time.Now())
	if err != nil {
		return nil, err
	}
	out := &directListOutput{Body: make([]directSummary, len(uploads))}
	for i, u := range uploads {
		out.Body[i] = directSummary{UploadID: u.ID, Title: u.Title, Size: u.Size, ExpiresAt: u.ExpiresAt}
	}
	return out, nil
}

func (m *Module) resume(ctx context.Context, in *idInput) (*directOutput, error) {
	u, err := m.ownedDirect(ctx, auth.CallerID(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	received, whole, err := m.received(ctx, u)
	if err != nil {
		return nil, err
	}
	return m.directOutput(ctx, u, received, whole)
}

func (m *Module) complete(ctx context.Context, in *idInput) (*completedOutput, error) {
	v, err := m.completeDirect(ctx, auth.CallerID(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	return &completedOutput{Body: newUploadBody(ctx, v)}, nil
}

func (m *Module) abort(ctx context.Context, in *idInput) (*abortOutput, error) {
	u, err := m.ownedDirect(ctx, auth.CallerID(ctx), in.ID)
	if err == nil {
		err = m.abortDirect(ctx, u)
	}
	if err != nil {
		return nil, err
	}
	out := &abortOutput{}
	out.Body.UploadID = in.ID
	out.Body.Message = web.Say(ctx, fault.Text{ES: "La subida fue cancelada.", EN: "The upload has been cancelled."})
	return out, nil
}

// directOutput has a URL for every part that is missing; of a whole file none is.
func (m *Module) directOutput(ctx context.Context, u directUpload, received []storage.Part, whole bool) (*directOutput, error) {
	life := max(time.Second, min(m.o.URLExpiry, time.Until(u.ExpiresAt)))
	out := &directOutput{Body: directBody{
		UploadID: u.ID, Title: u.Title, Size: u.Size, PartSize: u.PartSize, Parts: make([]directPartBody, u.parts()), ExpiresAt: u.ExpiresAt,
		URLsExpireAt: time.Now().Add(life).UTC().Truncate(time.Second),
	}}
	for _, p := range received {
		out.Body.Parts[p.Number-1].Received = true
	}
	for i := range out.Body.Parts {
		p := &out.Body.Parts[i]
		p.Number, p.Size = i+1, u.partSize(i+1)
		if p.Received = p.Received || whole; p.Received {
			continue
		}
		url, err := m.bucket.PresignPart(ctx, u.Key, u.StorageID, p.Number, p.Size, life)
		if errors.Is(err, storage.ErrNoUpload) {
			return nil, errNoUpload.With(err)
		}
		if err != nil {
			return nil, err //nolint:wrapcheck // the bucket names the key
		}
		url = web.Absolute(ctx, url)
		p.URL = &url
	}
	return out, nil
}
