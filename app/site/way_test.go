package site_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Who taps the vote signed out signs up, and comes back to the video with the vote counted.
func TestAVoteSignedOutIsCountedAfterSigningUp(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	_, videos := h.crowd(t, 1)
	b, id := h.browser(t), videos[0]
	b.get(t, "/v/"+id).has(t, "Votar por Ana0 Ruiz", "0 votos", "Para votar, entra o crea una cuenta")

	answer := b.post(t, "/v/"+id+"/vote", "vote", "cast")
	if answer.status != http.StatusSeeOther || !strings.HasPrefix(answer.location(), "/login?") {
		t.Fatalf("a vote answers %d %s", answer.status, answer.location())
	}
	login := b.get(t, answer.location())
	login.has(t, "contamos tu voto enseguida", `name="vote" value="`+id+`"`, `href="/signup?vote=`+id+`"`)
	for next, want := range map[string]string{
		"/upload": "Para subir tu video", "/me": "Para ver esta página", "/me/videos": "Para ver esta página",
	} {
		asked := b.get(t, next)
		b.get(t, asked.location()).has(t, want, `href="/signup?next=`+url.QueryEscape(next)+`"`)
	}
	b.get(t, "/signup?vote="+id).has(t, `name="vote" value="`+id+`"`)

	wrong := b.post(t, "/signup", "vote", id, "email", "luz@example.com", "first_name", "Luz", "password1", "xyz17")
	if wrong.status != http.StatusUnprocessableEntity {
		t.Errorf("a wrong form answers %d", wrong.status)
	}
	wrong.has(t, `value="luz@example.com"`, `name="vote" value="`+id+`"`, "<title>Error:",
		`href="#password1"`, `aria-invalid="true"`)
	if strings.Contains(wrong.body, "xyz17") {
		t.Error("the form that comes back has the password")
	}
	done := b.post(t, "/signup", "vote", id, "email", "luz@example.com", "first_name", "Luz", "last_name", "Mora",
		"password1", password, "city", "Cali", "country", "Colombia")
	if want := "/v/" + id + "?said=voted#voto"; done.status != http.StatusSeeOther || done.location() != want {
		t.Fatalf("signing up answers %d %s\n%s", done.status, done.location(), done.body)
	}
	b.get(t, "/v/"+id+"?said=voted").has(t, "Contamos tu voto", "1 voto<", "Quitar mi voto")
	// The second of two taps leads to the same place, and is no other way to guess a password.
	again := func(typed string) document {
		return h.browser(t).post(t, "/signup", "vote", id, "email", "Luz@example.com", "first_name", "Luz",
			"last_name", "Mora", "password1", typed, "city", "Cali", "country", "Colombia")
	}
	again(password).goesTo(t, "/v/"+id+"?said=voted#voto")
	began := time.Now()
	for range 5 {
		again("una frase larga").refused(t, "Ya existe una cuenta")
	}
	if time.Since(began) < 50*time.Second { // after a minute there is another try
		again(password).refused(t, "Ya existe una cuenta")
	}
	b.get(t, "/").has(t, "Votaste")
	b.get(t, "/me/votes").has(t, "El primer vuelo", "Votaste por 1 video")
	b.get(t, "/ranking").has(t, "Ana0 Ruiz")

	b.post(t, "/v/"+id+"/vote", "vote", "cast").goesTo(t, "/v/"+id+"?said=voted#voto")
	gone := b.post(t, "/v/"+id+"/vote", "vote", "withdraw", "from", "votes")
	if gone.location() != "/me/votes?said=withdrawn" {
		t.Errorf("taking back answers %d %s", gone.status, gone.location())
	}
	b.get(t, gone.location()).has(t, "Quitamos tu voto", "Todavía no has votado")
	// An address that was kept does not say what is no longer so.
	if strings.Contains(b.get(t, "/v/"+id+"?said=voted").body, "Contamos tu voto") {
		t.Error("the page thanks for a vote that is taken back")
	}
	out := b.post(t, "/logout")
	if out.status != http.StatusSeeOther || b.get(t, "/me").status != http.StatusSeeOther {
		t.Errorf("after signing out (%d) the account is still there", out.status)
	}
}

// Who signed in to vote, and whose vote could not be cast, is told so above the button.
func TestAVoteThatWasNotCountedIsSaid(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	users, videos := h.crowd(t, 2)
	const gone, said = "0198c000-0000-7000-8000-000000000000", "todavía no contamos tu voto"
	b := h.browser(t)
	done := b.post(t, "/login", "vote", gone, "email", users[1].Email, "password", password)
	if want := "/v/" + gone + "?said=unvoted#voto"; done.location() != want {
		t.Errorf("a vote that cannot be cast leads to %s, want %s", done.location(), want)
	}
	b.get(t, "/v/"+videos[0]+"?said=unvoted").has(t, said)
	b.post(t, "/v/"+videos[0]+"/vote", "vote", "cast")
	for name, who := range map[string]*browser{"signed out": h.browser(t), "voted": b, "own": h.signedIn(t, users[0])} {
		if strings.Contains(who.get(t, "/v/"+videos[0]+"?said=unvoted").body, said) {
			t.Errorf("%s: the page asks for a vote again", name)
		}
	}
}

// Nobody is sent to another site after signing in.
func TestNextIsAPageOfOurs(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	user := h.account(t, "Ana", "Bogotá")
	for next, want := range map[string]string{
		"":                            "/?said=in",
		"/me/votes":                   "/me/votes?said=in",
		"/?city=Cali":                 "/?city=Cali&said=in",
		"https://evil.example/":       "/?said=in",
		"//evil.example/":             "/?said=in",
		"///evil.example/":            "/?said=in",
		"/\\evil.example/":            "/?said=in",
		"javascript:alert(1)":         "/?said=in",
		"/%09/evil.example":           "/%09/evil.example?said=in",
		"\t//evil.example":            "/?said=in",
		"http:evil.example":           "/?said=in",
		"/ranking\r\nSet-Cookie: a=b": "/?said=in",
	} {
		b := h.browser(t)
		answer := b.post(t, "/login", "email", user.Email, "password", password, "next", next)
		if answer.location() != want {
			t.Errorf("next=%q leads to %q, want %q", next, answer.location(), want)
		}
	}
}

// Another site cannot vote with a visitor's session, nor sign a visitor in to somebody else's account.
func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	users, videos := h.crowd(t, 2)
	b := h.signedIn(t, users[1])
	for _, path := range []string{
		"/v/" + videos[0] + "/vote", "/login", "/logout", "/signup", "/upload", "/api/videos/uploads",
		"/api/public/videos/" + videos[0] + "/vote",
	} {
		for name, headers := range map[string][]string{
			"another site":  {"Sec-Fetch-Site", "cross-site"},
			"a subdomain":   {"Sec-Fetch-Site", "same-site"},
			"an old client": {"Origin", "https://evil.example"},
		} {
			headers = append(headers, "Content-Type", "application/x-www-form-urlencoded")
			answer := b.ask(t, http.MethodPost, path, strings.NewReader("vote=cast"), headers...)
			if answer.status != http.StatusForbidden {
				t.Errorf("POST %s from %s answers %d", path, name, answer.status)
			}
		}
	}
	// A program with a token of its own is no browser.
	if answer := b.ask(t, http.MethodPost, "/api/public/videos/"+videos[0]+"/vote", nil,
		"Sec-Fetch-Site", "same-origin"); answer.status != http.StatusOK {
		t.Errorf("our own script's vote answers %d %s", answer.status, answer.body)
	}
}

// The session's cookie is out of reach of scripts and of other sites, and what it proves ends on the server.
func TestTheSessionEndsOnTheServer(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	user := h.account(t, "Ana", "Bogotá")
	b := h.signedIn(t, user)
	address, err := url.Parse(h.url)
	if err != nil {
		t.Fatal(err)
	}
	thief := h.browser(t)
	thief.Jar.SetCookies(address, b.Jar.Cookies(address))
	if got := thief.get(t, "/me").status; got != http.StatusOK {
		t.Fatalf("with the cookie /me answers %d", got)
	}
	signIn := h.browser(t).post(t, "/login", "email", user.Email, "password", password)
	for _, cookie := range signIn.header.Values("Set-Cookie") {
		for _, part := range []string{"HttpOnly", "SameSite=Lax", "Path=/"} {
			if !strings.Contains(cookie, part) {
				t.Errorf("%s lacks %s", cookie, part)
			}
		}
	}
	b.post(t, "/logout")
	if got := thief.get(t, "/me"); got.status != http.StatusSeeOther {
		t.Errorf("with the cookie of a session that has ended /me answers %d", got.status)
	}
}

// What is typed wrong comes back with what to correct, and the password does not.
func TestAWrongSignInKeepsTheEmail(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	answer := h.browser(t).post(t, "/en/login", "email", "ana@example.com", "password", "not this one")
	if answer.status != http.StatusUnprocessableEntity {
		t.Errorf("it answers %d", answer.status)
	}
	answer.has(t, `value="ana@example.com"`, "Wrong e-mail or password.", `<html lang="en">`)
	if strings.Contains(answer.body, "not this one") {
		t.Error("the page has the password")
	}
}

// A clip is sent by a plain form.
func TestUploadByAPlainForm(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	b := h.signedIn(t, h.account(t, "Ana", "Bogotá"))
	send := func(b *browser, title string, file []byte) document {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		for name, value := range map[string]string{"title": title, "description": "", "start_seconds": "7.5"} {
			if err := form.WriteField(name, value); err != nil {
				t.Fatal(err)
			}
		}
		part, err := form.CreateFormFile("file", "clip.mp4")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write(file); err != nil {
			t.Fatal(err)
		}
		if err := form.Close(); err != nil {
			t.Fatal(err)
		}
		return b.ask(t, http.MethodPost, "/upload", &body, "Content-Type", form.FormDataContentType(),
			"Sec-Fetch-Site", "same-origin")
	}
	for name, test := range map[string]struct {
		title string
		file  []byte
		want  string
	}{
		"no title": {"", clip(1000), `href="#title"`},
		"no file":  {"Mi canción", nil, "El archivo llegó vacío"},
		"a text":   {"Mi canción", bytes.Repeat([]byte("no video "), 1000), "El archivo no es un video"},
		"too much": {"Mi canción", clip(3 << 20), "pesa más de lo permitido"},
	} {
		answer := send(b, test.title, test.file)
		if answer.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: answers %d %s", name, answer.status, answer.location())
		}
		answer.has(t, test.want, `value="`+test.title, `value="7.5"`, "Elige otra vez el archivo")
	}
	// So it is when the session has ended, which nobody can know before.
	late := send(h.browser(t), "Mi canción", clip(1000))
	if late.status != http.StatusUnauthorized {
		t.Errorf("signed out, it answers %d", late.status)
	}
	late.has(t, "Tu sesión terminó", `href="/login?next=/upload" target="_blank"`, `value="Mi canción"`, `value="7.5"`)
	// So it is for who has to confirm their e-mail first.
	sol := h.account(t, "Sol", "Cali")
	h.uploaders.unverified.Store(sol.ID, true)
	hers := h.signedIn(t, sol)
	hers.get(t, "/upload").has(t, "confirma primero tu correo", `<a href="/me">Ir a tu cuenta</a>`, `action="/upload"`)
	unverified := send(hers, "Mi canción", clip(1000))
	if unverified.status != http.StatusForbidden {
		t.Errorf("without a confirmed e-mail, it answers %d", unverified.status)
	}
	unverified.has(t, "confirma primero tu correo", `value="Mi canción"`, `value="7.5"`, "Elige otra vez el archivo")
	done := send(b, "Mi canción", clip(100_000))
	if done.status != http.StatusSeeOther || !strings.HasPrefix(done.location(), "/me/videos/") {
		t.Fatalf("it answers %d %s\n%s", done.status, done.location(), done.body)
	}
	b.get(t, done.location()).has(t, "Recibimos tu video completo", "En la fila", "Ya puedes cerrar esta página")
	b.get(t, "/me/videos").has(t, "Mi canción", `href="/me/videos">Actualizar</a>`)
	mine := strings.TrimSuffix(done.location(), "?said=uploaded")
	b.post(t, mine+"/retry").has(t, "Solo se puede reintentar")
	other := h.signedIn(t, h.account(t, "Luz", "Cali"))
	next := send(other, "La mía", clip(1000))
	other.get(t, next.location()).has(t, "Hay 1 video antes que el tuyo", "Sí, eliminar")
	if got := other.get(t, mine).status; got != http.StatusForbidden {
		t.Errorf("somebody else's video answers %d", got)
	}
	if gone := b.post(t, mine+"/delete"); gone.location() != "/me/videos?said=deleted" {
		t.Errorf("deleting answers %d %s", gone.status, gone.location())
	}
}

// Browsers inside other apps may not open the gallery, so the page shows its address to copy.
func TestABrowserInsideAnAppIsToldOfTheAddress(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	b := h.signedIn(t, h.account(t, "Ana", "Bogotá"))
	const told = "Si no se abre la galería"
	b.get(t, "/upload", "User-Agent", "Mozilla/5.0 (Linux; Android 14) Instagram 300.0").has(t, told,
		`readonly value="`+h.url+`/upload"`, "data-copy", "/copy.js")
	if strings.Contains(b.get(t, "/upload", "User-Agent", "Mozilla/5.0 (Linux; Android 14) Chrome/130").body, told) {
		t.Error("every browser is told so")
	}
}

// clip begins as an MP4 file does.
func clip(size int) []byte {
	head := []byte("\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2")
	return append(head, make([]byte, size)...)
}
