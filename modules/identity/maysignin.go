package identity

import "context"

// MaySignIn returns the fault with which an account is refused although it has proved who it is. It is asked at each
// sign-in, in a browser or not, and whenever a session is refreshed. Whoever makes it refuse an account calls
// [Module.EndAll] in the same transaction.
func (m *Module) MaySignIn(context.Context, string) error { return nil }
