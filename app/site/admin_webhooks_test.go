package site_test

import (
	"net/http"
	"strings"
	"testing"

	"risingstars/modules/identity"
)

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
	if rotated.has(t, "<code>whsec_", "Los dos secretos sirven hasta"); strings.Contains(rotated.body, secret) {
		t.Error("the new secret is the old one")
	}
	bad := boss.post(t, page+"/rotate", "hours", "999", "reason", "Cambio")
	if bad.status != http.StatusUnprocessableEntity {
		t.Errorf("999 hours answer %d", bad.status)
	}
	bad.has(t, `href="#hours"`, `value="999" aria-invalid="true"`, `value="Cambio"`, "<details open>")
	boss.post(t, page+"/change", "url", "https://example.org/hooks", "reason", "Pausa").has(t, "<details open>",
		`href="#event-video.published"`, `aria-describedby="event-error"`, `value="Pausa"`)
	off := boss.post(t, page+"/change", "url", "https://example.org/hooks", "event", "video.failed", "reason", "Pausa")
	boss.get(t, off.location()).has(t, "Guardamos el webhook", "Apagado", "No se entregó")
	if late := boss.post(t, page+"/replay", "reason", "Ya"); late.status != http.StatusUnprocessableEntity {
		t.Errorf("a replay to a webhook that is off answers %d", late.status)
	}
	boss.get(t, "/admin/log?act=webhook.rotate").has(t, "Cambiar el secreto de un webhook", "Cambio", "1 acción<")
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
