// Package fault holds the errors that a caller is told about: a kind that decides the status, a code that never changes,
// a public sentence in Spanish and English, and a private cause that only the log sees. It knows no HTTP.
package fault

import "errors"

// Kind sorts faults by what the caller can do about them.
type Kind int

// The kinds. The zero value is an error nobody foresaw.
const (
	Internal         Kind = iota // our trouble
	Conflict                     // well formed, but a rule or the present state says no
	Malformed                    // cannot be read at all
	Invalid                      // read, but a value breaks its rule
	Unauthenticated              // no valid proof of who is calling
	Forbidden                    // known caller, somebody else's thing
	NotFound                     // no such thing
	TooLarge                     // more bytes than are taken
	UnsupportedMedia             // a content type that is not taken
	TooManyRequests              // slow down
	Unavailable                  // our trouble, known to be passing
)

// Text is one public sentence in the languages of the users.
type Text struct {
	ES, EN string
}

// Field says which part of the input is at fault, as a path such as body.title, and why.
type Field struct {
	Location string
	Message  Text
	Value    any // nil: not shown
}

// Error is a fault. Values are immutable: With and WithFields return copies, so package-level faults can be shared.
type Error struct {
	Kind   Kind
	Code   string
	Text   Text
	Fields []Field
	// RetryAfter is in seconds; 0 says nothing about when to come back.
	RetryAfter int

	cause error
}

// New declares a fault. Code is snake_case, stable, and unique within what a client can meet.
func New(kind Kind, code, es, en string) *Error {
	return &Error{Kind: kind, Code: code, Text: Text{ES: es, EN: en}}
}

// With returns a copy of the fault that carries its private cause.
func (e *Error) With(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// WithFields returns a copy of the fault that names the parts of the input at fault.
func (e *Error) WithFields(fields ...Field) *Error {
	c := *e
	c.Fields = append(append([]Field(nil), e.Fields...), fields...)
	return &c
}

// WithRetryAfter returns a copy of the fault that says when to try again, in seconds.
func (e *Error) WithRetryAfter(seconds int) *Error {
	c := *e
	c.RetryAfter = seconds
	return &c
}

// Error is for logs: the code and the private cause.
func (e *Error) Error() string {
	if e.cause != nil {
		return e.Code + ": " + e.cause.Error()
	}
	return e.Code
}

// Unwrap gives the private cause.
func (e *Error) Unwrap() error { return e.cause }

// Is makes copies of one fault equal to errors.Is.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && t.Kind == e.Kind
}

// From finds the fault in err, or wraps it as an internal one with a neutral text.
func From(err error) *Error {
	if f, ok := errors.AsType[*Error](err); ok {
		return f
	}
	return errInternal.With(err)
}

var errInternal = New(Internal, "internal",
	"Algo falló de nuestro lado. Vuelve a intentarlo en un momento.",
	"Something went wrong on our side. Please try again in a moment.")

// ErrInvalid is the fault for input that breaks a rule; name the fields with WithFields.
var ErrInvalid = New(Invalid, "invalid",
	"Hay datos que corregir; mira los campos señalados.",
	"Some values need correcting; see the fields named.")
