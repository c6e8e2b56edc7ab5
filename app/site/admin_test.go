package site_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
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
	boss.get(t, page).has(t, "Se ocultará 1 video.", "Dejará de contar 1 voto mientras tanto.", "Sus videos",
		`El primer vuelo <span class="muted">· Publicado</span> · <a href="/admin/videos/`+id+`">`,
		`<option value="other" selected>`)
	if empty := boss.post(t, page+"/suspend", "category", "other"); empty.status != http.StatusUnprocessableEntity {
		t.Errorf("a suspension by the form as it is answers %d", empty.status)
	}

	wrong := boss.post(t, page+"/suspend", "category", "other", "reason", " ", "days", "7")
	if wrong.status != http.StatusUnprocessableEntity {
		t.Errorf("a suspension without a reason answers %d", wrong.status)
	}
	wrong.has(t, `<a href="#suspend-reason">En tus palabras: di por qué</a>`, `aria-describedby="suspend-reason-hint `+
		`suspend-reason-error"`, "<details open>", `value="7" selected`, `value="other" selected`, "/form.js",
		"<title>Error:")
	done := boss.post(t, page+"/suspend", "category", "votes", "reason", "Compró votos", "days", "7")
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
	in.has(t, "Tu cuenta está suspendida", "Los votos de esta cuenta no cumplen las bases. Compró votos")
	if !regexp.MustCompile(`Hasta: \d+ de [a-z]+ de 20\d\d, \d\d:\d\d, hora de Bogotá\.`).MatchString(in.body) {
		t.Errorf("the end is not written as dates of pages are:\n%s", in.body)
	}
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
	boss.get(t, "/admin/videos/"+id).has(t, "porque la cuenta está suspendida")
	boss.get(t, page).has(t, "· No se muestra porque la cuenta está suspendida")
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
	log.has(t, "Suspender una cuenta", "Levantar una suspensión", "Cambiar permisos", "moderator",
		"no cumplen las bases. Compró votos", "suspended until",
		"Jefa Ruiz", "3 acciones")
	boss.get(t, "/admin/log?act=user.suspend&actor=jefa%40example.com").has(t, "1 acción<")
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

	first.get(t, "/v/"+id).has(t, `href="/admin/videos/`+id+`"`)
	if hers.get(t, "/v/"+id).has(t, `href="/report/`+id+`"`); strings.Contains(hers.get(t, "/v/"+id).body, "/admin/") {
		t.Error("who has no role is led to hide a video")
	}
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
	silent := second.post(t, "/admin/videos/"+id+"/hide", "category", "other", "reason", "")
	silent.has(t, `<a href="#hide-reason">En tus palabras: cuéntanos qué pasa</a>`, "<details open>",
		`value="other" selected`)
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
			"no such cause": {boss, "PUT", other.ID + "/suspension", `{"reason":"x","category":"king"}`, "invalid"},
			"no words": {
				boss, "PUT", other.ID + "/suspension", `{"reason":"","category":"other"}`, "invalid",
			},
			"no such role": {boss, "PUT", other.ID + "/roles", `{"roles":["king"],"reason":"Bye."}`, "invalid"},
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
	silent := boss.post(t, page+"/roles", "seen", "auditor", "role", "moderator", "reason", "")
	silent.has(t, `value="moderator" checked`, `name="seen" value="auditor"`, "<details open>",
		`<a href="#roles-reason">Por qué: di por qué</a>`)
	if strings.Contains(silent.body, `value="auditor" checked`) {
		t.Error("a role that was unticked is ticked again")
	}
	late.has(t, "Esto cambió mientras tanto")
	ended := h.browser(t).post(t, page+"/roles", "role", "moderator", "reason", "Modera")
	if want := "/login?next=" + url.QueryEscape(page); ended.location() != want {
		t.Errorf("after the end of a session it leads to %s, want %s", ended.location(), want)
	}
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

// adminStates adds the report page and those of organisers to the states that a browser checks.
func (h *house) adminStates(
	t *testing.T, look func(name string, b *browser, path string),
	send func(name string, b *browser, path string, fields ...string), owner *browser, id string,
) {
	t.Helper()
	anybody, ana := h.browser(t), h.account(t, "Rea", "Cali")
	boss := h.signedIn(t, h.withRole(t, "Jefa", identity.Admin))
	look("admin-reports-none", boss, "/admin/reports")
	look("admin-jobs-none", boss, "/admin/jobs")
	look("admin-webhooks-none", boss, "/admin/webhooks")
	look("performer-none", anybody, "/u/"+ana.ID)
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
	look("myvideo-hidden", owner, "/me/videos/"+id)
	boss.post(t, "/admin/videos/"+id+"/show", "reason", "Tiene permiso")
	send("admin-user-late", boss, "/admin/users/"+ana.ID+"/roles", "seen", "juror", "role", "moderator", "reason", "Sí")

	task := queue.Task{Kind: "media.process", ID: id, Payload: []byte("{}")}
	if err := h.queue.Enqueue(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	h.change(t, h.db, "UPDATE queue_tasks SET state = 'dead', died_at = 1, reason = ? WHERE id = ?",
		"ffmpeg: exit 1\nframe 12: broken", id)
	h.beginJob(t, id)
	look("admin-jobs", boss, "/admin/jobs")
	h.change(t, h.db, "UPDATE media_videos SET status = 'processed' WHERE id = ?", id)
}
