package site_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"risingstars/modules/identity"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/queue"
)

var console = identity.Actor{ID: identity.Console, Reason: "A test."}

// withRole creates an account with a role; "" is none.
func (h *house) withRole(t *testing.T, first string, role identity.Role) identity.User {
	t.Helper()
	user := h.account(t, first, "Bogotá")
	if role == "" {
		return user
	}
	if _, err := h.identity.Grant(t.Context(), console, user.Email, role); err != nil {
		t.Fatal(err)
	}
	return user
}

// call sends a request of the API with the browser's session, and returns the status and the code of a problem.
func (b *browser) call(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	answer := b.ask(t, method, path, strings.NewReader(body), "Content-Type", "application/json",
		"Accept", "application/json", "Sec-Fetch-Site", "same-origin")
	var p struct{ Code string }
	if answer.status >= http.StatusBadRequest {
		if err := json.Unmarshal([]byte(answer.body), &p); err != nil {
			t.Fatalf("%s %s: %d %s", method, path, answer.status, answer.body)
		}
	}
	return answer.status, p.Code
}

// Each role may do what its rights say, by the API and by the pages, and nothing else; others may nothing.
func TestEveryRoleMayDoWhatItsRightsSay(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		h := startHouseOn(t, db, 1<<20)
		admin, subject := h.withRole(t, "Root", identity.Admin), h.account(t, "Sujeto", "Cali")
		id := h.publish(t, subject, "El primer vuelo")
		boss := h.signedIn(t, admin)
		reports := 0
		report := func() string {
			reports++
			email := fmt.Sprintf("persona%d@example.com", reports)
			answer := h.browser(t).post(t, "/report/"+id, "reason", "spam", "email", email)
			_, receipt, ok := strings.Cut(answer.location(), "receipt=")
			if !ok {
				t.Fatalf("a report answers %d\n%s", answer.status, answer.body)
			}
			return receipt
		}
		user, video := "/api/admin/users/"+subject.ID, "/api/admin/videos/"+id
		because := `{"reason":"A test."}`
		spec := `{"url":"https://example.org/","events":["video.failed"],"reason":"A test."}`
		var added struct {
			Webhook struct {
				ID string `json:"webhook_id"`
			}
		}
		answer := boss.ask(t, http.MethodPost, "/api/admin/webhooks", strings.NewReader(spec), "Content-Type",
			"application/json", "Accept", "application/json", "Sec-Fetch-Site", "same-origin")
		if err := json.Unmarshal([]byte(answer.body), &added); err != nil || added.Webhook.ID == "" {
			t.Fatalf("a webhook is added: %d %s", answer.status, answer.body)
		}
		hook := "/api/admin/webhooks/" + added.Webhook.ID
		acts := []struct {
			name               string
			allowed            string // the first letters of roles
			method, path, body string
			form               string // the page that does the same, and its fields
		}{
			{"users", "AOU", http.MethodGet, "/api/admin/users", "", "/admin/users"},
			{"user", "AOU", http.MethodGet, user, "", "/admin/users/" + subject.ID},
			{"roles", "A", http.MethodPut, user + "/roles", `{"roles":["juror"],"reason":"A test."}`, ""},
			{"suspend", "AO", http.MethodPut, user + "/suspension", because, ""},
			{"unsuspend", "AO", http.MethodPost, user + "/unsuspend", because, ""},
			{"sessions", "AO", http.MethodPost, user + "/end-sessions", because, ""},
			{"log", "AOU", http.MethodGet, "/api/admin/log", "", "/admin/log"},
			{"hide", "AOM", http.MethodPost, video + "/hide", `{"reason":"spam"}`, ""},
			{"show", "AOM", http.MethodPost, video + "/show", `{"words":"A mistake."}`, ""},
			{"reports", "AOMU", http.MethodGet, "/api/admin/reports", "", "/admin/reports"},
			{"dismiss", "AOM", http.MethodPost, "REPORT", `{"decision":"dismissed","words":"It is fine."}`, ""},
			{"jobs", "AOU", http.MethodGet, "", "", "/admin/jobs"},
			{"desk", "AOMU", http.MethodGet, "", "", "/admin/videos/" + id},
			{"webhooks", "AU", http.MethodGet, "/api/admin/webhooks", "", "/admin/webhooks"},
			{"webhook", "AU", http.MethodGet, hook, "", "/admin/webhooks/" + added.Webhook.ID},
			{"deliveries", "AU", http.MethodGet, hook + "/deliveries", "", ""},
			{"change a webhook", "A", http.MethodPut, hook, spec, ""},
			{"rotate a secret", "A", http.MethodPost, hook + "/rotate", because, ""},
			{"test a webhook", "A", http.MethodPost, hook + "/test", because, ""},
			{"replay", "A", http.MethodPost, hook + "/replay", because, ""},
			{"export", "AOU", http.MethodGet, "/api/admin/export/votes", "", ""},
			{"index", "AOMU", http.MethodGet, "", "", "/admin"},
		}
		// prepare makes the act possible for whoever may do it.
		prepare := func(name string) {
			switch name {
			case "unsuspend":
				boss.call(t, http.MethodPut, user+"/suspension", because)
			case "show":
				boss.call(t, http.MethodPost, video+"/hide", `{"reason":"spam"}`)
			case "hide":
				boss.call(t, http.MethodPost, video+"/show", `{"words":"A mistake."}`)
			case "suspend", "sessions", "dismiss", "roles":
				boss.call(t, http.MethodPost, user+"/unsuspend", because)
				boss.call(t, http.MethodPost, video+"/show", `{"words":"A mistake."}`) // else nobody reports it
			}
		}
		letters := map[identity.Role]string{
			identity.Admin: "A", identity.Organiser: "O", identity.Moderator: "M", identity.Juror: "J",
			identity.Auditor: "U", "": "-",
		}
		for role, letter := range letters {
			b := h.signedIn(t, h.withRole(t, "Rol"+string(role), role))
			for _, act := range acts {
				may := strings.Contains(act.allowed, letter)
				if act.path != "" {
					prepare(act.name)
					path := act.path
					if path == "REPORT" {
						path = "/api/admin/reports/" + report() + "/decision"
					}
					status, code := b.call(t, act.method, path, act.body)
					if may && status != http.StatusOK {
						t.Errorf("%q may not %s: %d %s", role, act.name, status, code)
					}
					if !may && (status != http.StatusForbidden || code != "forbidden_role") {
						t.Errorf("%q does %s: %d %s", role, act.name, status, code)
					}
				}
				if act.form == "" {
					continue
				}
				want := http.StatusForbidden
				if may {
					want = http.StatusOK
				}
				if answer := b.get(t, act.form); answer.status != want {
					t.Errorf("%q gets %d from %s", role, answer.status, act.form)
				} else if may {
					answer.has(t, `content="noindex"`)
				}
			}
		}
		nobody := h.browser(t)
		for _, act := range acts {
			if act.path == "" || act.path == "REPORT" {
				continue
			}
			if status, code := nobody.call(t, act.method, act.path, act.body); code != "unauthenticated" {
				t.Errorf("nobody does %s: %d %s", act.name, status, code)
			}
		}
		if got := nobody.get(t, "/admin/users").location(); !strings.HasPrefix(got, "/login?") {
			t.Errorf("nobody is sent to %q", got)
		}
	})
}

// What organisers do by the pages works without a script, is told, and stands in the log.
func TestAnOrganiserSuspendsAndLetsBackIn(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	boss := h.signedIn(t, h.withRole(t, "Jefa", identity.Admin))
	ana, luz := h.account(t, "Ana", "Bogotá"), h.account(t, "Luz", "Cali")
	id := h.publish(t, ana, "El primer vuelo")
	if _, err := h.voting.Vote(t.Context(), id, luz.ID); err != nil {
		t.Fatal(err)
	}
	hers := h.signedIn(t, ana)
	boss.get(t, "/me").has(t, `href="/admin"`)
	if strings.Contains(hers.get(t, "/me").body, `href="/admin"`) {
		t.Error("who has no role is led to the organisers' pages")
	}
	boss.get(t, "/admin").has(t, "0 reportes por decidir", "Cuentas", "Trabajos", "Registro", "Webhooks", "Resultados")
	boss.get(t, "/admin/users?q=ANA%40example").has(t, "1 cuenta<", "Ana Ruiz", "ana@example.com")
	page := "/admin/users/" + ana.ID
	boss.get(t, page).has(t, "Se ocultará 1 video.", "Dejará de contar 1 voto mientras tanto.")

	wrong := boss.post(t, page+"/suspend", "reason", " ")
	if wrong.status != http.StatusUnprocessableEntity {
		t.Errorf("a suspension without a reason answers %d", wrong.status)
	}
	done := boss.post(t, page+"/suspend", "reason", "Compró votos", "days", "7")
	if done.location() != page+"?said=suspended" {
		t.Fatalf("a suspension answers %d %s\n%s", done.status, done.location(), done.body)
	}
	boss.get(t, done.location()).has(t, "La cuenta está suspendida", "Compró votos", "Levantar la suspensión")
	if got := hers.get(t, "/me").location(); !strings.HasPrefix(got, "/login") {
		t.Errorf("her session goes on: %q", got)
	}
	in := hers.post(t, "/login", "email", ana.Email, "password", password)
	if in.status != http.StatusForbidden {
		t.Errorf("she signs in: %d", in.status)
	}
	in.has(t, "Tu cuenta está suspendida", "Compró votos", "Hasta:")
	if gone := hers.get(t, "/v/"+id); gone.status != http.StatusGone {
		t.Errorf("her video answers %d", gone.status)
	}
	boss.get(t, "/admin/videos/"+id).has(t, "porque la cuenta está suspendida")
	for path, want := range map[string]string{
		"/v/" + id: "Este video ya no se muestra", "/u/" + ana.ID: "Esta persona ya no muestra videos",
		"/en/u/" + ana.ID + "/poster": "the organizers hid them",
	} {
		gone := hers.get(t, path)
		if gone.status != http.StatusGone {
			t.Errorf("%s answers %d", path, gone.status)
		}
		gone.has(t, want)
	}
	if _, err := h.voting.Vote(t.Context(), id, ana.ID); err == nil {
		t.Error("she votes")
	}

	back := boss.post(t, page+"/unsuspend", "reason", "Fue un error")
	if back.location() != page+"?said=unsuspended" {
		t.Fatalf("lifting it answers %d %s", back.status, back.body)
	}
	h.browser(t).get(t, "/v/"+id).has(t, "1 voto<")
	h.signedIn(t, ana)
	boss.post(t, page+"/roles", "reason", "Ayuda", "role", "moderator")
	boss.get(t, "/admin/users?role=moderator").has(t, "Ana Ruiz", "Moderación<")
	log := boss.get(t, "/admin/log?subject=user%3A"+ana.ID)
	log.has(t, "Suspender una cuenta", "Levantar una suspensión", "Cambiar permisos", "moderator", "Compró votos",
		"Jefa Ruiz", "3 actos")
	boss.get(t, "/admin/log?act=user.suspend&actor=jefa%40example.com").has(t, "1 acto<")
	boss.get(t, "/admin/log?from=2020-01-01&until=2020-02-01").has(t, "No hay nada con ese filtro")
	boss.get(t, "/admin/log?actor=console").has(t, "La consola del servidor", "admin")
}

// A report is received once per person, hides nothing, and is decided on once: who comes second sees both decisions.
func TestAReportIsDecidedOnOnce(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	ana := h.account(t, "Ana", "Bogotá")
	id := h.publish(t, ana, "El primer vuelo")
	anybody, hers := h.browser(t), h.signedIn(t, h.account(t, "Luz", "Cali"))
	first := h.signedIn(t, h.withRole(t, "Uno", identity.Moderator))
	second := h.signedIn(t, h.withRole(t, "Dos", identity.Moderator))

	anybody.get(t, "/v/"+id).has(t, `href="/report/`+id+`"`)
	anybody.get(t, "/report/"+id).has(t, "Reportar este video", `name="email"`)
	anybody.get(t, "/en/report/"+id).has(t, "Report this video")
	bad := anybody.post(t, "/report/"+id, "reason", "other", "words", "", "email", "no")
	if bad.status != http.StatusUnprocessableEntity {
		t.Errorf("a report without words answers %d", bad.status)
	}
	bad.has(t, "cuéntanos qué pasa", `value="no"`)
	sent := anybody.post(t, "/report/"+id, "reason", "rights", "words", "Es mi canción", "email", "yo@example.com")
	anybody.get(t, sent.location()).has(t, "Recibimos tu reporte")
	// No answer tells whose e-mail has reported it.
	again := anybody.post(t, "/report/"+id, "reason", "spam", "email", "YO@example.com")
	if anybody.get(t, again.location()).has(t, "Recibimos tu reporte"); again.location() == sent.location() {
		t.Errorf("a second report leads to %s, as the first one", again.location())
	}
	api, body := "/api/public/videos/"+id+"/report", `{"reason":"spam","email":"yo@example.com"}`
	if status, code := anybody.call(t, http.MethodPost, api, body); status != http.StatusCreated {
		t.Errorf("a third report answers %d %s", status, code)
	}
	hers.post(t, "/report/"+id, "reason", "spam")
	hers.get(t, "/report/"+id).has(t, "Ya recibimos tu reporte")
	if twice := hers.post(t, "/report/"+id, "reason", "spam"); twice.status != http.StatusUnprocessableEntity {
		t.Errorf("a second report of an account answers %d", twice.status)
	}
	// The API knows who is signed in, too, and that another site's page has sent it.
	if status, code := hers.call(t, http.MethodPost, api, `{"reason":"spam"}`); code != "already_reported" {
		t.Errorf("a report by the API with her session answers %d %s", status, code)
	}
	foreign := hers.ask(t, http.MethodPost, api, strings.NewReader(`{"reason":"spam"}`),
		"Content-Type", "application/json", "Accept", "application/json", "Sec-Fetch-Site", "cross-site")
	if foreign.status != http.StatusForbidden {
		t.Errorf("a report from another site's page answers %d", foreign.status)
	}
	anybody.get(t, "/v/"+id).has(t, "El primer vuelo")

	list := first.get(t, "/admin/reports")
	list.has(t, "2 reportes<", "El primer vuelo", "Por decidir")
	_, rest, _ := strings.Cut(list.body, `href="/admin/reports/`)
	report, _, _ := strings.Cut(rest, `"`)
	page := "/admin/reports/" + report
	first.get(t, page).has(t, "Es mi canción", "mail:yo@example.com", "Ocultar el video")
	done := first.post(t, page+"/decide", "decision", "hidden", "category", "rights", "reason", "Es de otra persona")
	if done.location() != "/admin/reports?said=decided" {
		t.Fatalf("a decision answers %d\n%s", done.status, done.body)
	}
	late := second.post(t, page+"/decide", "decision", "dismissed", "reason", "No veo el problema")
	if late.status != http.StatusConflict {
		t.Errorf("a late decision answers %d", late.status)
	}
	late.has(t, "Otra persona ya decidió", "sin permiso. Es de otra persona", "Tu decisión llegó tarde", "Descartado",
		"No veo el problema")
	status, code := second.call(t, http.MethodPost, "/api"+page+"/decision", `{"decision":"dismissed","words":"No."}`)
	if status != http.StatusConflict || code != "already_decided" {
		t.Errorf("a late decision by the API answers %d %s", status, code)
	}
	second.get(t, "/admin/reports").has(t, "No hay report") // the other one was decided on as well
	second.get(t, "/admin/reports?state=hidden").has(t, "2 reportes<")

	if gone := anybody.get(t, "/v/"+id); gone.status != http.StatusGone {
		t.Errorf("the hidden video answers %d", gone.status)
	}
	if status, code := anybody.call(t, http.MethodGet, "/api/public/videos/"+id, ""); status != http.StatusGone ||
		code != "withdrawn" {
		t.Errorf("the hidden video answers %d %s", status, code)
	}
	owner := h.signedIn(t, ana)
	owner.get(t, "/me/videos/"+id).has(t, "Oculto", "sin permiso", "Es de otra persona")
	owner.get(t, "/me/videos").has(t, "Oculto")
	owner.get(t, "/v/"+id).goesTo(t, "/me/videos/"+id)
	mine := owner.get(t, "/api/videos/"+id, "Accept", "application/json")
	mine.has(t, `"hidden":{`, `"code":"rights"`, `"words":"Es de otra persona"`, `"processed_url":null`,
		`"small_url":null`, `"small_width":null`, `"poster_url":null`, `"posters":null`)
	// Nobody reads what it was, and its files have no address, not even for its owner.
	for path, b := range map[string]*browser{
		"/report/" + id: anybody, "/en/report/" + id: hers, "/me/videos": owner, "/me/videos/" + id: owner,
	} {
		page := b.get(t, path)
		title := strings.Contains(page.body, "El primer vuelo") && b != owner
		if title || strings.Contains(page.body, "processed/") || (page.status == http.StatusGone) != (b != owner) {
			t.Errorf("%s answers %d:\n%s", path, page.status, page.body)
		}
	}
	if status, code := anybody.call(t, http.MethodPost, api, body); status != http.StatusGone || code != "withdrawn" {
		t.Errorf("a report of the hidden video answers %d %s", status, code)
	}

	shown := second.post(t, "/admin/videos/"+id+"/show", "reason", "Tiene permiso")
	if shown.location() != "/admin/videos/"+id+"?said=shown" {
		t.Errorf("showing it answers %d\n%s", shown.status, shown.body)
	}
	anybody.get(t, "/v/"+id).has(t, "El primer vuelo")
	twice := second.post(t, "/admin/videos/"+id+"/show", "reason", "Tiene permiso")
	twice.has(t, "Este video no está oculto")
	hidden := second.post(t, "/admin/videos/"+id+"/hide", "category", "hate", "reason", "Insulta")
	second.get(t, hidden.location()).has(t, "El video está oculto", "Insulta o amenaza", "Mostrar el video de nuevo")
}

// Nobody locks out the last admin or suspends themselves, and who may only suspend does not suspend an admin.
func TestTheLastAdminStays(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		h := startHouseOn(t, db, 1<<20)
		root, other := h.withRole(t, "Root", identity.Admin), h.withRole(t, "Otra", identity.Organiser)
		boss, organiser := h.signedIn(t, root), h.signedIn(t, other)
		users := "/api/admin/users/"
		for name, try := range map[string]struct {
			b                  *browser
			method, path, body string
			code               string
		}{
			"no admin":          {boss, "PUT", root.ID + "/roles", `{"roles":[],"reason":"Bye."}`, "last_admin"},
			"oneself":           {boss, "PUT", root.ID + "/suspension", `{"reason":"Bye."}`, "own_account"},
			"an admin by lower": {organiser, "PUT", root.ID + "/suspension", `{"reason":"Bye."}`, "forbidden_role"},
			"end by lower":      {organiser, "POST", root.ID + "/end-sessions", `{"reason":"Bye."}`, "forbidden_role"},
			"no reason":         {boss, "PUT", other.ID + "/suspension", `{"reason":" "}`, "invalid"},
			"the past": {
				boss, "PUT", other.ID + "/suspension", `{"reason":"x","until":"2020-01-01T00:00:00Z"}`, "invalid",
			},
			"nobody":        {boss, "PUT", "none/suspension", `{"reason":"Bye."}`, "not_found"},
			"not suspended": {boss, "POST", other.ID + "/unsuspend", `{"reason":"Bye."}`, "not_suspended"},
			"no such role":  {boss, "PUT", other.ID + "/roles", `{"roles":["king"],"reason":"Bye."}`, "invalid"},
		} {
			if status, code := try.b.call(t, try.method, users+try.path, try.body); code != try.code {
				t.Errorf("%s: %d %s, want %s", name, status, code, try.code)
			}
		}
		if _, err := h.identity.Revoke(t.Context(), console, root.Email, identity.Admin); err == nil {
			t.Error("the console locks out the last admin")
		}
		// Two admins who take the role from each other at once: one of them stays.
		second := h.withRole(t, "Segunda", identity.Admin)
		outcomes := make(chan error, 2)
		for by, of := range map[string]string{root.ID: second.ID, second.ID: root.ID} {
			go func() {
				outcomes <- h.identity.SetRoles(t.Context(), identity.Actor{ID: by, Reason: "Out."}, of, nil, nil)
			}()
		}
		if a, b := <-outcomes, <-outcomes; (a == nil) == (b == nil) {
			t.Errorf("both got %v", errors.Join(a, b))
		}
	})
}

// Two admins change the roles of one account: the second reads what the first has done, and what was their own wish.
func TestRolesThatWereChangedMeanwhileAreShown(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	boss, other := h.signedIn(t, h.withRole(t, "Jefa", identity.Admin)), h.withRole(t, "Otra", identity.Juror)
	page := "/admin/users/" + other.ID
	boss.get(t, page).has(t, `name="seen" value="juror"`)
	boss.post(t, page+"/roles", "seen", "juror", "role", "auditor", "reason", "Revisa")
	late := boss.post(t, page+"/roles", "seen", "juror", "role", "moderator", "reason", "Modera")
	if late.status != http.StatusConflict {
		t.Errorf("a form of before answers %d", late.status)
	}
	late.has(t, "mientras tanto", "no cambió nada: <strong>Moderación</strong>", "<dd>Auditoría</dd>",
		`value="auditor" checked`, `name="seen" value="auditor"`, `value="Modera"`, "<details open>")
	users := "/api/admin/users/" + other.ID + "/roles"
	for _, try := range []struct{ body, want string }{
		{`{"roles":["juror"],"expected":[],"reason":"x"}`, "roles_changed"},
		{`{"roles":["juror"],"expected":["auditor"],"reason":"x"}`, ""},
		{`{"roles":[],"reason":"x"}`, ""},
		{`{"roles":["juror"],"expected":[],"reason":"x"}`, ""},
	} {
		if _, code := boss.call(t, http.MethodPut, users, try.body); code != try.want {
			t.Errorf("%s: %q, want %q", try.body, code, try.want)
		}
	}
}

// The page of jobs shows what failed for good, and runs it again.
func TestADeadJobIsRunAgainFromThePage(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	boss := h.signedIn(t, h.withRole(t, "Jefa", identity.Admin))
	boss.get(t, "/admin/jobs").has(t, "Ningún trabajo ha fallado")
	task := queue.Task{Kind: "media.process", ID: "0198f2b4-7c1e-7d3a-9b52-6f0a4c8e1d27", Payload: []byte("{}")}
	if err := h.queue.Enqueue(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	h.change(t, h.db, "UPDATE queue_tasks SET state = 'dead', died_at = 1, reason = ? WHERE id = ?",
		"ffmpeg: exit 1\nframe 12: broken", task.ID)
	boss.get(t, "/admin/jobs").has(t, "1 trabajo falló", "ffmpeg: exit 1", "frame 12: broken", "Ver todo")
	wrong := boss.post(t, "/admin/jobs/redrive", "id", "")
	if wrong.status != http.StatusUnprocessableEntity {
		t.Errorf("without a reason it answers %d", wrong.status)
	}
	none := boss.post(t, "/admin/jobs/redrive", "id", "none", "reason", "Try")
	if none.location() != "/admin/jobs?said=nothing" {
		t.Errorf("one that does not exist answers %d %s", none.status, none.location())
	}
	done := boss.post(t, "/admin/jobs/redrive", "id", "", "reason", "The disk is bigger now")
	boss.get(t, done.location()).has(t, "Los trabajos volvieron a la cola", "Ningún trabajo ha fallado")
	boss.get(t, "/admin/log?act=jobs.redrive").has(t, "The disk is bigger now", "2 actos")
}

// An admin adds a webhook, sees its secret once, and looks after it; what is wrong is said beside what was typed.
func TestAnAdminLooksAfterWebhooks(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	boss := h.signedIn(t, h.withRole(t, "Jefa", identity.Admin))
	boss.get(t, "/admin/webhooks").has(t, "No hay webhooks", "Video publicado")
	wrong := boss.post(t, "/admin/webhooks", "url", "https://10.0.0.1/x", "event", "video.failed", "reason", "Avisos")
	if wrong.status != http.StatusUnprocessableEntity {
		t.Errorf("a private address answers %d", wrong.status)
	}
	wrong.has(t, "debe ser una dirección pública", `value="https://10.0.0.1/x"`, `value="Avisos"`)
	added := boss.post(t, "/admin/webhooks", "url", "https://example.org/hooks", "description", "El tablero", "event",
		"video.failed", "reason", "Avisos")
	_, secret, found := strings.Cut(added.body, "<code>whsec_")
	secret, _, _ = strings.Cut(secret, "</code>")
	_, id, _ := strings.Cut(added.body, `action="/admin/webhooks/`)
	id, _, _ = strings.Cut(id, "/")
	if added.status != http.StatusOK || !found || len(secret) < 40 {
		t.Fatalf("a new webhook answers %d\n%s", added.status, added.body)
	}
	page := "/admin/webhooks/" + id
	boss.get(t, "/admin/webhooks").has(t, `href="`+page+`"`, "El tablero", "Video fallido", "Encendido")
	shown := boss.get(t, page)
	shown.has(t, "https://example.org/hooks", "Todavía no se le envió nada")
	if strings.Contains(shown.body, "whsec_") {
		t.Error("the secret is shown again")
	}
	if done := boss.post(t, page+"/test", "reason", "Probar"); done.location() != page+"?said=webhook_told" {
		t.Errorf("a test answers %d %s", done.status, done.location())
	}
	boss.get(t, page).has(t, "1 aviso<", "Prueba", "En espera")
	rotated := boss.post(t, page+"/rotate", "hours", "24", "reason", "Cambio")
	if rotated.has(t, "<code>whsec_", "Firman dos secretos hasta"); strings.Contains(rotated.body, secret) {
		t.Error("the new secret is the old one")
	}
	bad := boss.post(t, page+"/rotate", "hours", "999", "reason", "Cambio")
	if bad.status != http.StatusUnprocessableEntity {
		t.Errorf("999 hours answer %d", bad.status)
	}
	off := boss.post(t, page+"/change", "url", "https://example.org/hooks", "event", "video.failed", "reason", "Pausa")
	boss.get(t, off.location()).has(t, "Guardamos el webhook", "Apagado", "No se entregó")
	if late := boss.post(t, page+"/replay", "reason", "Ya"); late.status != http.StatusUnprocessableEntity {
		t.Errorf("a replay to a webhook that is off answers %d", late.status)
	}
	boss.get(t, "/admin/log?act=webhook.rotate").has(t, "Cambiar el secreto de un webhook", "Cambio", "1 acto<")
	auditor := h.signedIn(t, h.withRole(t, "Aura", identity.Auditor))
	if body := auditor.get(t, page).body; strings.Contains(body, "<form") && strings.Contains(body, "/rotate") {
		t.Error("an auditor is offered to act")
	}
	if answer := auditor.post(t, page+"/delete", "reason", "No"); answer.status != http.StatusForbidden {
		t.Errorf("an auditor deletes it: %d", answer.status)
	}
	gone := boss.post(t, page+"/delete", "reason", "Ya no")
	boss.get(t, gone.location()).has(t, "El webhook ya no existe", "No hay webhooks")
}

// adminStates adds the report page and those of organisers to the states that a browser checks.
func (h *house) adminStates(
	t *testing.T, look func(name string, b *browser, path string),
	send func(name string, b *browser, path string, fields ...string), id string,
) {
	t.Helper()
	anybody, ana := h.browser(t), h.account(t, "Rea", "Cali")
	boss := h.signedIn(t, h.withRole(t, "Jefa", identity.Admin))
	look("admin-reports-none", boss, "/admin/reports")
	look("admin-jobs-none", boss, "/admin/jobs")
	look("admin-webhooks-none", boss, "/admin/webhooks")
	send("admin-webhook", boss, "/admin/webhooks", "url", "https://example.org/", "event", "video.failed",
		"reason", "Sí")
	look("admin-webhooks", boss, "/admin/webhooks")
	look("report", anybody, "/report/"+id)
	send("report-wrong", anybody, "/report/"+id, "reason", "other")
	sent := anybody.post(t, "/report/"+id, "reason", "rights", "words", "Es mi canción", "email", "yo@example.com")
	look("report-sent", anybody, sent.location())
	rea := h.signedIn(t, ana)
	rea.post(t, "/report/"+id, "reason", "rights")
	send("report-twice-refused", rea, "/report/"+id, "reason", "rights")
	_, report, _ := strings.Cut(sent.location(), "receipt=")
	for _, path := range []string{"", "-users", "-reports", "-log"} {
		look("admin"+path, boss, "/admin"+strings.ReplaceAll(path, "-", "/"))
	}
	look("admin-report", boss, "/admin/reports/"+report)
	look("admin-user", boss, "/admin/users/"+ana.ID)
	send("admin-user-wrong", boss, "/admin/users/"+ana.ID+"/suspend", "reason", "")
	boss.post(t, "/admin/users/"+ana.ID+"/suspend", "reason", "Compró votos")
	look("admin-user-out", boss, "/admin/users/"+ana.ID)
	look("admin-video", boss, "/admin/videos/"+id)
	boss.post(t, "/admin/reports/"+report+"/decide", "decision", "hidden", "category", "rights", "reason", "No")
	look("admin-report-done", boss, "/admin/reports/"+report)
	send("admin-report-late", boss, "/admin/reports/"+report+"/decide", "decision", "dismissed", "reason", "Sí")
	look("admin-video-hidden", boss, "/admin/videos/"+id)
	look("error-410", anybody, "/v/"+id)
	boss.post(t, "/admin/videos/"+id+"/show", "reason", "Tiene permiso")
}
