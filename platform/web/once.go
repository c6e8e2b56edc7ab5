package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"risingstars/platform/auth"
	"risingstars/platform/fault"
	"risingstars/platform/idempotency"
	"risingstars/platform/limit"
)

const (
	keyHeader = "Idempotency-Key"
	longestID = 255 // characters of a key
)

// accountKeys bounds what the keys of an account occupy: each is a row for a day.
var accountKeys = limit.Budget{
	Name: "idempotency_keys", By: limit.Account, Rate: limit.Rate{Count: 1000, Per: 24 * time.Hour, Burst: 1000},
}

var errBadKey = fault.New(fault.Malformed, "idempotency_key_invalid",
	"Envía una sola Idempotency-Key, de 1 a 255 caracteres ASCII visibles, por ejemplo un UUID.",
	"Send one Idempotency-Key of 1 to 255 visible ASCII characters, such as a UUID.")

// Once is a request that has an Idempotency-Key. A nil *Once is one that has none.
type Once struct {
	claim   *idempotency.Claim
	matched bool
}

type onceKey struct{}

// OnceOf returns the Once of the request that ctx belongs to. Only operations with Use.Once have any.
func OnceOf(ctx context.Context) *Once {
	o, _ := ctx.Value(onceKey{}).(*Once)
	return o
}

// Subject returns the id that what the operation creates must have, the same in every attempt; "" if any will do.
func (o *Once) Subject() string {
	if o == nil {
		return ""
	}
	return o.claim.Subject
}

// Resumed reports whether an earlier attempt may have had its effect: then its answer is what the client wants.
func (o *Once) Resumed() bool { return o != nil && o.claim.Resumed }

// Answered reports whether there is an answer already. A handler that streams then reads the request, calls Match, and
// returns without an answer of its own.
func (o *Once) Answered() bool { return o != nil && o.claim.Answer != "" }

// Match notes the fingerprint of a request that is streamed, before it has any effect. The error says that the key was
// used with another request. For other requests the server does it.
func (o *Once) Match(ctx context.Context, fingerprint string) error {
	if o == nil {
		return nil
	}
	err := o.claim.Match(ctx, fingerprint)
	o.matched = err == nil
	return err
}

// keptAnswer is an answer in the store of keys.
type keptAnswer struct {
	Status   int    `json:"status"`
	Type     string `json:"type"`
	Language string `json:"language"`
	Body     string `json:"body"`
}

// once runs next, or gives the answer that an earlier request with the same key got.
func (s *Server) once(next echo.HandlerFunc, use Use) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		values := r.Header[keyHeader]
		if len(values) == 0 || s.o.Keys == nil {
			return next(c)
		}
		key, err := idempotencyKey(values)
		if err != nil {
			return err
		}
		ctx := r.Context()
		account := auth.CallerID(ctx)
		if err := s.limits.Take(ctx, accountKeys, account); err != nil {
			return err
		}
		claim, err := s.o.Keys.Claim(ctx, account, r.Method+" "+c.Path(), key)
		if err != nil {
			return err
		}
		o := &Once{claim: claim}
		c.SetRequest(r.WithContext(context.WithValue(ctx, onceKey{}, o)))
		return s.attempt(c, o, use, next)
	}
}

// attempt runs next with its answer in memory, so that the answer is kept before the client gets it.
func (s *Server) attempt(c echo.Context, o *Once, use Use, next echo.HandlerFunc) (err error) {
	ctx := c.Request().Context()
	recorded := &recorder{header: http.Header{}}
	withoutEffect := false
	defer func() { // after a panic, too
		if freeErr := o.claim.Release(ctx, withoutEffect); freeErr != nil {
			s.o.Logger.WarnContext(ctx, "an idempotency key was not freed; it lapses in seconds", "error", freeErr)
		}
	}()
	if !use.Stream {
		if err := matchBody(c, o); err != nil {
			withoutEffect = true
			return err
		}
	}
	if use.Stream || !o.Answered() {
		err = s.recordTo(c, recorded, next)
	}
	switch {
	case err != nil:
		withoutEffect = isClients(NewProblem(ctx, err).Status)
		return err
	case o.Answered() && o.matched:
		return o.replay(c)
	case recorded.status >= http.StatusBadRequest || recorded.status == 0:
		withoutEffect = isClients(recorded.status)
		return recorded.replay(c.Response())
	}
	kept, _ := json.Marshal(keptAnswer{ // cannot fail
		Status: recorded.status, Type: recorded.header.Get("Content-Type"),
		Language: c.Response().Header().Get("Content-Language"), Body: recorded.body.String(),
	})
	if err := o.claim.Finish(ctx, string(kept)); err != nil {
		// The effect is there, so the client gets its answer. Whoever repeats the request resumes it.
		s.o.Logger.ErrorContext(ctx, "an answer was not kept for its idempotency key", "error", err)
	}
	return recorded.replay(c.Response())
}

// recordTo runs next with a response in memory.
func (s *Server) recordTo(c echo.Context, recorded *recorder, next echo.HandlerFunc) error {
	defer c.SetResponse(c.Response())
	c.SetResponse(echo.NewResponse(recorded, s.echo))
	return next(c)
}

// isClients reports whether a failure is the client's: then the operation has had no effect.
func isClients(status int) bool { return status >= 400 && status < 500 }

// matchBody matches a request by its path and its body.
func matchBody(c echo.Context, o *Once) error {
	r := c.Request()
	body, err := io.ReadAll(r.Body)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errSlow.With(err)
	case err != nil:
		return bodyFault(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	hash := sha256.New()
	fmt.Fprintf(hash, "%s\n", r.URL.Path)
	hash.Write(body)
	return o.Match(r.Context(), base64.RawURLEncoding.EncodeToString(hash.Sum(nil)))
}

// replay sends the answer that the key stands for.
func (o *Once) replay(c echo.Context) error {
	var kept keptAnswer
	if err := json.Unmarshal([]byte(o.claim.Answer), &kept); err != nil {
		return fmt.Errorf("read the answer of an idempotency key: %w", err)
	}
	h := c.Response().Header()
	h.Set("Idempotency-Replayed", "true")
	h.Set("Content-Language", kept.Language)
	return c.Blob(kept.Status, kept.Type, []byte(kept.Body))
}

// idempotencyKey returns the key of a request. It is a string of RFC 8941, in quotes; most programs leave those out.
func idempotencyKey(values []string) (string, error) {
	if len(values) != 1 {
		return "", errBadKey
	}
	key := strings.TrimSpace(values[0])
	if inner, quoted := strings.CutPrefix(key, `"`); quoted {
		var closed bool
		if key, closed = strings.CutSuffix(inner, `"`); !closed {
			return "", errBadKey
		}
		key = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(key)
	}
	if key == "" || len(key) > longestID {
		return "", errBadKey
	}
	for _, letter := range []byte(key) {
		if letter < ' ' || letter > '~' {
			return "", errBadKey
		}
	}
	return key, nil
}

// documentKey documents the header.
func documentKey(op *huma.Operation) {
	longest := longestID
	op.Parameters = append(op.Parameters, &huma.Param{
		Name: keyHeader, In: "header", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &longest},
		Description: "Of 1 to 255 characters, such as a UUID. For 24 hours the same key with the same request gets " +
			"the same answer, marked Idempotency-Replayed, and has no second effect. An error frees the key.",
	})
}
