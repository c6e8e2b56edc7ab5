package site_test

import (
	"strings"
	"testing"
)

// ownTerms is what the organiser of a house has written.
const ownTerms = `## Una persona, una cuenta

Lee *todo* en https://example.org/bases o [escribe](mailto:ayuda@example.org). <script>alert(1)</script>

#### Menores

- Con un adulto. [Mal](javascript:alert(1))
- ![El cartel](https://example.org/cartel.png)

# Premios

> Se entregan en diciembre.

    un texto que no cabe en una línea de un teléfono, porque nadie lo ha partido en dos ni lo piensa hacer
`

// What the organiser writes stands in place of our own text, with its version and day, as a part of the page and in
// its own language; nothing in it acts, or comes from elsewhere.
func TestOrganisersWriteTheirOwnPages(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	b := h.browser(t)
	own := b.get(t, "/terms")
	own.has(t, "<h1>Condiciones de uso</h1>", "<h2>Una persona, una cuenta</h2>", "<h3>Menores</h3>",
		"<h2>Premios</h2>",
		`<em>todo</em> en <a href="https://example.org/bases" rel="noopener">`, "<li>El cartel</li>",
		`Versión 2.1 · <time datetime="2026-11-20T05:00:00Z">20 de noviembre de 2026</time>`)
	for _, wrong := range []string{
		"<script>alert", "javascript:", "cartel.png", "Este texto viene con el sitio", `lang="es">`,
	} {
		if _, main, _ := strings.Cut(own.body, "<h1>"); strings.Contains(main, wrong) {
			t.Errorf("the page has %s:\n%s", wrong, own.body)
		}
	}
	b.get(t, "/en/terms").has(t, "<h1>Terms of use</h1>", "this text is in Spanish only", `<div lang="es">`,
		"<h2>Premios</h2>", "Version 2.1", "November 20, 2026")
	b.get(t, "/rules").has(t, "Este texto viene con el sitio")
	b.get(t, "/help").has(t, "Este texto viene con el sitio")
}
