package site_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"risingstars/modules/identity"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

// roleActs are all routes for roles, with the first letters of those that may use them, and what is sent.
var roleActs = []struct{ route, allowed, sent string }{
	{"GET /api/admin/users", "AOU", ""},
	{"GET /api/admin/users/:id", "AOU", ""},
	{"PUT /api/admin/users/:id/roles", "A", `{"roles":["juror"],"reason":"A test."}`},
	{"PUT /api/admin/users/:id/suspension", "AO", because},
	{"POST /api/admin/users/:id/unsuspend", "AO", because},
	{"POST /api/admin/users/:id/end-sessions", "AO", because},
	{"GET /api/admin/log", "AOU", ""},
	{"POST /api/admin/videos/:id/hide", "AOM", `{"reason":"spam"}`},
	{"POST /api/admin/videos/:id/show", "AOM", `{"words":"A mistake."}`},
	{"GET /api/admin/reports", "AOMU", ""},
	{"POST /api/admin/reports/:id/decision", "AOM", `{"decision":"dismissed","words":"It is fine."}`},
	{"GET /api/admin/webhooks", "AU", ""},
	{"POST /api/admin/webhooks", "A", hookSpec},
	{"GET /api/admin/webhooks/:id", "AU", ""},
	{"PUT /api/admin/webhooks/:id", "A", hookSpec},
	{"DELETE /api/admin/webhooks/:id", "A", because},
	{"POST /api/admin/webhooks/:id/rotate", "A", because},
	{"POST /api/admin/webhooks/:id/test", "A", because},
	{"GET /api/admin/webhooks/:id/deliveries", "AU", ""},
	{"POST /api/admin/webhooks/:id/deliveries/:delivery_id/replay", "A", because},
	{"POST /api/admin/webhooks/:id/replay", "A", because},
	{"GET /api/admin/export/:table", "AOU", ""},

	{"GET /admin", "AOMU", ""},
	{"GET /admin/users", "AOU", ""},
	{"GET /admin/users/:id", "AOU", ""},
	{"POST /admin/users/:id/roles", "A", "role=juror&reason=Yes"},
	{"POST /admin/users/:id/suspend", "AO", "days=7&reason=Yes"},
	{"POST /admin/users/:id/unsuspend", "AO", "reason=Yes"},
	{"POST /admin/users/:id/end-sessions", "AO", "reason=Yes"},
	{"GET /admin/log", "AOU", ""},
	{"GET /admin/videos/:id", "AOMU", ""},
	{"POST /admin/videos/:id/hide", "AOM", "category=spam&reason=Yes"},
	{"POST /admin/videos/:id/show", "AOM", "reason=Yes"},
	{"GET /admin/reports", "AOMU", ""},
	{"GET /admin/reports/:id", "AOMU", ""},
	{"POST /admin/reports/:id/decide", "AOM", "decision=dismissed&reason=Yes"},
	{"GET /admin/jobs", "AOU", ""},
	{"POST /admin/jobs/redrive", "AO", "reason=Yes"},
	{"GET /admin/webhooks", "AU", ""},
	{"POST /admin/webhooks", "A", "url=https%3A%2F%2Fexample.org&event=video.failed&reason=Yes"},
	{"GET /admin/webhooks/:id", "AU", ""},
	{"POST /admin/webhooks/:id/change", "A", "url=https%3A%2F%2Fexample.org&event=video.failed&on=on&reason=Yes"},
	{"POST /admin/webhooks/:id/rotate", "A", "hours=1&reason=Yes"},
	{"POST /admin/webhooks/:id/test", "A", "reason=Yes"},
	{"POST /admin/webhooks/:id/replay", "A", "reason=Yes"},
	{"POST /admin/webhooks/:id/delete", "A", "reason=Yes"},
}

const (
	because  = `{"reason":"A test."}`
	hookSpec = `{"url":"https://example.org/","events":["video.failed"],"reason":"A test."}`
)

// office is what the acts are done to.
type office struct {
	*house
	*testing.T
	boss                *browser // an admin
	subject             identity.User
	video, report, hook string // the report stays undecided
	user, entry         string // of the API
	reporters           int
}

func openOffice(t *testing.T, db *database.DB) *office {
	t.Helper()
	o := &office{house: startHouseOn(t, db, 1<<20), T: t}
	o.boss = o.signedIn(t, o.withRole(t, "Root", identity.Admin))
	o.subject = o.account(t, "Sujeto", "Cali")
	o.video = o.publish(t, o.subject, "El primer vuelo")
	o.user, o.entry = "/api/admin/users/"+o.subject.ID, "/api/admin/videos/"+o.video
	o.report, o.hook = o.newReport(), o.newHook()
	return o
}

// newReport is one of somebody who has not reported the video yet.
func (o *office) newReport() string {
	o.Helper()
	o.reporters++
	email := fmt.Sprintf("persona%d@example.com", o.reporters)
	answer := o.browser(o.T).post(o.T, "/report/"+o.video, "reason", "spam", "email", email)
	_, receipt, ok := strings.Cut(answer.location(), "receipt=")
	if !ok {
		o.Fatalf("a report answers %d\n%s", answer.status, answer.body)
	}
	return receipt
}

func (o *office) newHook() string {
	o.Helper()
	answer := o.boss.send(o.T, "POST /api/admin/webhooks", hookSpec)
	var added struct {
		Webhook struct {
			ID string `json:"webhook_id"`
		}
	}
	if err := json.Unmarshal([]byte(answer.body), &added); err != nil || added.Webhook.ID == "" {
		o.Fatalf("a webhook is added: %d %s", answer.status, answer.body)
	}
	return added.Webhook.ID
}

// delivery is one to the webhook.
func (o *office) delivery() string {
	o.Helper()
	o.boss.call(o.T, http.MethodPost, "/api/admin/webhooks/"+o.hook+"/test", because)
	var row struct{ ID string }
	err := o.db.Query(o.Context(), &row, `SELECT id FROM webhooks_deliveries WHERE endpoint_id = ? LIMIT 1`, o.hook)
	if err != nil || row.ID == "" {
		o.Fatalf("a webhook has no delivery: %v", err)
	}
	return row.ID
}

// address is where an act is done. Whoever may do it finds everything as it must be for that.
func (o *office) address(route string, may bool) string {
	o.Helper()
	report, hook := o.report, o.hook
	what := route[strings.LastIndex(route, "/")+1:]
	if what == "delete" || strings.HasPrefix(route, http.MethodDelete) {
		what = "delete"
	}
	if may {
		switch what {
		case "unsuspend":
			o.boss.call(o.T, http.MethodPut, o.user+"/suspension", because)
		case "show":
			o.boss.call(o.T, http.MethodPost, o.entry+"/hide", `{"reason":"spam"}`)
		case "hide":
			o.boss.call(o.T, http.MethodPost, o.entry+"/show", `{"words":"A mistake."}`)
		case "decision", "decide":
			o.boss.call(o.T, http.MethodPost, o.user+"/unsuspend", because)
			o.boss.call(o.T, http.MethodPost, o.entry+"/show", `{"words":"A mistake."}`) // else nobody reports it
			report = o.newReport()
		case "delete":
			hook = o.newHook()
		}
	}
	path := route[strings.Index(route, " ")+1:]
	if before, after, ok := strings.Cut(path, ":delivery_id"); ok {
		path = before + o.delivery() + after
	}
	return strings.NewReplacer("users/:id", "users/"+o.subject.ID, "videos/:id", "videos/"+o.video,
		"reports/:id", "reports/"+report, "webhooks/:id", "webhooks/"+hook, ":table", "votes").Replace(path)
}

// send does an act by the API, or by the page's form.
func (b *browser) send(t *testing.T, act, sent string) document {
	t.Helper()
	method, path, _ := strings.Cut(act, " ")
	headers := []string{"Sec-Fetch-Site", "same-origin"}
	switch {
	case strings.HasPrefix(path, "/api/"):
		headers = append(headers, "Accept", "application/json", "Content-Type", "application/json")
	case method == http.MethodPost:
		headers = append(headers, "Content-Type", "application/x-www-form-urlencoded")
	}
	return b.ask(t, method, path, strings.NewReader(sent), headers...)
}

// Each role may do what its rights say, by the API and by the pages, and nothing else; others may nothing.
func TestEveryRoleMayDoWhatItsRightsSay(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		o := openOffice(t, db)
		letters := map[identity.Role]string{
			identity.Admin: "A", identity.Organiser: "O", identity.Moderator: "M", identity.Juror: "J",
			identity.Auditor: "U", "": "-",
		}
		if len(letters) != len(identity.Roles())+1 {
			t.Errorf("the roles are %v", identity.Roles())
		}
		for role, letter := range letters {
			b := o.signedIn(t, o.withRole(t, "Rol"+string(role), role))
			for _, act := range roleActs {
				method, _, _ := strings.Cut(act.route, " ")
				may := strings.Contains(act.allowed, letter)
				path := o.address(act.route, may)
				answer := b.send(t, method+" "+path, act.sent)
				page := !strings.HasPrefix(path, "/api/")
				switch {
				case may && (answer.status >= http.StatusBadRequest || strings.HasPrefix(answer.location(), "/login")):
					t.Errorf("%q may not %s: %d %s\n%s", role, act.route, answer.status, answer.location(), answer.body)
				case may && page && method == http.MethodGet:
					answer.has(t, `content="noindex"`)
				case !may && answer.status != http.StatusForbidden:
					t.Errorf("%q does %s: %d %s", role, act.route, answer.status, answer.location())
				case !may && !page && !strings.Contains(answer.body, `"forbidden_role"`):
					t.Errorf("%q is refused %s: %s", role, act.route, answer.body)
				}
			}
		}
		nobody := o.browser(t)
		for _, act := range roleActs {
			method, _, _ := strings.Cut(act.route, " ")
			path := o.address(act.route, false)
			answer := nobody.send(t, method+" "+path, act.sent)
			if strings.HasPrefix(path, "/api/") && strings.Contains(answer.body, `"unauthenticated"`) ||
				strings.HasPrefix(answer.location(), "/login?") {
				continue
			}
			t.Errorf("nobody does %s: %d %s", act.route, answer.status, answer.location())
		}
	})
}

// A route that is added for roles is added to the table above.
func TestTheRolesOfAllRoutesAreTested(t *testing.T) {
	t.Parallel()
	var listed, registered []string
	for _, act := range roleActs {
		listed = append(listed, act.route)
	}
	for _, route := range startHouse(t).routes() {
		route = strings.Replace(route, " /en/", " /", 1)
		_, path, _ := strings.Cut(route, " ")
		if path == "/admin" || strings.HasPrefix(path, "/admin/") || strings.HasPrefix(path, "/api/admin") {
			registered = append(registered, route)
		}
	}
	slices.Sort(listed)
	slices.Sort(registered)
	if diff := cmp.Diff(slices.Compact(registered), listed); diff != "" {
		t.Errorf("what is registered, and what is tested: %s", diff)
	}
}
