package voting

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/auth"
	"risingstars/platform/fault"
	"risingstars/platform/web"
)

type publicVideo struct {
	VideoID         string    `json:"video_id"`
	Title           string    `json:"title"`
	Description     string    `json:"description"`
	PlayerName      string    `json:"player_name"`
	City            string    `json:"city"`
	Country         string    `json:"country"`
	ProcessedURL    string    `json:"processed_url"`
	PosterURL       string    `json:"poster_url"`
	DurationSeconds float64   `json:"duration_seconds"`
	Votes           int       `json:"votes"`
	UploadedAt      time.Time `json:"uploaded_at"`
}

// Place narrows a list down to a place.
type Place struct {
	City    string `query:"city" maxLength:"100" doc:"Without regard to case and accents"`
	Country string `query:"country" maxLength:"100" doc:"Without regard to case and accents"`
}

type galleryInput struct {
	web.Page
	Place
	Search string `query:"q" maxLength:"200" doc:"Words of the title, the name or the city"`
	Order  string `query:"order" enum:"recent,votes" default:"recent"`
}

type galleryOutput struct {
	web.PageHeaders
	Body []publicVideo
}

type videoInput struct {
	ID string `path:"id"`
}

type videoOutput struct {
	Body publicVideo
}

type voteOutput struct {
	Body struct {
		Message    string `json:"message"`
		VideoID    string `json:"video_id"`
		TotalVotes int    `json:"total_votes"`
	}
}

type rankingInput struct {
	web.Page
	Place
}

type rank struct {
	Position int    `json:"position" doc:"From 1, within the filter"`
	UserID   string `json:"user_id"`
	Username string `json:"username"`
	City     string `json:"city"`
	Country  string `json:"country"`
	Votes    int    `json:"votes"`
}

type rankingOutput struct {
	Body struct {
		Rankings   []rank    `json:"rankings"`
		Total      int       `json:"total"`
		Page       int       `json:"page"`
		PageSize   int       `json:"page_size"`
		TotalPages int       `json:"total_pages"`
		AsOf       time.Time `json:"as_of"`
	}
}

// Routes registers the module's operations.
func (m *Module) Routes(s *web.Server) {
	tags := []string{"public"}
	get := func(path, id, summary string, errors ...int) huma.Operation {
		return huma.Operation{Method: http.MethodGet, Path: path, OperationID: id, Summary: summary, Tags: tags, Errors: errors}
	}
	huma.Register(s.API, get("/api/public/videos", "gallery", "The published videos", http.StatusUnprocessableEntity), m.gallery)
	huma.Register(s.API, get("/api/public/videos/{id}", "entry", "One published video", http.StatusNotFound), m.video)
	huma.Register(s.API, get("/api/public/rankings", "rankings", "The contestants by votes", http.StatusUnprocessableEntity), m.rankings)

	change := func(method, id, summary string) huma.Operation {
		return huma.Operation{
			Method: method, Path: "/api/public/videos/{id}/vote", OperationID: id, Summary: summary, Tags: tags,
			Security: web.Secured(), Errors: []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound},
		}
	}
	huma.Register(s.API, change(http.MethodPost, "vote", "Vote for a video, once"), m.vote)
	huma.Register(s.API, change(http.MethodDelete, "unvote", "Take the vote back"), m.unvote)
}

func (m *Module) gallery(ctx context.Context, in *galleryInput) (*galleryOutput, error) {
	filter := Filter{City: in.City, Country: in.Country, Search: in.Search}
	entries, total, err := m.Gallery(ctx, filter, Order(in.Order), in.Offset(), in.Size)
	if err != nil {
		return nil, err
	}
	out := &galleryOutput{PageHeaders: in.Headers(ctx, total), Body: make([]publicVideo, len(entries))}
	for i, entry := range entries {
		if out.Body[i], err = m.public(ctx, entry); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (m *Module) video(ctx context.Context, in *videoInput) (*videoOutput, error) {
	entry, err := m.Entry(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	video, err := m.public(ctx, entry)
	return &videoOutput{Body: video}, err
}

func (m *Module) public(ctx context.Context, e Entry) (publicVideo, error) {
	video, err := m.files.URL(ctx, e.ProcessedKey, m.o.URLExpiry)
	if err != nil {
		return publicVideo{}, err //nolint:wrapcheck // the bucket names the key
	}
	poster, err := m.files.URL(ctx, e.PosterKey, m.o.URLExpiry)
	if err != nil {
		return publicVideo{}, err //nolint:wrapcheck // the bucket names the key
	}
	return publicVideo{
		VideoID: e.VideoID, Title: e.Title, Description: e.Description, PlayerName: e.PlayerName, City: e.City, Country: e.Country,
		ProcessedURL: web.Absolute(ctx, video), PosterURL: web.Absolute(ctx, poster),
		DurationSeconds: e.Duration.Seconds(), Votes: e.Votes, UploadedAt: e.UploadedAt,
	}, nil
}

func (m *Module) vote(ctx context.Context, in *videoInput) (*voteOutput, error) {
	total, err := m.Vote(ctx, in.ID, auth.CallerID(ctx))
	return voted(ctx, in.ID, total, err, fault.Text{ES: "Tu voto quedó registrado.", EN: "Your vote has been counted."})
}

func (m *Module) unvote(ctx context.Context, in *videoInput) (*voteOutput, error) {
	total, err := m.Unvote(ctx, in.ID, auth.CallerID(ctx))
	return voted(ctx, in.ID, total, err, fault.Text{ES: "Tu voto fue retirado.", EN: "Your vote has been taken back."})
}

func voted(ctx context.Context, id string, total int, err error, message fault.Text) (*voteOutput, error) {
	if err != nil {
		return nil, err
	}
	out := &voteOutput{}
	out.Body.Message, out.Body.VideoID, out.Body.TotalVotes = web.Say(ctx, message), id, total
	return out, nil
}

func (m *Module) rankings(ctx context.Context, in *rankingInput) (*rankingOutput, error) {
	ranking, err := m.Rankings(ctx, Filter{City: in.City, Country: in.Country}, in.Offset(), in.Size)
	if err != nil {
		return nil, err
	}
	out := &rankingOutput{}
	b := &out.Body
	b.Rankings = make([]rank, len(ranking.Ranks))
	for i, r := range ranking.Ranks {
		b.Rankings[i] = rank(r)
	}
	b.Total, b.Page, b.PageSize, b.TotalPages, b.AsOf = ranking.Total, in.Number, in.Size, in.Of(ranking.Total), ranking.AsOf
	return out, nil
}
