package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"

	"risingstars/platform/fault"
	"risingstars/platform/telemetry"
)

// statuses is the one table from kinds of faults to HTTP.
var statuses = map[fault.Kind]int{
	fault.Internal:         http.StatusInternalServerError,
	fault.Conflict:         http.StatusBadRequest, // the contract's clients expect 400 where a rule says no
	fault.Malformed:        http.StatusBadRequest,
	fault.Invalid:          http.StatusUnprocessableEntity,
	fault.Unauthenticated:  http.StatusUnauthorized,
	fault.Forbidden:        http.StatusForbidden,
	fault.NotFound:         http.StatusNotFound,
	fault.TooLarge:         http.StatusRequestEntityTooLarge,
	fault.UnsupportedMedia: http.StatusUnsupportedMediaType,
	fault.TooManyRequests:  http.StatusTooManyRequests,
	fault.Unavailable:      http.StatusServiceUnavailable,
}

var (
	errUnauthenticated = fault.New(fault.Unauthenticated, "unauthenticated",
		"Inicia sesión: hace falta un token de acceso válido.",
		"Sign in: a valid access token is needed.")
	errNoRoute = fault.New(fault.NotFound, "not_found",
		"No hay nada en esta dirección.",
		"There is nothing at this address.")
	errMethod = fault.New(fault.Malformed, "method_not_allowed",
		"Esta dirección no admite ese método.",
		"This address does not take that method.")
	errMalformed = fault.New(fault.Malformed, "malformed",
		"No se pudo leer la petición: revisa que el cuerpo sea JSON válido y la dirección, texto UTF-8.",
		"The request could not be read: check that the body is valid JSON and the address UTF-8 text.")
	errMediaType = fault.New(fault.UnsupportedMedia, "unsupported_media_type",
		"Este tipo de contenido no se admite aquí.",
		"This content type is not taken here.")
	errTooLarge = fault.New(fault.TooLarge, "too_large",
		"La petición es demasiado grande.",
		"The request is too large.")
	errSlow = fault.New(fault.Malformed, "request_timeout",
		"La petición tardó demasiado en llegar. Vuelve a intentarlo.",
		"The request took too long to arrive. Please try again.")
)

// Problem is an RFC 9457 document.
type Problem struct {
	Type      string         `json:"type" example:"about:blank" doc:"Always about:blank; code tells problems apart"`
	Title     string         `json:"title" example:"Bad Request" doc:"The status in words"`
	Status    int            `json:"status" example:"400"`
	Detail    string         `json:"detail" doc:"One sentence for people, in Spanish or English by Accept-Language"`
	Code      string         `json:"code" example:"invalid" doc:"Stable name of the problem"`
	RequestID string         `json:"request_id,omitempty" doc:"Name this when asking for help"`
	Errors    []ProblemField `json:"errors,omitempty" doc:"The parts of the input at fault"`

	retryAfter int
}

// ProblemField is one part of the input at fault.
type ProblemField struct {
	Location string `json:"location" example:"body.email"`
	Message  string `json:"message"`
}

// NewProblem puts err into the words of the request that ctx belongs to. It hides what is not a fault.
func NewProblem(ctx context.Context, err error) *Problem {
	f := fault.From(err)
	status := statuses[f.Kind]
	switch { // statuses that are HTTP's own affair, not a kind of fault
	case errors.Is(f, errMethod):
		status = http.StatusMethodNotAllowed
	case errors.Is(f, errSlow):
		status = http.StatusRequestTimeout
	}
	language := languageOf(ctx)
	p := &Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: language.pick(f.Text), Code: f.Code,
		RequestID: telemetry.RequestID(ctx), retryAfter: f.RetryAfter,
	}
	for _, field := range f.Fields {
		p.Errors = append(p.Errors, ProblemField{Location: field.Location, Message: language.pick(field.Message)})
	}
	return p
}

// Error is for logs.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus is for huma.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is for huma.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

func (p *Problem) headers(h http.Header) {
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="rising-stars-showcase"`)
	}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	h.Set("Cache-Control", "no-store")
}

// WriteProblem answers a request outside of echo, such as one for a file, with the problem that err is.
func WriteProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := NewProblem(r.Context(), err)
	p.headers(w.Header())
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = huma.DefaultJSONFormat.Marshal(w, p) // the client is gone, or reads it
}

// writeError is echo's error handler: what handlers outside of huma return, and what the router says.
func (s *Server) writeError(err error, c echo.Context) {
	if routing, ok := errors.AsType[*echo.HTTPError](err); ok {
		switch routing.Code {
		case http.StatusNotFound:
			err = errNoRoute
		case http.StatusMethodNotAllowed:
			err = errMethod
		}
	}
	c.Set(errorKey, err)
	if !c.Response().Committed {
		WriteProblem(c.Response(), c.Request(), err)
	}
}

// useProblems makes huma answer with our problem documents. Its hooks are variables of its package, the same for every
// server, so they are set once.
var useProblems = sync.OnceFunc(func() {
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return NewProblem(context.Background(), fromHuma(status, message, errs))
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		err := fromHuma(status, message, errs)
		humaecho.Unwrap(ctx).Set(errorKey, err)
		p := NewProblem(ctx.Context(), err)
		p.headers(humaecho.Unwrap(ctx).Response().Header())
		return p
	}
})

// fromHuma turns huma's own findings into faults; what a handler returned arrives here unchanged, as the only error.
func fromHuma(status int, message string, errs []error) error {
	switch status {
	case http.StatusUnprocessableEntity:
		return fault.ErrInvalid.WithFields(fieldsOf(errs)...)
	case http.StatusBadRequest:
		return errMalformed.With(errors.Join(errs...))
	case http.StatusUnsupportedMediaType:
		return errMediaType
	case http.StatusRequestEntityTooLarge:
		return errTooLarge
	case http.StatusRequestTimeout:
		return errSlow
	case http.StatusInternalServerError:
		if message == "cannot read request body" {
			return errMalformed.With(errors.Join(errs...)) // the client went away
		}
		if len(errs) == 1 {
			return errs[0]
		}
	}
	return errors.Join(append(errs, errors.New(message))...)
}
