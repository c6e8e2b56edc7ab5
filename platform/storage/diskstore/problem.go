package diskstore

import (
	"encoding/json"
	"net/http"

	"golang.org/x/text/language"
)

// Problem is an RFC 9457 document, in the language the request asks for.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"` // stable
	// Cause is the private reason of a 500, to be logged; nil otherwise.
	Cause error `json:"-"`
}

const (
	codeNotFound         = "not_found"
	codeLinkInvalid      = "link_invalid"
	codeLinkExpired      = "link_expired"
	codeMethodNotAllowed = "method_not_allowed"
	codeInternal         = "internal"
)

type text struct {
	status           int
	spanish, english string
}

var texts = map[string]text{
	codeNotFound:         {http.StatusNotFound, "El archivo no existe.", "The file does not exist."},
	codeLinkInvalid:      {http.StatusForbidden, "El enlace no es válido.", "The link is not valid."},
	codeLinkExpired:      {http.StatusForbidden, "El enlace ha caducado.", "The link has expired."},
	codeMethodNotAllowed: {http.StatusMethodNotAllowed, "Este recurso solo se puede leer.", "This resource can only be read."},
	codeInternal:         {http.StatusInternalServerError, "No se pudo leer el archivo.", "The file could not be read."},
}

// The first is the default.
var languages = language.NewMatcher([]language.Tag{language.Spanish, language.English})

func (s *Store) refuse(w http.ResponseWriter, r *http.Request, code string, cause error) {
	t := texts[code]
	detail := t.spanish
	if _, i := language.MatchStrings(languages, r.Header.Get("Accept-Language")); i == 1 {
		detail = t.english
	}
	w.Header().Set("Cache-Control", "no-store")
	s.writeProblem(w, r, Problem{
		Type: "about:blank", Title: http.StatusText(t.status), Status: t.status, Detail: detail, Code: code, Cause: cause,
	})
}

// WriteProblem sends p as application/problem+json. It logs nothing.
func WriteProblem(w http.ResponseWriter, _ *http.Request, p Problem) {
	body, err := json.Marshal(p)
	if err != nil {
		http.Error(w, p.Title, p.Status)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(p.Status)
	_, _ = w.Write(body)
}
