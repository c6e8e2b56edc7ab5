package identity

import "context"

// Account returns the account of a caller whose token is valid. The error is errNoAccount if the account no longer
// exists.
func (m *Module) Account(ctx context.Context, id string) (User, error) {
	return m.store.byID(ctx, id)
}

// AccountByEmail returns the account with the e-mail, in any spelling, or errNoAccount.
func (m *Module) AccountByEmail(ctx context.Context, email string) (User, error) {
	return m.store.byEmail(ctx, email)
}

// ProfileOf returns the profile of the account with the id. In a transaction, it stays so until that ends: whoever
// copies it does not copy what its owner changes meanwhile.
func (m *Module) ProfileOf(ctx context.Context, id string) (Profile, error) {
	if err := m.store.hold(ctx, id); err != nil {
		return Profile{}, err
	}
	user, err := m.store.anyByID(ctx, id) // a deleted account may come back, with what it publishes meanwhile
	if err != nil {
		return Profile{}, err
	}
	return user.profile(), nil
}

// Present returns a fault if the account is deleted. In a transaction, nobody deletes it before that ends.
func (m *Module) Present(ctx context.Context, id string) error {
	if err := m.store.hold(ctx, id); err != nil {
		return err
	}
	_, err := m.store.byID(ctx, id)
	return err
}
