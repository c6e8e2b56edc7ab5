package media

import (
	"context"
	"errors"
	"strconv"
	"time"

	"risingstars/platform/auth"
	"risingstars/platform/fault"
	"risingstars/platform/storage"
	"risingstars/platform/web"
)

type directInput struct {
	Body struct {
		Title        string  `json:"title,omitempty" doc:"Needed at the latest to complete the upload"`
		Description  string  `json:"description,omitempty"`
		Filename     string  `json:"filename,omitempty" maxLength:"1000" doc:"Used if content_type names no format"`
		Size         int64   `json:"size" minimum:"1" doc:"Of the file, in bytes"`
		ContentType  string  `json:"content_type,omitempty" maxLength:"200" doc:"As the browser names it"`
		StartSeconds float64 `json:"start_seconds,omitempty" doc:"Where the published part begins"`
	}
}

type completeInput struct {
	ID   string         `path:"id"`
	Body *directDetails `required:"false"`
}

// directDetails replace what the upload began with. What is left out stays.
type directDetails struct {
	_            struct{} `nullable:"true" additionalProperties:"true"` // clients from before send anything
	Title        *string  `json:"title,omitempty"`
	Description  *string  `json:"description,omitempty"`
	StartSeconds *float64 `json:"start_seconds,omitempty" doc:"Where the published part begins"`
}

type directPartBody struct {
	Number   int     `json:"number"`
	Size     int64   `json:"size" doc:"Bytes that the part must have"`
	Received bool    `json:"received"`
	URL      *string `json:"url" doc:"Where to PUT the part; null once it has been received"`
}

type directBody struct {
	UploadID     string           `json:"upload_id" doc:"Becomes the video's id"`
	PartSize     int64            `json:"part_size" doc:"Bytes of each part but the last"`
	Parts        []directPartBody `json:"parts"`
	URLsExpireAt time.Time        `json:"urls_expire_at" doc:"If a URL answers 403, get the upload again for new ones"`
	ExpiresAt    time.Time        `json:"expires_at" doc:"When an unfinished upload is cancelled"`
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

func (a api) beginUpload(ctx context.Context, in *directInput) (*directOutput, error) {
	b := in.Body
	d, err := checkDetails(b.Title, b.Description, secondsText(b.StartSeconds), false)
	if err != nil {
		return nil, err
	}
	container, err := containerFor(b.ContentType, b.Filename)
	if err != nil {
		return nil, err
	}
	once := web.OnceOf(ctx)
	if once.Resumed() { // an attempt that was cut off may have begun it
		out, err := a.getUpload(ctx, &idInput{ID: once.Subject()})
		if errors.Is(err, errNoUpload) {
			out, err = a.completedUpload(ctx, once.Subject())
		}
		if !errors.Is(err, errNoUpload) {
			return out, err
		}
	}
	u, err := a.direct.begin(ctx, auth.CallerID(ctx), once.Subject(), d, container, b.Size)
	if err != nil {
		return nil, err
	}
	out, err := a.uploadState(ctx, u, nil, false)
	if err != nil {
		return nil, errors.Join(err, a.direct.cancel(ctx, u)) // the client will not learn its id
	}
	return out, nil
}

func (a api) listUploads(ctx context.Context, _ *struct{}) (*directListOutput, error) {
	uploads, err := a.direct.list(ctx, auth.CallerID(ctx))
	if err != nil {
		return nil, err
	}
	out := &directListOutput{Body: make([]directSummary, len(uploads))}
	for i, u := range uploads {
		out.Body[i] = directSummary{UploadID: u.ID, Title: u.Title, Size: u.Size, ExpiresAt: u.ExpiresAt}
	}
	return out, nil
}

func (a api) getUpload(ctx context.Context, in *idInput) (*directOutput, error) {
	u, err := a.direct.owned(ctx, auth.CallerID(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	received, whole, err := a.direct.parts(ctx, u)
	if err != nil {
		return nil, err
	}
	return a.uploadState(ctx, u, received, whole)
}

// completedUpload returns the state of an upload that is a video by now: all parts have arrived, and completing it gets
// the video. Without such a video the error is errNoUpload.
func (a api) completedUpload(ctx context.Context, id string) (*directOutput, error) {
	v, err := a.direct.outcome(ctx, auth.CallerID(ctx), id)
	if err != nil {
		return nil, err
	}
	u := newDirectUpload(v.OriginalSize)
	u.ID, u.Title, u.ExpiresAt = v.ID, v.Title, v.UploadedAt.Add(directLifetime)
	return a.uploadState(ctx, u, nil, true)
}

func (a api) completeUpload(ctx context.Context, in *completeInput) (*completedOutput, error) {
	began := time.Now()
	v, err := a.direct.complete(ctx, auth.CallerID(ctx), in.ID, in.Body)
	a.metrics.upload(ctx, wayDirect, began, err)
	if err != nil {
		return nil, err
	}
	return &completedOutput{Body: newUploadBody(ctx, v)}, nil
}

func secondsText(seconds float64) string { return strconv.FormatFloat(seconds, 'f', -1, 64) }

func (a api) abortUpload(ctx context.Context, in *idInput) (*abortOutput, error) {
	u, err := a.direct.owned(ctx, auth.CallerID(ctx), in.ID)
	if err == nil {
		err = a.direct.cancel(ctx, u)
	}
	if err != nil {
		return nil, err
	}
	out := &abortOutput{}
	out.Body.UploadID = in.ID
	out.Body.Message = web.Say(ctx, fault.Text{ES: "La subida fue cancelada.", EN: "The upload has been cancelled."})
	return out, nil
}

// uploadState returns the JSON of an upload, with a URL for every part that is missing. If whole is true, none is.
func (a api) uploadState(
	ctx context.Context, u directUpload, received []storage.Part, whole bool,
) (*directOutput, error) {
	life := max(time.Second, min(a.o.URLExpiry, u.left))
	out := &directOutput{Body: directBody{
		UploadID: u.ID, Title: u.Title, Size: u.Size, PartSize: u.PartSize, ExpiresAt: u.ExpiresAt,
		Parts: make([]directPartBody, u.partCount()), URLsExpireAt: time.Now().Add(life).UTC().Truncate(time.Second),
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
		url, err := a.bucket.PresignPart(ctx, u.Key, u.StorageID, p.Number, p.Size, life)
		if errors.Is(err, storage.ErrNoUpload) {
			return nil, errNoUpload.With(err)
		}
		if err != nil {
			return nil, err
		}
		url = web.Absolute(ctx, url)
		p.URL = &url
	}
	return out, nil
}
