package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/limit"
)

// guess is an attempt to sign in: by whom, to which account, from which device. Attempts are counted before the
// password is checked, so that a hundred at once are no more than the budget, and a success forgets them.
type guess struct {
	m       *Module
	account string // the e-mail, in the form by which accounts are compared
	client  string // the network address
	device  string // the id of a device that signed in to the account before; "" for any other
}

// knownDevice returns the id of a device that has signed in to the account with its present password, and since a time
// of the database's clock; "" for any other. Proofs that somebody collected before the password or the second factor
// was another would each have guesses of their own.
func (m *Module) knownDevice(proof string, u User, since int64) string {
	account, device, issued, err := m.devices.Verify(proof)
	if err != nil || account != u.ID || issued.UnixMicro() < max(since, database.Micros(u.PasswordAt)) {
		return ""
	}
	return device
}

// budgets returns what the guess is counted by: the device, if it is known, so that an attacker cannot keep the owner
// out; otherwise the account together with the client's network.
func (g guess) budgets() map[string][]limit.Budget {
	if g.device != "" {
		return map[string][]limit.Budget{g.device: {deviceGuesses}}
	}
	return map[string][]limit.Budget{g.account + "\n" + g.client: {guesses, moreGuesses, mostGuesses}}
}

// count counts the guess. It returns a fault if it is one too many for the network or the device. It reports slow if
// there were too many for this account from everywhere: an attacker with many networks is slowed down, and the owner
// still gets in.
func (g guess) count(ctx context.Context) (slow bool, err error) {
	if g.account == "" {
		return false, nil
	}
	for key, budgets := range g.budgets() {
		for _, b := range budgets {
			if err := g.m.limits.Take(ctx, b, key); err != nil {
				return false, err
			}
		}
	}
	if g.device != "" {
		return false, nil
	}
	err = g.m.limits.Take(ctx, accountGuesses, g.account)
	if errors.Is(err, limit.ErrTooMany) {
		return true, nil
	}
	return false, err
}

// slowDown makes a guess wait.
func (g guess) slowDown(ctx context.Context) error {
	hold, err := g.m.limits.Hold(ctx, slowGuesses, "")
	if err != nil {
		return err
	}
	defer hold.Release()
	select {
	case <-time.After(slowness):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("slow a guess down: %w", ctx.Err())
	}
}

// forget forgets the guesses that the right password has followed.
func (g guess) forget(ctx context.Context) error {
	for key, budgets := range g.budgets() {
		for _, b := range budgets {
			if err := g.m.limits.Reset(ctx, b, key); err != nil {
				return err
			}
		}
	}
	if g.device != "" {
		return nil
	}
	return g.m.limits.Reset(ctx, accountGuesses, g.account)
}
