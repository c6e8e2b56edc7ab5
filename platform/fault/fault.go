// Package fault defines the errors that are meant for callers. Each has a kind that decides the status, a code that
// never changes, a public sentence in Spanish and English, and a private cause that only the log shows. It knows
// nothing of HTTP.
package fault

import "errors"

// Kind sorts faults by what the caller can do about them.
type Kind int

// The kinds. The zero value is for unexpected errors.
const (
	Internal         Kind = iota // the service failed
	Conflict                     // the request is well formed, but a rule or the present state forbids it
	Concurrent                   // another request is doing the same at the moment
	Malformed                    // the request cannot be parsed
	Invalid                      // the request can be parsed, but a value breaks a rule
	Unauthenticated              // the caller gave no valid proof of identity
	Forbidden                    // the caller is known, but the thing belongs to somebody else
	NotFound                     // the thing does not exist
	Gone                         // the thing exists, but is no longer shown
	Stale                        // somebody else has changed the thing meanwhile
	TooLarge                     // the request has more bytes than are accepted
	UnsupportedMedia             // the content type is not accepted
	TooManyRequests              // the caller must slow down
	Unavailable                  // the service failed and is expected to recover
	Full                         // the service has no space left for what the caller wants to store
)

// Text is one public sentence in the languages of the users.
type Text struct {
	ES, EN string
}

// Field names a part of the input that breaks a rule, by a path such as body.title, and says why.
type Field struct {
	Location string
	Message  Text
}

// Error is a fault. Values are immutable: With, WithFields and WithRetryAfter return copies, so package-level faults
// can be shared. A fault's identity is its declaration: errors.Is finds a fault in its own copies and in no other
// fault, even one with the same code.
type Error struct {
	Kind   Kind
	Code   string
	Text   Text
	Fields []Field
	// RetryAfter is the number of seconds after which to try again; 0: unknown.
	RetryAfter int

	cause    error
	declared *Error // the fault that this one is a copy of; nil in the declaration itself
}

// New declares a fault. Code is snake_case and never changes. Several faults may have the same code, if they have the
// same kind: clients see the code, the service tells faults apart by their declaration.
func New(kind Kind, code, es, en string) *Error {
	return &Error{Kind: kind, Code: code, Text: Text{ES: es, EN: en}}
}

// With returns a copy of the fault that carries its private cause.
func (e *Error) With(cause error) *Error {
	c := e.copy()
	c.cause = cause
	return c
}

// WithFields returns a copy of the fault that names more parts of the input.
func (e *Error) WithFields(fields ...Field) *Error {
	c := e.copy()
	c.Fields = append(append([]Field(nil), e.Fields...), fields...)
	return c
}

// WithRetryAfter returns a copy of the fault that says when to try again, in seconds.
func (e *Error) WithRetryAfter(seconds int) *Error {
	c := e.copy()
	c.RetryAfter = seconds
	return c
}

func (e *Error) copy() *Error {
	c := *e
	c.declared = e.declaration()
	return &c
}

func (e *Error) declaration() *Error {
	if e.declared != nil {
		return e.declared
	}
	return e
}

// Error returns the code and the private cause. It is for logs, never for callers.
func (e *Error) Error() string {
	if e.cause != nil {
		return e.Code + ": " + e.cause.Error()
	}
	return e.Code
}

// Unwrap returns the private cause.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is the same fault: the same declaration, whatever causes and fields the copies carry.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.declaration() == e.declaration()
}

// From returns the fault in err. Any other error becomes the cause of an internal fault with a neutral text.
func From(err error) *Error {
	if f, ok := errors.AsType[*Error](err); ok {
		return f
	}
	return ErrInternal.With(err)
}

// ErrInternal is the fault for errors that nobody has foreseen.
var ErrInternal = New(Internal, "internal",
	"Algo falló de nuestro lado. Vuelve a intentarlo en un momento.",
	"Something went wrong on our side. Please try again in a moment.")

// ErrUnavailable is the fault while something that the service needs does not answer. It ends by itself, or an operator
// ends it.
var ErrUnavailable = New(Unavailable, "unavailable",
	"El servicio no responde. Vuelve a intentarlo en un momento.",
	"The service does not answer. Please try again in a moment.").WithRetryAfter(5)

// ErrInvalid is the fault for input that breaks a rule; name the fields with WithFields.
var ErrInvalid = New(Invalid, "invalid",
	"Hay datos que corregir; mira los campos señalados.",
	"Some values need correcting; see the named fields.")
