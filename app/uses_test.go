package app

import (
	"context"
	"log/slog"
	"slices"
	"testing"

	"risingstars/config"
	"risingstars/modules/archive"
	"risingstars/modules/identity"
	"risingstars/modules/media"
	"risingstars/modules/moderation"
	"risingstars/modules/voting"
	"risingstars/modules/webhooks"
	"risingstars/platform/auth"
	"risingstars/platform/database"
	"risingstars/platform/storage/diskstore"
	"risingstars/platform/telemetry"
	"risingstars/platform/web"
)

// unbudgeted are the routes that anyone may call as often as they like: answering them costs less than counting them,
// or what does not is bounded where it happens.
var unbudgeted = []string{
	"GET /api/health", "GET /health", "GET /livez", "GET /metrics", "GET /readyz",
	"POST /api/videos/upload-mock", // its answer is 404
	// These come from memory.
	"GET /openapi.json", "GET /openapi.yaml", "GET /openapi-3.0.json", "GET /openapi-3.0.yaml",
	"GET /docs", "GET /docs/:file", "GET /docs/start.js",
	"GET /redoc", "GET /redoc/start.js", "GET /redoc/redoc.standalone.js",
	"GET /errors", "GET /errors/:code", "GET /en/errors", "GET /en/errors/:code",
	"GET /static/:build/*",
	// Who may read or write what behind a signed link, and how much, was decided when it was given out. A file that is
	// there costs as little. The search for one that has moved has a bound of its own, in media's lookUp.
	"GET /media/*", "HEAD /media/*", "PUT /media/*",
}

// routedServer has all routes, and nothing behind them.
func routedServer() *web.Server {
	a := &app{
		c: &config.Config{}, log: slog.New(slog.DiscardHandler), registry: telemetry.NewRegistry(),
		keys: auth.NewKeys(make([]byte, 32), nil), files: &diskstore.Store{},
		identity: identity.New(identity.Deps{}), media: media.New(media.Deps{Options: media.Options{
			FilesPath: diskstore.Path, ReadFaults: diskstore.ReadFaults(), PartFaults: diskstore.PartFaults(),
			UploadFaults: identity.ActFaults(),
		}}), voting: voting.New(voting.Deps{DB: &database.DB{}, Options: voting.Options{
			VoteFaults: identity.ActFaults(), ExportFaults: identity.RoleFaults(),
		}}),
		moderation: moderation.New(moderation.Deps{Options: moderationOptions()}),
		archive:    archive.New(archive.Deps{}),
		webhooks:   webhooks.New(webhooks.Deps{Options: webhooks.Options{RoleFaults: identity.RoleFaults()}}),
	}
	if err := a.buildSite(context.Background()); err != nil {
		panic(err)
	}
	return a.newAPI()
}

// Every route says what a request may take: through web.Register, Handle or Mount.
func TestEveryRouteDeclaresWhatItUses(t *testing.T) {
	t.Parallel()
	server := routedServer()
	uses := server.Uses()
	for _, route := range server.Routes() {
		use, declared := uses[route]
		switch free := slices.Contains(unbudgeted, route); {
		case !declared:
			t.Errorf("%s is not declared", route)
		case !free && len(use.Budgets) == 0:
			t.Errorf("%s has no budget", route)
		case free && len(use.Budgets) > 0:
			t.Errorf("%s has a budget, although it is listed as one that has none", route)
		case use.Body > 64<<10:
			t.Errorf("%s accepts %d bytes: a body of that size is to be streamed", route, use.Body)
		}
	}
	if len(uses) < 20 {
		t.Errorf("only %d routes", len(uses))
	}
}

// No two budgets share a counter.
func TestBudgetsHaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	server := routedServer()
	byName := map[string]any{}
	for route, use := range server.Uses() {
		for _, b := range use.Budgets {
			if b.Name == "" || b.By == 0 {
				t.Errorf("%s has a budget without a name or a key: %+v", route, b)
			}
			if other, ok := byName[b.Name]; ok && other != any(b) {
				t.Errorf("%s: two budgets are called %s", route, b.Name)
			}
			byName[b.Name] = b
		}
	}
}

// A form of a page takes from the same budgets as the operation that does the same, so that nobody has both.
func TestAFormTakesWhatItsOperationTakes(t *testing.T) {
	t.Parallel()
	uses := routedServer().Uses()
	for form, operation := range map[string]string{
		"POST /admin/users/:id/roles":        "PUT /api/admin/users/:id/roles",
		"POST /admin/users/:id/suspend":      "PUT /api/admin/users/:id/suspension",
		"POST /admin/users/:id/unsuspend":    "POST /api/admin/users/:id/unsuspend",
		"POST /admin/users/:id/end-sessions": "POST /api/admin/users/:id/end-sessions",
		"POST /admin/reports/:id/decide":     "POST /api/admin/reports/:id/decision",
		"POST /admin/videos/:id/hide":        "POST /api/admin/videos/:id/hide",
		"POST /admin/videos/:id/show":        "POST /api/admin/videos/:id/show",
		"POST /admin/webhooks":               "POST /api/admin/webhooks",
		"POST /admin/webhooks/:id/change":    "PUT /api/admin/webhooks/:id",
		"POST /admin/webhooks/:id/rotate":    "POST /api/admin/webhooks/:id/rotate",
		"POST /admin/webhooks/:id/test":      "POST /api/admin/webhooks/:id/test",
		"POST /admin/webhooks/:id/replay":    "POST /api/admin/webhooks/:id/replay",
		"POST /admin/webhooks/:id/delete":    "DELETE /api/admin/webhooks/:id",
		"POST /report/:id":                   "POST /api/public/videos/:id/report",
		"POST /v/:id/vote":                   "POST /api/public/videos/:id/vote",
		"POST /me/password":                  "POST /api/auth/password/change",
		"POST /me/email":                     "POST /api/auth/email/change",
		"POST /me/profile":                   "PATCH /api/auth/me",
		"POST /me/delete":                    "DELETE /api/auth/me",
		"POST /login":                        "POST /api/auth/login",
		"POST /signup":                       "POST /api/auth/signup",
		"POST /forgot":                       "POST /api/auth/password/forgot",
	} {
		if len(uses[operation].Budgets) == 0 {
			t.Errorf("%s has no budgets", operation)
		}
		for _, b := range uses[operation].Budgets {
			if !slices.Contains(uses[form].Budgets, b) {
				t.Errorf("%s takes %s, and %s does not", operation, b.Name, form)
			}
		}
	}
}
