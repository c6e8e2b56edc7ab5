package e2e

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"risingstars/infra/contracttest"
)

const (
	apiInputs   = 1000 // for each operation in the one-host stage; TEST_INPUTS sets another number
	fewerInputs = 300  // in the others, which make the same answers
	leastInputs = 150
	fewShare    = 5  // the share of costly operations, and of those that answer the same to everybody, is a fifth
	fewShared   = 50 // for the latter in the other stages
	answerTime  = time.Second
)

// inputsEach returns how many inputs an operation gets that is neither costly nor the same for everybody.
func inputsEach() int {
	if n, err := strconv.Atoi(os.Getenv("TEST_INPUTS")); err == nil {
		return n
	}
	if stage() == onehost {
		return apiInputs
	}
	return fewerInputs
}

// costly are operations that hash passwords or keep files.
var costly = []string{
	"login", "signup", "changePassword", "changeEmail", "setUpSecondFactor", "disableSecondFactor", "uploadVideo",
	"uploadMock", "beginUpload", "deleteAccount",
}

// unmet are operations that nothing in the world of the inputs is ready for, or no longer when their turn comes.
var unmet = []string{
	"retryVideo", "putPart", "confirmEmail", "resetPassword", "confirmSecondFactor", "disableSecondFactor",
	"abortUpload", "hideVideo", "deleteAccount", "undeleteAccount", "replayDelivery",
}

// generated tells what the app answered to an operation's inputs.
type generated struct {
	inputs   int
	statuses map[int]int
	slowest  time.Duration
	wrong    map[string]wrongAnswer // by what is wrong
}

// wrongAnswer is an answer that is not as it should be, to the shortest of the requests that get it.
type wrongAnswer struct {
	request wireRequest
	answer  contracttest.Answer
	times   int
}

// Whatever is sent to an operation, the answer is one that the document describes, none of ours to mend, and soon.
// Inputs are the same in each run, unless -rapid.seed names others.
func TestWhateverIsSentIsAnsweredAsTheDocumentSays(t *testing.T) {
	t.Parallel()
	s := startSite(t, "RATE_LIMITS=false", "LOAD_TEST_ENDPOINTS=true")
	world := s.generatedWorld(t)
	if err := flag.Set("rapid.nofailfile", "true"); err != nil {
		t.Fatal(err)
	}
	if seed := flag.Lookup("rapid.seed"); seed.Value.String() == "0" {
		if err := seed.Value.Set("15"); err != nil {
			t.Fatal(err)
		}
	}
	client := &wireClient{address: s.host(t)}
	defer client.close()
	document := contracttest.Document(t)
	counts := map[string]*generated{}
	// Those that delete come last.
	methods := []string{
		http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodPost, http.MethodDelete,
	}
	for pattern, item := range document.Paths.Map() {
		for method := range item.Operations() {
			if !slices.Contains(methods, method) {
				t.Errorf("%s %s is not asked", method, pattern)
			}
		}
	}
	for _, method := range methods {
		for _, pattern := range slices.Sorted(maps.Keys(document.Paths.Map())) {
			in, ok := world.of(document, method, pattern)
			if !ok {
				continue
			}
			seen := &generated{statuses: map[int]int{}, wrong: map[string]wrongAnswer{}}
			counts[in.operation.OperationID] = seen
			if err := flag.Set("rapid.checks", strconv.Itoa(in.count())); err != nil {
				t.Fatal(err)
			}
			s.signInAgain(t, world, in.operation.OperationID)
			t.Run(in.operation.OperationID, func(t *testing.T) {
				rapid.Check(t, func(rt *rapid.T) { seen.check(t, client, document, in.draw(rt)) })
				for what, w := range seen.wrong {
					t.Errorf("%s: %d times, such as\n%v\n%d %v\n%.2000s",
						what, w.times, w.request, w.answer.Status, w.answer.Header, w.answer.Body)
				}
			})
		}
	}
	t.Log(summary(t, counts))
}

// summary is a table of what was answered how often. Each operation with many inputs must have been asked for something
// that it does.
func summary(t *testing.T, counts map[string]*generated) string {
	t.Helper()
	var table strings.Builder
	total := 0
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		seen := counts[name]
		total += seen.inputs
		done := false
		fmt.Fprintf(&table, "\n%-28s %6d  slowest %6s ", name, seen.inputs, seen.slowest.Round(time.Millisecond))
		for _, status := range slices.Sorted(maps.Keys(seen.statuses)) {
			fmt.Fprintf(&table, " %d:%d", status, seen.statuses[status])
			done = done || status < http.StatusBadRequest
		}
		if !done && seen.inputs >= apiInputs && !slices.Contains(unmet, name) { // few may all be wrong
			t.Errorf("no input of %s is right: %v", name, seen.statuses)
		}
	}
	return fmt.Sprintf("%d requests%s", total, table.String())
}

// check sends a request, and notes what is wrong with the answer.
func (g *generated) check(t *testing.T, client *wireClient, document *openapi3.T, r wireRequest) {
	t.Helper()
	a, took := client.ask(t, r)
	if took > answerTime {
		took = client.again(t, r, took)
	}
	g.inputs++
	if r.Method != http.MethodOptions { // which is done by all
		g.statuses[a.Status]++
	}
	g.slowest = max(g.slowest, took)
	request := r.parsed(t)
	isProblem := a.Header.Get("Content-Type") == "application/problem+json"
	var what string
	switch breach := contracttest.Breach(document, request, a); {
	case a.Status >= http.StatusInternalServerError:
		what = "a fault of ours"
	case took > answerTime:
		what = "no answer in time, again and again"
	case a.Header.Get("X-Request-Id") == "":
		what = "no request id"
	case breach != nil:
		what = "not as in the document: " + breach.Error()
	case a.Status >= http.StatusBadRequest && strings.HasPrefix(request.URL.Path, "/api/") && !isProblem:
		what = "no problem document"
	default:
		return
	}
	what = fmt.Sprintf("%d: %.200s", a.Status, what)
	w, known := g.wrong[what]
	if !known || len(r.bytes()) < len(w.request.bytes()) {
		w.request, w.answer = r, a
	}
	w.times++
	g.wrong[what] = w
}

// again asks a slow request again, alone, on a connection of its own, and returns how long the answer would have taken
// on a machine that has nothing else to do: the shortest of several times, each divided by how much longer than its own
// work the machine needs for a computation just before and just after. Anything may be slow once.
func (c *wireClient) again(t *testing.T, r wireRequest, took time.Duration) time.Duration {
	t.Helper()
	alone := &wireClient{address: c.address}
	defer alone.close()
	for times := 0; times < 5 && took > answerTime; times++ {
		before := slowness(t)
		_, once := alone.ask(t, r)
		took = min(took, time.Duration(float64(once)/max(before, slowness(t))))
	}
	return took
}

// slowness returns how many times longer than its own work a computation takes; 1 on an idle machine.
func slowness(t *testing.T) float64 {
	t.Helper()
	const work = 50 * time.Millisecond
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begin, used := time.Now(), threadTime(t)
	for threadTime(t)-used < work {
		sha256.Sum256(make([]byte, 64<<10))
	}
	return max(1, float64(time.Since(begin))/float64(work))
}

// threadTime returns the processor's time that this thread has used.
func threadTime(t *testing.T) time.Duration {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now); err != nil {
		t.Fatal(err)
	}
	return time.Duration(now.Nano())
}

// generatedWorld fills the site, and returns inputs that know what is there.
func (s *site) generatedWorld(t *testing.T) inputs {
	t.Helper()
	ana, ben, eva := s.newPerson(t, ""), s.newPerson(t, "Lima"), s.newPerson(t, "Quito")
	if out, errs, code := s.runApp(t, "role", "grant", ana.Email, "admin", "--reason", "For all inputs."); code != 0 {
		t.Fatalf("app role grant: %d\n%s%s", code, out, errs)
	}
	in := inputs{
		people: []string{ana.Email, ben.Email},
		tokens: []string{ana.Token, ben.Token},
		files:  []string{readFile(t, tinyClip(t)), "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"},
		known: map[string][]string{
			"email":    {"new@example.com", ana.Email, ben.Email, "NEW@Example.com ", "no e-mail"},
			"username": {ana.Email}, "password": {password, "wrong"},
			"password1": {password}, "password2": {password, password, "other"},
			"code":         {"invalid", "too_short", "nothing"},
			"content_type": {"video/mp4", "text/plain"}, "filename": {"clip.mp4"},
			"url":   {"https://hooks.invalid/x", "https://127.0.0.1/"},
			"table": {"entries", "votes", "ranking", "people"},
		},
	}
	published := ana.upload(t, tinyClip(t), "Tango")
	doomed := []string{ana.uploadMock(t, tinyClip(t), "Uno"), ben.uploadMock(t, tinyClip(t), "Dos")}
	ana.waitForFinal(t, published)
	var upload directUpload
	ana.post(t, "/api/videos/uploads", ana.Token, map[string]any{
		"title": "Directa", "content_type": "video/mp4", "size": len(in.files[0]),
	}).want(t, http.StatusCreated, "").decode(t, &upload)
	in.published = published
	in.known["id"] = append(doomed, published, upload.UploadID, unknownID, eva.ID)
	var report struct {
		ID string `json:"report_id"`
	}
	s.post(t, "/api/public/videos/"+published+"/report", ben.Token, map[string]string{
		"reason": "other", "words": "Esto.",
	}).want(t, http.StatusCreated, "").decode(t, &report)
	in.known["id"] = append(in.known["id"], report.ID)
	var hook struct {
		Webhook struct {
			ID string `json:"webhook_id"`
		}
	}
	s.post(t, "/api/admin/webhooks", ana.Token, map[string]any{
		"url": "https://hooks.invalid/x", "events": []string{"video.failed"}, "reason": "For all inputs.",
	}).want(t, http.StatusCreated, "").decode(t, &hook)
	in.known["id"] = append(in.known["id"], hook.Webhook.ID, hook.Webhook.ID)
	v := ana.video(t, published)
	for _, link := range []string{v.ProcessedURL, v.PosterURL, v.OriginalURL, upload.Parts[0].URL} {
		in.learn(t, link)
	}
	return in
}

// signInAgain gives those new tokens whose sessions an earlier operation has ended, and has a session known to an
// operation that needs one.
func (s *site) signInAgain(t *testing.T, in inputs, operation string) {
	t.Helper()
	if operation == "deleteAccount" { // it would leave nobody for the operations after it
		in.known["password"] = []string{"wrong"}
	}
	needed := operation == "refresh" || operation == "endSession"
	for n, email := range in.people {
		if !needed && s.get(t, "/api/auth/me", in.tokens[n]).Status == http.StatusOK {
			continue
		}
		var session struct {
			Access  string `json:"access_token"`
			Refresh string `json:"refresh_token"`
			ID      string `json:"session_id"`
		}
		s.login(t, email, password).want(t, http.StatusOK, "").decode(t, &session)
		in.tokens[n] = session.Access
		if needed {
			s.login(t, email, password).want(t, http.StatusOK, "").decode(t, &session)
			in.known["refresh_token"] = []string{session.Refresh}
			in.known["id"] = append(in.known["id"], session.ID, session.ID, session.ID)
		}
	}
}

// learn makes the parts of a link to a file known.
func (in inputs) learn(t *testing.T, link string) {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	folder, name := path.Split(u.Path)
	in.known["folder"] = append(in.known["folder"], path.Base(folder))
	in.known["name"] = append(in.known["name"], name)
	for parameter, values := range u.Query() {
		in.known[parameter] = append(in.known[parameter], values...)
	}
}
