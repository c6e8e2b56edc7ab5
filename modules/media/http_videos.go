package media

import (
	"context"
	"time"

	"risingstars/platform/auth"
	"risingstars/platform/fault"
	"risingstars/platform/web"
)

type failure struct {
	Code       string     `json:"code" doc:"Stable name of the reason"`
	Detail     string     `json:"detail" doc:"One sentence that says what to do"`
	CanRetry   bool       `json:"can_retry" doc:"Whether the video can be retried; otherwise upload another file"`
	RetryUntil *time.Time `json:"retry_until,omitempty" doc:"Until when the video can be retried without an upload"`
}

type posterBody struct {
	URL    string `json:"url"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
}

type hiddenBody struct {
	Code   string    `json:"code" doc:"Stable name of the reason"`
	Detail string    `json:"detail" doc:"One sentence"`
	Words  string    `json:"words" doc:"The moderator's own words; may be empty"`
	Since  time.Time `json:"since"`
}

type noticeBody struct {
	Code   string `json:"code" doc:"Stable name of what is missing"`
	Detail string `json:"detail" doc:"One sentence that says what happened and what to do"`
}

type videoBody struct {
	VideoID         string       `json:"video_id"`
	Title           string       `json:"title"`
	Description     string       `json:"description"`
	Status          string       `json:"status" enum:"uploaded,processing,processed,failed"`
	Step            string       `json:"stage,omitempty" doc:"Of processing: queued, probing, processing, publishing"`
	Progress        int          `json:"progress" doc:"Percent"`
	UploadedAt      time.Time    `json:"uploaded_at"`
	ProcessedAt     *time.Time   `json:"processed_at"`
	DurationSeconds *float64     `json:"duration_seconds"`
	OriginalURL     *string      `json:"original_url"`
	ProcessedURL    *string      `json:"processed_url"`
	PosterURL       *string      `json:"poster_url"`
	SmallURL        *string      `json:"small_url" doc:"The clip for phones on a bad line; null if there is none"`
	SmallWidth      *int         `json:"small_width"`
	SmallHeight     *int         `json:"small_height"`
	Posters         []posterBody `json:"posters" doc:"The poster in all sizes; null if there is only one"`
	Votes           int          `json:"votes"`
	Failure         *failure     `json:"failure"`
	Notices         []noticeBody `json:"notices" nullable:"false" doc:"What the published clip lacks of the original"`
	FilesMissing    bool         `json:"files_missing,omitempty" doc:"A published file is gone, and must be made again"`
	Hidden          *hiddenBody  `json:"hidden" doc:"Why a moderator hides the video; null: none does"`

	// The names that clients of earlier systems know.
	ID        string    `json:"id" deprecated:"true" doc:"The same as video_id"`
	CreatedAt time.Time `json:"created_at" deprecated:"true" doc:"The same as uploaded_at"`
	VoteCount int       `json:"vote_count" deprecated:"true" doc:"The same as votes"`
}

type videoOutput struct {
	Body videoBody
}

type listInput struct {
	web.Page
	Status string `query:"status" enum:"uploaded,processing,processed,failed"`
}

type listOutput struct {
	web.PageHeaders
	Body []videoBody
}

type idInput struct {
	ID string `path:"id"`
}

type deleteOutput struct {
	Body struct {
		Message string `json:"message"`
		VideoID string `json:"video_id"`
		ID      string `json:"id" deprecated:"true" doc:"The same as video_id"`
	}
}

func (a api) listVideos(ctx context.Context, in *listInput) (*listOutput, error) {
	videos, total, err := a.List(ctx, auth.CallerID(ctx), Status(in.Status), in.Offset(), in.Size)
	if err != nil {
		return nil, err
	}
	bodies, err := a.bodies(ctx, videos)
	if err != nil {
		return nil, err
	}
	return &listOutput{PageHeaders: in.Headers(ctx, total, "status"), Body: bodies}, nil
}

func (a api) getVideo(ctx context.Context, in *idInput) (*videoOutput, error) {
	v, err := a.Owned(ctx, auth.CallerID(ctx), in.ID)
	return a.answer(ctx, v, err)
}

func (a api) retryVideo(ctx context.Context, in *idInput) (*videoOutput, error) {
	v, err := a.Retry(ctx, auth.CallerID(ctx), in.ID)
	return a.answer(ctx, v, err)
}

func (a api) deleteVideo(ctx context.Context, in *idInput) (*deleteOutput, error) {
	if err := a.Delete(ctx, auth.CallerID(ctx), in.ID); err != nil {
		return nil, err
	}
	out := &deleteOutput{}
	out.Body.VideoID, out.Body.ID = in.ID, in.ID
	out.Body.Message = web.Say(ctx, fault.Text{ES: "El video fue eliminado.", EN: "The video has been deleted."})
	return out, nil
}

// answer returns a video's JSON, or err.
func (a api) answer(ctx context.Context, v Video, err error) (*videoOutput, error) {
	if err != nil {
		return nil, err
	}
	bodies, err := a.bodies(ctx, []Video{v})
	if err != nil {
		return nil, err
	}
	return &videoOutput{Body: bodies[0]}, nil
}

// failureOf returns why a video failed and what to do about it, or nil if it has not failed.
func (a api) failureOf(ctx context.Context, v Video) *failure {
	why := a.WhyFailed(v)
	if why == nil {
		return nil
	}
	f := &failure{Code: why.Code, Detail: web.Say(ctx, why.Text), CanRetry: why.CanRetry}
	if !why.RetryUntil.IsZero() {
		f.RetryUntil = &why.RetryUntil
	}
	return f
}

// noticesOf returns what a published video lacks of its original; never nil.
func (a api) noticesOf(ctx context.Context, v Video) []noticeBody {
	bodies := make([]noticeBody, len(v.Notices))
	for i, n := range v.Notices {
		bodies[i] = noticeBody{Code: string(n), Detail: web.Say(ctx, NoticeText(n))}
	}
	return bodies
}

// bodies returns the JSON of videos, with links to the files for their owner.
func (a api) bodies(ctx context.Context, videos []Video) ([]videoBody, error) {
	ids := make([]string, len(videos))
	for i, v := range videos {
		ids[i] = v.ID
	}
	tallies, err := a.gallery.Tallies(ctx, ids)
	if err != nil {
		return nil, err
	}
	why, err := a.WhyHidden(ctx, ids)
	if err != nil {
		return nil, err
	}
	hidden, err := a.Hidden(ctx, ids)
	if err != nil {
		return nil, err
	}
	bodies := make([]videoBody, len(videos))
	for i, v := range videos {
		b := videoBody{
			VideoID: v.ID, Title: v.Title, Description: v.Description, Status: string(v.Status), Step: v.Step,
			Progress: v.Progress, UploadedAt: v.UploadedAt, Votes: tallies[v.ID], Failure: a.failureOf(ctx, v),
			Notices:      a.noticesOf(ctx, v),
			FilesMissing: v.FilesMissing,
			ID:           v.ID, CreatedAt: v.UploadedAt, VoteCount: tallies[v.ID],
		}
		if h, ok := why[v.ID]; ok {
			b.Hidden = &hiddenBody{h.Code, web.Say(ctx, h.Text), h.Words, h.At}
		}
		if !v.ProcessedAt.IsZero() {
			seconds := v.Duration.Seconds()
			b.ProcessedAt, b.DurationSeconds = &v.ProcessedAt, &seconds
		}
		if hidden[v.ID] { // links to published files last, and can be passed on
			v.Output = Output{}
		}
		original := v.OriginalKey
		if a.o.DeleteOriginal && v.Status == Processed {
			original = ""
		}
		for _, link := range []struct {
			key string
			url **string
		}{
			{original, &b.OriginalURL},
			{v.ProcessedKey, &b.ProcessedURL},
			{v.PosterKey, &b.PosterURL},
			{v.SmallKey, &b.SmallURL},
		} {
			if link.key == "" {
				continue
			}
			url, err := a.link(ctx, link.key)
			if err != nil {
				return nil, err
			}
			*link.url = &url
		}
		if v.SmallKey != "" {
			b.SmallWidth, b.SmallHeight = &v.SmallWidth, &v.SmallHeight
		}
		if b.Posters, err = a.postersOf(ctx, v.Output); err != nil {
			return nil, err
		}
		bodies[i] = b
	}
	return bodies, nil
}

func (a api) link(ctx context.Context, key string) (string, error) {
	url, err := a.bucket.URL(ctx, key, a.o.URLExpiry)
	return web.Absolute(ctx, url), err
}

// postersOf returns nil for a clip of the time when there was only one size.
func (a api) postersOf(ctx context.Context, o Output) (posters []posterBody, err error) {
	if o.Poster640Key == "" {
		return nil, nil
	}
	for _, p := range []struct {
		key   string
		width int
	}{{o.PosterKey, 1280}, {o.Poster640Key, 640}, {o.Poster320Key, 320}} {
		url, err := a.link(ctx, p.key)
		if err != nil {
			return nil, err
		}
		posters = append(posters, posterBody{url, p.width, p.width * 9 / 16})
	}
	return posters, nil
}
