package contracttest_test

import (
	"net/http"
	"strings"
	"testing"

	"risingstars/infra/contracttest"
)

// The check itself finds what does not fit.
func TestTheContractIsChecked(t *testing.T) {
	t.Parallel()
	document := contracttest.Document(t)
	const vote = `{"id":"1","vote_count":1,"message":"Hecho.","video_id":"1","total_votes":1}`
	const missing = `{"type":"/errors/not_found","title":"Not Found","status":404,"detail":"No.","code":"not_found"}`
	for name, c := range map[string]struct {
		status     int
		header     string // the content type; "" leaves out the request id, too
		body, want string // part of the error; "": none
	}{
		"right":              {200, "application/json", vote, ""},
		"another status":     {202, "application/json", vote, "no such status"},
		"no request id":      {200, "", vote, "X-Request-Id"},
		"another type":       {200, "text/html", vote, "Content-Type"},
		"a field is missing": {200, "application/json", strings.Replace(vote, `"id":"1",`, "", 1), "'id'"},
		"a field is text":    {200, "application/json", strings.Replace(vote, `:1}`, `:"1"}`, 1), "total_votes"},
		"a field too many":   {200, "application/json", strings.Replace(vote, `{`, `{"more":1,`, 1), "more"},
		"a problem":          {404, "application/problem+json", missing, ""},
		"an unknown code": {
			404, "application/problem+json", strings.Replace(missing, `"code":"not_found"`, `"code":"gone"`, 1), "code",
		},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
			"http://localhost/api/public/videos/1/vote", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		header := http.Header{"Content-Type": {c.header}, "X-Request-Id": {"1"}}
		if c.header == "" {
			header = http.Header{"Content-Type": {"application/json"}}
		}
		answer := contracttest.Answer{Status: c.status, Header: header, Body: []byte(c.body)}
		breach := contracttest.Breach(document, request, answer)
		if (breach == nil) != (c.want == "") || breach != nil && !strings.Contains(breach.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, breach, c.want)
		}
	}
}
