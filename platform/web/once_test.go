package web_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/fault"
	"risingstars/platform/idempotency"
	"risingstars/platform/web"
)

type orderInput struct {
	Shop string `path:"shop"`
	Body struct {
		Item string `json:"item"`
	}
}

type orderOutput struct {
	Body struct {
		Number  int    `json:"number"`
		Subject string `json:"subject"`
		Resumed bool   `json:"resumed"`
	}
}

// shop is a server on which people order, and how often somebody did.
type shop struct {
	bundle

	mu     sync.Mutex
	orders int
	decide func(orders int) error // whether an order fails; nil: none does
}

func openShop(t *testing.T, db *database.DB) *shop {
	t.Helper()
	s := &shop{bundle: setup(t, func(o *web.Options) { o.Keys = idempotency.New(db) })}
	op := huma.Operation{
		Method: http.MethodPost, Path: "/api/shops/{shop}/orders", OperationID: "order", Security: web.Secured(),
	}
	web.Register(s.Server, op, web.Use{Once: true}, func(ctx context.Context, _ *orderInput) (*orderOutput, error) {
		s.mu.Lock()
		s.orders++
		orders, decide := s.orders, s.decide
		s.mu.Unlock()
		if decide != nil {
			if err := decide(orders); err != nil {
				return nil, err
			}
		}
		out := &orderOutput{}
		out.Body.Number, out.Body.Subject, out.Body.Resumed =
			orders, web.OnceOf(ctx).Subject(), web.OnceOf(ctx).Resumed()
		return out, nil
	})
	return s
}

func shopDB(t *testing.T) *database.DB {
	t.Helper()
	return databasetest.Open(t, idempotency.Migrations())
}

func (s *shop) order(key, item string) *httptest.ResponseRecorder { return s.orderAt("a", key, item) }

func (s *shop) orderAt(shop, key, item string) *httptest.ResponseRecorder {
	headers := []string{"Authorization", "Bearer good", "Content-Type", "application/json"}
	if key != "" {
		headers = append(headers, "Idempotency-Key", key)
	}
	return s.ask(http.MethodPost, "/api/shops/"+shop+"/orders", `{"item":"`+item+`"}`, headers...)
}

func wantOrder(t *testing.T, a *httptest.ResponseRecorder, number string, replayed bool) {
	t.Helper()
	if a.Code != http.StatusOK || !strings.Contains(a.Body.String(), `"number":`+number+",") ||
		(a.Header().Get("Idempotency-Replayed") == "true") != replayed {
		t.Errorf("%d %v %s, want order %s, replayed %t", a.Code, a.Header(), a.Body, number, replayed)
	}
}

func TestTheSameKeyGetsTheSameAnswerFromAnyProcess(t *testing.T) {
	t.Parallel()
	db := shopDB(t)
	here, there := openShop(t, db), openShop(t, db)
	first := here.order("k", "tea")
	wantOrder(t, first, "1", false)
	for _, s := range []*shop{here, there} {
		again := s.order("k", "tea")
		wantOrder(t, again, "1", true)
		if again.Body.String() != first.Body.String() || again.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%v %s, first it was %s", again.Header(), again.Body, first.Body)
		}
	}
	wantOrder(t, here.order(`"k"`, "tea"), "1", true) // as RFC 8941 writes it
	if there.orders != 0 {
		t.Errorf("the other process ran the operation %d times", there.orders)
	}
	wantOrder(t, here.order("another", "tea"), "2", false)
	wantOrder(t, here.order("", "tea"), "3", false)
}

func TestAKeyIsForOneRequest(t *testing.T) {
	t.Parallel()
	s := openShop(t, shopDB(t))
	wantOrder(t, s.order("k", "tea"), "1", false)
	for what, a := range map[string]*httptest.ResponseRecorder{
		"another body": s.order("k", "coffee"), "another address": s.orderAt("b", "k", "tea"),
	} {
		if p := problemOf(t, a); a.Code != http.StatusUnprocessableEntity || p.Code != "idempotency_mismatch" {
			t.Errorf("%s: %d %s", what, a.Code, p.Code)
		}
	}
	wantOrder(t, s.order("k", "tea"), "1", true)
}

func TestAKeyMustBeOneText(t *testing.T) {
	t.Parallel()
	s := openShop(t, shopDB(t))
	for name, key := range map[string]string{
		"blank": " ", "empty": `""`, "no end": `"k`, "too long": strings.Repeat("k", 256), "not ASCII": "clavé",
		"a tab": "a\tb",
	} {
		a := s.order(key, "tea")
		if p := problemOf(t, a); a.Code != http.StatusBadRequest || p.Code != "idempotency_key_invalid" {
			t.Errorf("%s: %d %s", name, a.Code, p.Code)
		}
	}
	request := httptest.NewRequest(http.MethodPost, "/api/shops/a/orders", strings.NewReader(`{"item":"tea"}`))
	request.Header = http.Header{
		"Authorization": {"Bearer good"}, "Content-Type": {"application/json"}, "Idempotency-Key": {"k", "l"},
	}
	two := httptest.NewRecorder()
	s.ServeHTTP(two, request)
	if two.Code != http.StatusBadRequest {
		t.Errorf("two keys: %d", two.Code)
	}
	wantOrder(t, s.order(strings.Repeat("k", 255), "tea"), "1", false)
}

func TestASecondRequestDuringTheFirstIsToldToWait(t *testing.T) {
	t.Parallel()
	s := openShop(t, shopDB(t))
	begun, end := make(chan struct{}), make(chan struct{})
	s.decide = func(int) error {
		close(begun)
		<-end
		return nil
	}
	var first sync.WaitGroup
	first.Go(func() { wantOrder(t, s.order("k", "tea"), "1", false) })
	<-begun
	a := s.order("k", "tea")
	if p := problemOf(t, a); a.Code != http.StatusConflict || p.Code != "idempotency_in_progress" ||
		a.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s %v", a.Code, p.Code, a.Header())
	}
	close(end)
	first.Wait()
	wantOrder(t, s.order("k", "tea"), "1", true)
}

func TestAFailureFreesTheKey(t *testing.T) {
	t.Parallel()
	s := openShop(t, shopDB(t))
	broke := fault.New(fault.Conflict, "broke", "Sin dinero.", "No money.")
	s.decide = func(orders int) error {
		switch orders {
		case 1:
			return broke
		case 3:
			return errors.New("the disk is on fire")
		case 4:
			panic("a mistake")
		}
		return nil
	}
	if a := s.order("k", "tea"); a.Code != http.StatusBadRequest {
		t.Fatalf("%d %s", a.Code, a.Body)
	}
	wantOrder(t, s.order("k", "cheaper tea"), "2", false) // nothing has happened, so it may be another request

	// After a failure of ours, and after a panic, nobody knows what has happened.
	for range 2 {
		if a := s.order("l", "tea"); a.Code != http.StatusInternalServerError {
			t.Fatalf("%d %s", a.Code, a.Body)
		}
	}
	a := s.order("l", "tea")
	if wantOrder(t, a, "5", false); !strings.Contains(a.Body.String(), `"resumed":true`) {
		t.Errorf("%s does not resume", a.Body)
	}
	wantOrder(t, s.order("l", "tea"), "5", true)
}

func TestAnAccountHasAThousandKeysADay(t *testing.T) {
	t.Parallel()
	s := openShop(t, shopDB(t))
	s.decide = func(int) error { return fault.New(fault.Conflict, "closed", "Cerrado.", "Closed.") }
	codes := map[int]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			for range 101 {
				a := s.order(rand.Text(), "tea")
				mu.Lock()
				codes[a.Code]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	// One comes back in a minute and a half.
	if codes[http.StatusBadRequest] < 1000 || codes[http.StatusTooManyRequests] < 5 ||
		codes[http.StatusBadRequest]+codes[http.StatusTooManyRequests] != 1010 {
		t.Errorf("the statuses are %v", codes)
	}
	if a := s.order("", "tea"); a.Code != http.StatusBadRequest {
		t.Errorf("without a key: %d", a.Code)
	}
}
