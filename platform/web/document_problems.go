package web

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/disk"
	"risingstars/platform/fault"
	"risingstars/platform/idempotency"
	"risingstars/platform/limit"
)

// Keys of an operation's Metadata.
const (
	faultsKey = "web.faults" // []*fault.Error that the operation itself declares
	routeKey  = "web.route"  // its route
	mountKey  = "web.mount"  // the pattern under which Mount serves it
)

// Refuses documents the faults with which an operation answers, besides those that all operations like it share: about
// the caller, the parameters, the body and the budgets.
func Refuses(op huma.Operation, faults ...*fault.Error) huma.Operation {
	declared, _ := op.Metadata[faultsKey].([]*fault.Error)
	return withMetadata(op, faultsKey, slices.Concat(declared, faults))
}

func withMetadata(op huma.Operation, key string, value any) huma.Operation {
	op.Metadata = maps.Clone(op.Metadata)
	if op.Metadata == nil {
		op.Metadata = map[string]any{}
	}
	op.Metadata[key] = value
	return op
}

// faultsOf returns the faults with which an operation answers.
func faultsOf(op *huma.Operation) []*fault.Error {
	faults, _ := op.Metadata[faultsKey].([]*fault.Error)
	r, routed := op.Metadata[routeKey].(route)
	if !routed {
		return faults
	}
	faults = append(slices.Clone(faults), fault.ErrInternal, fault.ErrUnavailable, errMalformed)
	faults = append(faults, r.callerFaults(op.Method)...)
	if !r.use.Stream { // the server bounds bodies also where nothing reads them
		faults = append(faults, errTooLarge)
	}
	switch _, mounted := op.Metadata[mountKey]; {
	case mounted && op.Method != http.MethodPut:
		faults = append(faults, errRange)
	case op.RequestBody == nil:
	case r.typed:
		faults = append(faults, errMediaType, errSlow, fault.ErrInvalid)
	case op.RequestBody.Content["multipart/form-data"] != nil:
		faults = append(faults, errTooLarge, errNotMultipart, errSlow)
	default:
		faults = append(faults, errSlow)
	}
	inQuery := func(p *huma.Param) bool { return p.In == "query" }
	if r.typed && slices.ContainsFunc(op.Parameters, inQuery) {
		faults = append(faults, fault.ErrInvalid)
	}
	if r.produces != "" {
		faults = append(faults, errNotAcceptable)
	}
	if op.Method != http.MethodGet && op.Method != http.MethodHead { // also of deletions, which a database notes
		faults = append(faults, disk.ErrFull)
	}
	if r.use.Once {
		faults = append(faults, errBadKey, idempotency.ErrInProgress, idempotency.ErrMismatch, limit.ErrTooMany)
	}
	if r.use.Timeout > 0 || r.prepared {
		faults = append(faults, limit.ErrBusy)
	}
	for _, b := range r.use.Budgets {
		faults = append(faults, refusalOf(b))
	}
	return faults
}

// callerFaults are about who calls a route.
func (r route) callerFaults(method string) (faults []*fault.Error) {
	if r.secured {
		faults = append(faults, errUnauthenticated)
	}
	byCookie := r.secured || r.page || r.use.Known
	if byCookie && method != http.MethodGet && method != http.MethodHead {
		faults = append(faults, errCrossOrigin)
	}
	return faults
}

// refusalOf returns the fault of a budget that is used up.
func refusalOf(b limit.Budget) *fault.Error {
	switch {
	case b.AtOnce == 0:
		return limit.ErrTooMany
	case b.By == limit.Process:
		return limit.ErrBusy
	}
	return limit.ErrTooManyAtOnce
}

// completeProblems describes an operation's problems: for each status the codes, with an example of each.
func (s *Server) completeProblems(doc *huma.OpenAPI, op *huma.Operation) {
	byStatus := map[int][]*fault.Error{}
	for _, f := range faultsOf(op) {
		status := StatusOf(f)
		known := func(other *fault.Error) bool { return other.Code == f.Code }
		if !slices.ContainsFunc(byStatus[status], known) {
			byStatus[status] = append(byStatus[status], f)
		}
	}
	for status, faults := range byStatus {
		slices.SortFunc(faults, func(a, b *fault.Error) int { return strings.Compare(a.Code, b.Code) })
		response := problemResponse(doc, status, faults)
		if !strings.HasPrefix(op.Path, "/api/") {
			response.Content["text/html"] = &huma.MediaType{Schema: &huma.Schema{
				Type: huma.TypeString, Description: "The same as a page, for browsers",
			}}
		}
		name := problemName(doc.Components.Responses, response, op, status, faults)
		doc.Components.Responses[name] = response
		op.Responses[strconv.Itoa(status)] = &huma.Response{Ref: "#/components/responses/" + name}
	}
}

// problemName names the response that operations with the same faults share, such as BadRequest_already_voted, or that
// of many codes by the first operation that has it, such as BadRequest_uploadVideo. Others with the same codes have a
// number after it, because their texts differ.
func problemName(
	known map[string]*huma.Response, r *huma.Response, op *huma.Operation, status int, faults []*fault.Error,
) string {
	for name, other := range known {
		if reflect.DeepEqual(other, r) {
			return name
		}
	}
	name := strings.NewReplacer(" ", "", "-", "").Replace(http.StatusText(status))
	if len(faults) > 2 {
		return name + "_" + op.OperationID
	}
	for _, f := range faults {
		name += "_" + f.Code
	}
	numbered := name
	for n := 2; known[numbered] != nil; n++ {
		numbered = name + "_" + strconv.Itoa(n)
	}
	return numbered
}

func problemResponse(doc *huma.OpenAPI, status int, faults []*fault.Error) *huma.Response {
	codes, names := make([]any, len(faults)), make([]string, len(faults))
	examples := make(map[string]*huma.Example, len(faults))
	for i, f := range faults {
		codes[i], names[i] = f.Code, "`"+f.Code+"`"
		examples[f.Code] = &huma.Example{Summary: f.Text.EN, Value: exampleProblem(f)}
	}
	problem := doc.Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	schema := &huma.Schema{AllOf: []*huma.Schema{problem, {
		Type: huma.TypeObject, Properties: map[string]*huma.Schema{"code": {Type: huma.TypeString, Enum: codes}},
	}}}
	headers := map[string]*huma.Param{}
	for _, name := range problemHeaders(status) {
		headers[name] = headerRef(name)
	}
	return &huma.Response{
		Description: http.StatusText(status) + ": " + strings.Join(names, ", "), Headers: headers,
		Content: map[string]*huma.MediaType{problemType: {Schema: schema, Examples: examples}},
	}
}

func problemHeaders(status int) []string {
	names := []string{"X-Request-Id", "Cache-Control"}
	switch status {
	case http.StatusUnauthorized:
		names = append(names, "WWW-Authenticate")
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		names = append(names, "Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset",
			"RateLimit-Policy")
	case http.StatusInsufficientStorage, http.StatusConflict:
		names = append(names, "Retry-After")
	}
	return names
}

// exampleProblem returns what a client gets that has said nothing about languages.
func exampleProblem(f *fault.Error) map[string]any {
	p := map[string]any{
		"type": typeOf("", f.Code), "title": http.StatusText(StatusOf(f)), "status": StatusOf(f), "code": f.Code,
		"detail": f.Text.ES, "request_id": exampleID,
	}
	if f.RetryAfter > 0 {
		p["detail"] = f.Text.ES + " " + again(f.RetryAfter).ES
	}
	if f.Code == fault.ErrInvalid.Code {
		p["errors"] = []any{map[string]any{
			"location": "body.title", "pointer": "#/title", "message": "falta el campo title",
		}}
	}
	return p
}
