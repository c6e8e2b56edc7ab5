package site

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"risingstars/platform/fault"
	"risingstars/platform/web"
)

// ErrorPage says what went wrong, and what to do.
type ErrorPage struct {
	Base

	Status    int
	Detail    string
	RequestID string
	Back      string // the page with the form that was refused; "" if there is none
	Person    bool   // it is about somebody, not about a video
}

func (*ErrorPage) file() string { return "error" }

// errorTitles are the ids of the titles of statuses.
var errorTitles = map[int]string{
	http.StatusNotFound:            "error.404",
	http.StatusGone:                "error.410",
	http.StatusForbidden:           "error.403",
	http.StatusTooManyRequests:     "error.429",
	http.StatusServiceUnavailable:  "error.503",
	http.StatusInternalServerError: "error.500",
}

// problem answers a browser whose request went wrong. Who is to sign in first is sent to do so.
func (s *Site) problem(r *http.Request, p *web.Problem) web.View {
	v := s.visit(r)
	if p.Status == http.StatusUnauthorized && v.Method == http.MethodPost && v.path == "/upload" {
		return s.uploadSignedOut(v)
	}
	if p.Status == http.StatusUnauthorized {
		return web.View{Location: v.link(v.signInFirst())}
	}
	if p.Code == "totp_setup_required" {
		return web.View{Location: v.link("/me/two-factor")}
	}
	person := p.Status == http.StatusGone && strings.HasPrefix(v.path, "/u/")
	title, ok := errorTitles[p.Status]
	switch {
	case !ok:
		title = "error.other"
	case person:
		title = "error.410.person"
	}
	d := &ErrorPage{Base: v.frame(title, ""), Status: p.Status, Detail: p.Detail, RequestID: p.RequestID}
	d.Private, d.Person = true, person
	if p.Status != http.StatusNotFound && (v.Method != http.MethodGet || v.shown() != v.path) {
		d.Back = v.link(v.shown())
	}
	view := s.showProblem(p.Status, p.Detail, d)
	view.Framed = strings.HasPrefix(v.path, "/embed/")
	return view
}

// showProblem answers with a document, or with its text alone if it cannot be filled.
func (s *Site) showProblem(status int, text string, d document) web.View {
	html, err := s.render.fill(d)
	if err != nil { // impossible: every template is filled in a test
		return web.View{Status: status, HTML: []byte(text), Type: "text/plain; charset=utf-8"}
	}
	return web.View{Status: status, HTML: html}
}

// signInFirst returns the address of the sign-in that leads back. A vote is cast as soon as its voter is known.
func (v *visit) signInFirst() string {
	query := url.Values{}
	back := v.path + kept(v.path, v.URL.Query())
	if id, ok := strings.CutPrefix(v.path, "/v/"); ok && strings.HasSuffix(id, "/vote") {
		id = strings.TrimSuffix(id, "/vote")
		query.Set("vote", id)
		back = "/v/" + id
		if seed, ok := parseSeed(v.URL.Query().Get("o")); ok && v.URL.Query().Get("from") == "watch" {
			back = watchAddress(seed, id)
		}
	} else if id = v.URL.Query().Get("video"); v.path == "/me/resend" && uuid.Validate(id) == nil {
		query.Set("vote", id)
		back = "/v/" + id
	} else if v.Method != http.MethodGet {
		back = v.shown()
	}
	query.Set("next", back)
	return "/login?" + query.Encode()
}

// Moment writes a time for faults as pages do: the day, the hour and the zone.
func (s *Site) Moment(t time.Time) fault.Text {
	in := func(language string) string {
		speaker, t := s.render.texts.In(language), t.In(s.o.Zone)
		day, err := speaker.Date(t)
		zone, zoneErr := speaker.Zone(s.o.Zone)
		if err != nil || zoneErr != nil { // impossible: every text is said in a test
			return t.Format(time.RFC3339)
		}
		return day + ", " + t.Format(hourFormat) + ", " + zone
	}
	return fault.Text{ES: in(spanish), EN: in(english)}
}
