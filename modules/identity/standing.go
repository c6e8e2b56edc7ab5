package identity

import "context"

// Standing returns the fault with which an account is refused although it has proved who it is; nil: it may sign in. It
// is asked at each sign-in, in a browser or not, and whenever a session is refreshed. Whoever takes an account's standing
// away calls [Module.EndSessions] in the same transaction.
func (m *Module) Standing(context.Context, string) error { return nil }
