// Package site is what people see: the pages over all modules, as whole HTML documents. Everything but the player works
// without scripts. Forms answer 303 to a page that says what happened, or the same form again with what was typed and
// what to correct.
//
// A page calls the same use cases as the API, and no rule lives here. Its address has all of its state. Spanish pages
// have no prefix, English ones are the same under /en.
//
// Each page is a struct that embeds Base, in a file of its own, and a template of the same name in assets/site/pages.
// Texts are in assets/text, never in templates or in Go.
package site

import (
	"context"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"time"

	"risingstars/modules/archive"
	"risingstars/modules/identity"
	"risingstars/modules/media"
	"risingstars/modules/moderation"
	"risingstars/modules/voting"
	"risingstars/modules/webhooks"
	"risingstars/platform/branding"
	"risingstars/platform/lang"
	"risingstars/platform/limit"
	"risingstars/platform/queue"
	"risingstars/platform/web"
)

// Files gives browsers access to stored files. URL returns where a file can be read for the next ttl, absolute or
// relative to the site.
type Files interface {
	URL(ctx context.Context, key string, ttl time.Duration) (string, error)
}

// Limits count what is done by key.
type Limits interface {
	Take(ctx context.Context, b limit.Budget, key string) error
	Hold(ctx context.Context, b limit.Budget, key string) (*limit.Hold, error)
}

// Queue is what the page of jobs shows.
type Queue interface {
	Stats(ctx context.Context) (queue.Stats, error)
	Dead(ctx context.Context, limit int) ([]queue.DeadTask, error)
	RedriveAll(ctx context.Context, wanted func(queue.DeadTask) bool) ([]queue.DeadTask, error)
}

// Options are the site's settings. The zero value works.
type Options struct {
	SelfVotes bool
	FilesPath string // below which published files have addresses that last, such as /media/
	URLExpiry time.Duration
	Zone      *time.Location // in which pages write times; nil: UTC
	Region    string         // the country whose way of writing numbers they follow; "": each language's own
	Version   string         // of the program, on what is printed
	Contact   string         // an e-mail address or a page where people can ask; "": pages name none
	Origins   []string       // the hosts, other than the site's own, from which clips and pictures come
	Catalogue bool           // show the parts of all pages at /catalogue, for tests
	Live      bool           // read templates, texts and static files anew for each page, for developers

	// Pages are what the organiser has written in place of our own texts, by page and language.
	Pages map[string]map[string]branding.Page
}

// Deps are what the site is built from. All are required.
type Deps struct {
	Identity   *identity.Module
	Media      *media.Module
	Voting     *voting.Module
	Moderation *moderation.Module
	Archive    *archive.Module
	Webhooks   *webhooks.Module
	Queue      Queue
	Files      Files
	Limits     Limits
	Assets     fs.FS // templates and static files
	Texts      fs.FS // es.json, en.json
	Options    Options
}

// Site makes the pages.
type Site struct {
	identity   *identity.Module
	media      *media.Module
	voting     *voting.Module
	moderation *moderation.Module
	archive    *archive.Module
	webhooks   *webhooks.Module
	queue      Queue
	files      Files
	limits     Limits
	o          Options
	render     *renderer
	static     *web.Static
	written    map[string]map[string]Written // by page and language
	forms      []string                      // patterns of the addresses that only take forms, in Spanish
	shown      []string                      // and of those that show pages
}

// New reads and checks all templates and texts.
func New(d Deps) (*Site, error) {
	folder, err := fs.Sub(d.Assets, "static")
	if err != nil {
		return nil, err
	}
	newStatic := web.NewStatic
	if d.Options.Live {
		newStatic = web.NewLiveStatic
	}
	static, err := newStatic(folder)
	if err != nil {
		return nil, err
	}
	texts, err := lang.Load(d.Texts, d.Options.Region)
	if err != nil {
		return nil, err
	}
	if d.Options.Zone == nil {
		d.Options.Zone = time.UTC
	}
	render, err := newRenderer(d.Assets, texts, static, d.Options)
	if err != nil {
		return nil, err
	}
	render.source = d.Texts
	written, err := readPages(d.Options.Pages, d.Options.Zone)
	if err != nil {
		return nil, err
	}
	return &Site{
		identity: d.Identity, media: d.Media, voting: d.Voting,
		moderation: d.Moderation, archive: d.Archive, webhooks: d.Webhooks, queue: d.Queue, files: d.Files,
		limits: d.Limits, o: d.Options,
		render: render, static: static, written: written,
	}, nil
}

// page makes a page for a visit.
type page func(*visit) (web.View, error)

// Routes registers all pages. Those of members need somebody who is signed in; others are sent to /login first.
func (s *Site) Routes(server *web.Server) {
	server.Pages(web.PageOptions{Origins: s.o.Origins, Problem: s.problem})
	server.Static(s.static)

	look := web.Use{Budgets: []limit.Budget{pageViews}, Timeout: pageTime}
	signIn := web.Use{Budgets: append(identity.SignInBudgets(), pageViews)}
	signUp := web.Use{Budgets: append(identity.SignUpBudgets(), pageViews)}
	vote := web.Use{Budgets: append(voting.BallotBudgets(), pageViews)}
	upload := web.Use{Budgets: append(media.UploadBudgets(), pageViews), Stream: true}
	forgot := web.Use{Budgets: append(identity.ForgetBudgets(), pageViews)}
	link := web.Use{Budgets: append(identity.LinkBudgets(), pageViews)}
	account := web.Use{Budgets: append(identity.AccountBudgets(), pageViews)}
	export := web.Use{Budgets: append(archive.RequestBudgets(), pageViews)}
	report := web.Use{Budgets: append(moderation.ReportBudgets(), pageViews), Body: 16 << 10}
	change := web.Use{Budgets: append(media.ChangeBudgets(), pageViews)}

	for _, l := range []struct {
		prefix string
		add    func(method, path string, use web.Use, serve page)
		member func(method, path string, use web.Use, serve page)
	}{
		{"", s.adder(server, "", false), s.adder(server, "", true)},
		{"/en", s.adder(server, "/en", false), s.adder(server, "/en", true)},
	} {
		get := func(path string, serve page) { l.add(http.MethodGet, path, look, serve) }
		post := func(path string, use web.Use, serve page) { l.add(http.MethodPost, path, use, serve) }
		memberGet := func(path string, serve page) { l.member(http.MethodGet, path, look, serve) }
		memberPost := func(path string, use web.Use, serve page) { l.member(http.MethodPost, path, use, serve) }

		get("/", s.getGallery)
		get("/watch", s.getWatch)
		post("/watch", look, s.postSeen)
		get("/v/{id}", s.getVideo)
		memberPost("/v/{id}/vote", vote, s.postVote)
		get("/u/{id}", s.getPerformer)
		get("/u/{id}/poster", s.getPoster)
		get("/embed/{id}", s.getEmbed)
		get("/ranking", s.getRanking)

		get("/login", s.getLogin)
		post("/login", signIn, s.postLogin)
		get("/signup", s.getSignup)
		post("/signup", signUp, s.postSignup)
		get("/logout", s.getLogout)
		post("/logout", look, s.postLogout)

		memberGet("/upload", s.getUpload)
		memberPost("/upload", upload, s.postUpload)
		get("/forgot", s.getForgot)
		post("/forgot", forgot, s.postForgot)
		get("/reset", s.getReset)
		post("/reset", link, s.postReset)
		get("/confirm", s.getConfirm)
		post("/confirm", link, s.postConfirm)

		memberGet("/me", s.getMe)
		memberPost("/me/profile", account, s.postProfile)
		memberPost("/me/email", account, s.postEmail)
		memberPost("/me/password", account, s.postPassword)
		memberPost("/me/resend", account, s.postResend)
		memberPost("/me/quality", look, s.postQuality)
		memberGet("/me/videos", s.getMyVideos)
		memberGet("/me/videos/{id}", s.getMyVideo)
		memberPost("/me/videos/{id}/retry", change, s.postRetry)
		memberPost("/me/videos/{id}/delete", change, s.postDelete)
		memberGet("/me/votes", s.getMyVotes)
		memberGet("/me/two-factor", s.getTwoFactor)
		memberPost("/me/two-factor", sessionUse(), s.postTwoFactor)
		memberGet("/me/devices", s.getDevices)
		memberPost("/me/devices", sessionUse(), s.postDevices)
		memberGet("/me/data", s.getData)
		memberPost("/me/data", export, s.postData)
		memberGet("/me/delete", s.getLeave)
		memberPost("/me/delete", account, s.postLeave)
		get("/undo", s.getUndo)
		post("/undo", link, s.postUndo)

		get("/report/{id}", s.getReport)
		post("/report/{id}", report, s.postReport)
		s.adminRoutes(memberGet, memberPost)

		get("/help", s.getText("help"))
		get("/rules", s.getText("rules"))
		get("/privacy", s.getText("privacy"))
		get("/terms", s.getText("terms"))
		get("/accessibility", s.getText("accessibility"))
		if s.o.Catalogue {
			get("/catalogue", s.getCatalogue)
		}
	}
	server.Page(http.MethodGet, "/oembed", look, false, func(r *http.Request) (web.View, error) {
		return s.getOEmbed(s.visit(r))
	})
	server.Page(http.MethodGet, "/robots.txt", look, false, func(r *http.Request) (web.View, error) {
		return s.getRobots(s.visit(r))
	})
}

// adminRoutes registers the pages of organisers. Each asks for the right of its own.
func (s *Site) adminRoutes(get func(string, page), post func(string, web.Use, page)) {
	act := web.Use{Budgets: append(identity.AdminActBudgets(), pageViews), Body: 16 << 10}
	moderate := web.Use{Budgets: append(moderation.ActBudgets(), pageViews), Body: 16 << 10}
	hook := web.Use{Budgets: append(webhooks.ActBudgets(), pageViews), Body: 16 << 10}
	get("/admin", s.getAdmin)
	get("/admin/users", s.getUsers)
	get("/admin/users/{id}", s.getUser)
	post("/admin/users/{id}/roles", act, s.postRoles())
	post("/admin/users/{id}/suspend", act, s.postSuspend())
	post("/admin/users/{id}/unsuspend", act, s.postUnsuspend())
	post("/admin/users/{id}/end-sessions", act, s.postEndSessions())
	get("/admin/reports", s.getReports)
	get("/admin/reports/{id}", s.getReportDesk)
	post("/admin/reports/{id}/decide", moderate, s.postDecision)
	get("/admin/videos/{id}", s.getVideoDesk)
	post("/admin/videos/{id}/hide", moderate, s.postHide)
	post("/admin/videos/{id}/show", moderate, s.postShow)
	get("/admin/jobs", s.getJobs)
	post("/admin/jobs/redrive", act, s.postRedrive)
	get("/admin/log", s.getLog)
	get("/admin/webhooks", s.getWebhooks)
	post("/admin/webhooks", hook, s.postWebhook)
	get("/admin/webhooks/{id}", s.getWebhook)
	post("/admin/webhooks/{id}/change", hook, s.actOnWebhook("change", s.postWebhookChange))
	post("/admin/webhooks/{id}/rotate", hook, s.actOnWebhook("rotate", s.postWebhookRotate))
	post("/admin/webhooks/{id}/test", hook, s.actOnWebhook("test", s.postWebhookTest))
	post("/admin/webhooks/{id}/replay", hook, s.actOnWebhook("replay", s.postWebhookReplay))
	post("/admin/webhooks/{id}/delete", hook, s.actOnWebhook("delete", s.postWebhookDelete))
}

// adder returns what adds a page in the language of a prefix.
func (s *Site) adder(server *web.Server, prefix string, secured bool) func(string, string, web.Use, page) {
	return func(method, path string, use web.Use, serve page) {
		if prefix == "" {
			s.noteForm(method, path)
		}
		if prefix != "" && path == "/" {
			path = ""
		}
		server.Page(method, prefix+path, use, secured, func(r *http.Request) (web.View, error) {
			return serve(s.visit(r))
		})
	}
}

// noteForm notes whether an address only takes forms. A page is registered before its forms.
func (s *Site) noteForm(method, path string) {
	pattern := strings.ReplaceAll(path, "{id}", "*")
	i := slices.Index(s.forms, pattern)
	switch {
	case method == http.MethodPost && i < 0 && !slices.Contains(s.shown, pattern):
		s.forms = append(s.forms, pattern)
	case method == http.MethodGet:
		s.shown = append(s.shown, pattern)
	}
}
