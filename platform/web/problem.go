package web

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"

	"risingstars/platform/fault"
	"risingstars/platform/limit"
	"risingstars/platform/telemetry"
)

// statuses is the only table from kinds of faults to HTTP statuses.
var statuses = map[fault.Kind]int{
	fault.Internal:         http.StatusInternalServerError,
	fault.Conflict:         http.StatusBadRequest, // the contract answers a broken rule with 400
	fault.Concurrent:       http.StatusConflict,
	fault.Malformed:        http.StatusBadRequest,
	fault.Invalid:          http.StatusUnprocessableEntity,
	fault.Unauthenticated:  http.StatusUnauthorized,
	fault.Forbidden:        http.StatusForbidden,
	fault.NotFound:         http.StatusNotFound,
	fault.Gone:             http.StatusGone,
	fault.Stale:            http.StatusConflict,
	fault.TooLarge:         http.StatusRequestEntityTooLarge,
	fault.UnsupportedMedia: http.StatusUnsupportedMediaType,
	fault.TooManyRequests:  http.StatusTooManyRequests,
	fault.Unavailable:      http.StatusServiceUnavailable,
	fault.Full:             http.StatusInsufficientStorage,
}

var (
	errUnauthenticated = fault.New(fault.Unauthenticated, "unauthenticated",
		"Inicia sesión: se necesita un token de acceso válido.",
		"Sign in: a valid access token is required.")
	errNoRoute = fault.New(fault.NotFound, "not_found",
		"No hay nada en esta dirección.",
		"There is nothing at this address.")
	errMethod = fault.New(fault.Malformed, "method_not_allowed",
		"Método no permitido.",
		"Method not allowed.")
	errMalformed = fault.New(fault.Malformed, "malformed",
		"No se pudo leer la petición. Revisa que el cuerpo sea JSON válido y que la dirección sea texto UTF-8.",
		"The request could not be read. Check that the body is valid JSON and the address is UTF-8 text.")
	errMediaType = fault.New(fault.UnsupportedMedia, "unsupported_media_type",
		"Tipo de contenido no admitido.",
		"Content type not supported.")
	errTooLarge = fault.New(fault.TooLarge, "too_large",
		"La petición es demasiado grande.",
		"The request is too large.")
	errSlow = fault.New(fault.Malformed, "request_timeout",
		"La petición tardó demasiado en llegar. Vuelve a intentarlo.",
		"The request took too long to arrive. Please try again.")
	errRange = fault.New(fault.Malformed, "range_not_satisfiable",
		"El archivo no tiene los bytes que pides. Pídelo sin el encabezado Range.",
		"The file does not have the bytes that you ask for. Ask for it without the header Range.")
)

// Faults that only a proxy in front of the service answers with. The proxy's own configuration repeats their texts.
var (
	errLongAddress = fault.New(fault.Malformed, "uri_too_long",
		"La dirección es demasiado larga. Acorta la búsqueda o los filtros.",
		"The address is too long. Shorten the search or the filters.")
	errManyConnections = fault.New(fault.Unavailable, "busy",
		"Hay demasiadas conexiones desde tu red. Vuelve a intentarlo en unos segundos.",
		"There are too many connections from your network. Please try again in a few seconds.")
	errBadGateway = fault.New(fault.Unavailable, "unavailable",
		"El servicio no responde. Vuelve a intentarlo en un momento.",
		"The service does not answer. Please try again in a moment.")
	errGatewayTimeout = fault.New(fault.Unavailable, "unavailable",
		"El servicio tarda demasiado. Vuelve a intentarlo en un momento.",
		"The service takes too long. Please try again in a moment.")
)

// Faults returns the faults that this package declares, for the catalogue of errors.
func Faults() []*fault.Error {
	return []*fault.Error{
		errUnauthenticated, errNoRoute, errMethod, errMalformed, errMediaType, errTooLarge, errSlow, errRange,
		errLongAddress, errManyConnections, errBadGateway, errGatewayTimeout, errNotMultipart, errBadMultipart,
		errNoBoundary, errNotUTF8, errNotReady, errNotAcceptable, errBadKey, errCrossOrigin, errElsewhere,
	}
}

// ProxyFaults returns the faults with which a proxy in front of the service answers by itself, each with its status.
func ProxyFaults() []*fault.Error {
	return []*fault.Error{
		errMalformed, errNoRoute, errMethod, errTooLarge, errLongAddress, errRange, limit.ErrTooManyAtOnce,
		errBadGateway, errManyConnections, errGatewayTimeout,
	}
}

// StatusOf returns the status of a fault's answer.
func StatusOf(f *fault.Error) int {
	switch { // statuses that only HTTP knows; no kind of fault has them
	case f.Is(errMethod):
		return http.StatusMethodNotAllowed
	case f.Is(errSlow):
		return http.StatusRequestTimeout
	case f.Is(errNotAcceptable):
		return http.StatusNotAcceptable
	case f.Is(errRange):
		return http.StatusRequestedRangeNotSatisfiable
	case f.Is(errLongAddress):
		return http.StatusRequestURITooLong
	case f.Is(errBadGateway):
		return http.StatusBadGateway
	case f.Is(errGatewayTimeout):
		return http.StatusGatewayTimeout
	}
	return statuses[f.Kind]
}

// typeOf returns the address of the page about a code: absolute if the site's address is known, otherwise a path.
func typeOf(site, code string) string { return site + errorsPath + code }

// Problem is an RFC 9457 document.
type Problem struct {
	Type      string         `json:"type" format:"uri-reference" example:"/errors/invalid" doc:"Page about the code"`
	Title     string         `json:"title" example:"Unprocessable Entity" doc:"Name of the status"`
	Status    int            `json:"status" example:"422"`
	Detail    string         `json:"detail" doc:"For people: Spanish, or English by Accept-Language"`
	Code      string         `json:"code" example:"invalid" doc:"Stable name of the problem, for programs"`
	RequestID string         `json:"request_id,omitempty" doc:"Quote this when you ask for help"`
	TraceID   string         `json:"trace_id,omitempty" doc:"The request's trace, if it has one"`
	Errors    []ProblemField `json:"errors,omitempty" doc:"The fields that need correcting, at most 20"`

	retryAfter int
	refusal    *limit.Refusal // nil unless a budget is used up
	language   lang
}

// ProblemField is one field of the input that needs correcting.
type ProblemField struct {
	Location string `json:"location" example:"body.email" doc:"Begins with body, query, path, header or cookie"`
	Pointer  string `json:"pointer,omitempty" example:"#/email" doc:"JSON pointer of a field of the body (RFC 6901)"`
	Message  string `json:"message" example:"no es un correo electrónico válido"`
}

// pointerTo returns the JSON pointer, as a URI fragment, of a location such as body.items[0].name; "" if it is not a
// part of the body.
func pointerTo(location string) string {
	rest, ok := strings.CutPrefix(location, "body")
	if !ok || rest != "" && rest[0] != '.' && rest[0] != '[' {
		return ""
	}
	var sb strings.Builder
	sb.WriteByte('#')
	for step := range strings.FieldsFuncSeq(rest, func(r rune) bool { return strings.ContainsRune(".[]", r) }) {
		sb.WriteByte('/')
		sb.WriteString(url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(step)))
	}
	return sb.String()
}

// NewProblem describes err in the language of the request that ctx belongs to. It hides the text of an err that is not
// a fault.
func NewProblem(ctx context.Context, err error) *Problem {
	f := fault.From(err)
	status, language := StatusOf(f), languageOf(ctx)
	p := &Problem{
		Type: typeOf(requestOf(ctx).site, f.Code), Title: http.StatusText(status), Status: status, Code: f.Code,
		Detail: language.pick(f.Text), RequestID: telemetry.RequestID(ctx), retryAfter: f.RetryAfter,
		TraceID: telemetry.TraceID(ctx), language: language,
	}
	if f.RetryAfter > 0 {
		p.Detail += " " + language.pick(again(f.RetryAfter))
	}
	p.refusal, _ = limit.RefusalIn(err)
	for _, field := range f.Fields[:min(len(f.Fields), mostFindings)] {
		p.Errors = append(p.Errors, ProblemField{
			Location: field.Location, Pointer: pointerTo(field.Location), Message: language.pick(field.Message),
		})
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
	if p.refusal != nil {
		rateLimitHeaders(h, p.refusal)
	}
	h.Set("Cache-Control", "no-store")
	inLanguage(h, p.language)
}

// rateLimitHeaders tell a client which budget is used up, by the names of draft-ietf-httpapi-ratelimit-headers-07.
func rateLimitHeaders(h http.Header, r *limit.Refusal) {
	most, policy := int64(r.Rate.Burst), fmt.Sprintf("%d;name=%q", r.AtOnce, r.Budget)
	if r.AtOnce > 0 {
		most = r.AtOnce
	} else {
		policy = fmt.Sprintf("%d;w=%d;burst=%d;name=%q",
			r.Rate.Count, int(r.Rate.Per.Seconds()), r.Rate.Burst, r.Budget)
	}
	h.Set("RateLimit-Limit", strconv.FormatInt(most, 10))
	h.Set("RateLimit-Remaining", "0")
	h.Set("RateLimit-Reset", strconv.Itoa(int(math.Ceil(r.Wait.Seconds()))))
	h.Set("RateLimit-Policy", policy)
}

// again says when to try again, in words.
func again(seconds int) fault.Text {
	count := func(n int, one, several string) string {
		if n == 1 {
			return "1 " + one
		}
		return strconv.Itoa(n) + " " + several
	}
	es, en := count(seconds, "segundo", "segundos"), count(seconds, "second", "seconds")
	switch {
	case seconds >= 2*3600:
		hours := (seconds + 3599) / 3600
		es, en = count(hours, "hora", "horas"), count(hours, "hour", "hours")
	case seconds >= 2*60:
		minutes := (seconds + 59) / 60
		es, en = count(minutes, "minuto", "minutos"), count(minutes, "minute", "minutes")
	}
	return fault.Text{ES: "Vuelve a intentarlo en " + es + ".", EN: "Try again in " + en + "."}
}

// WriteProblem answers a request with the problem that describes err, also outside of echo.
func WriteProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := NewProblem(r.Context(), err)
	p.headers(w.Header())
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = huma.DefaultJSONFormat.Marshal(w, p) // an error means that the client is gone
}

// writeError is echo's error handler, for errors of the router and of handlers outside of huma.
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
	if c.Response().Committed {
		return
	}
	if s.isPage(c.Request()) {
		p := NewProblem(c.Request().Context(), err)
		p.headers(c.Response().Header())
		c.Response().Header().Del("WWW-Authenticate")
		page := s.pageProblem(c.Request(), p)
		if page.Status == 0 {
			page.Status = p.Status
		}
		_ = s.sendPage(c, page) // an error means that the client is gone
		return
	}
	WriteProblem(c.Response(), c.Request(), err)
}

// useProblems makes huma answer with our problem documents. Huma's hooks are package variables, which all servers
// share, so they are set once.
var useProblems = sync.OnceFunc(func() {
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return NewProblem(context.Background(), fromHuma(status, message, errs))
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		err := tooLong(ctx.Context(), fromHuma(status, message, errs))
		humaecho.Unwrap(ctx).Set(errorKey, err)
		p := NewProblem(ctx.Context(), err)
		p.headers(humaecho.Unwrap(ctx).Response().Header())
		return p
	}
})

// bodyFault returns the fault for an error from reading a body: it is too large, or the client is gone.
func bodyFault(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errTooLarge
	}
	return errMalformed.With(err)
}

// fromHuma turns huma's own errors into faults. A handler's error arrives here unchanged, as the only one.
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
			return bodyFault(errors.Join(errs...))
		}
		if len(errs) == 1 {
			return errs[0]
		}
	}
	return errors.Join(append(errs, errors.New(message))...)
}
