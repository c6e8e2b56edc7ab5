package identity

import (
	"context"
	"encoding/json"
	"time"
)

// ticketLife is how long somebody may look for their authenticator after the password.
const ticketLife = 5 * time.Minute

// ticketOwner keeps tickets apart from second factors.
const ticketOwner = "ticket"

// ticket says that the password of an account was right, so that a page can ask for a code without keeping it. It is
// void once the password is another.
type ticket struct {
	UserID  string    `json:"u"`
	Proof   string    `json:"p"` // the hash of the password's hash
	Expires time.Time `json:"e"`
}

func (m *Module) issueTicket(user User) (string, error) {
	text, err := json.Marshal(ticket{user.ID, tokenHash(user.PasswordHash), time.Now().Add(ticketLife)})
	return m.vault.Close(string(text), ticketOwner), err
}

// redeemTicket returns the account of a ticket, or errTicketOver.
func (m *Module) redeemTicket(ctx context.Context, closed string) (User, error) {
	var t ticket
	text, err := m.vault.Open(closed, ticketOwner)
	if err == nil {
		err = json.Unmarshal([]byte(text), &t)
	}
	if err != nil || time.Now().After(t.Expires) {
		return User{}, errTicketOver
	}
	user, err := m.store.byID(ctx, t.UserID)
	if err == nil && tokenHash(user.PasswordHash) != t.Proof {
		err = errTicketOver
	}
	return user, err
}
