package identity

import (
	"net/mail"
	"strings"
	"time"
)

const maxEmail = 254 // bytes: RFC 5321 §4.5.3.1.3

// User is an account.
type User struct {
	ID           string
	Email        string // as its owner writes it; unique, ignoring case
	PasswordHash string
	FirstName    string
	LastName     string
	City         string
	Country      string
	CreatedAt    time.Time
}

// PlayerName returns the name that others see.
func (u User) PlayerName() string { return u.FirstName + " " + u.LastName }

// Profile is the part of an account that others see.
type Profile struct {
	PlayerName string
	City       string
	Country    string
}

// validEmail reports whether email is a bare address whose domain has a dot, so that mail can be sent to it.
func validEmail(email string) bool {
	parsed, err := mail.ParseAddress(email)
	if err != nil || parsed.Address != email || len(email) > maxEmail {
		return false
	}
	_, domain, _ := strings.Cut(email, "@")
	return strings.Contains(domain, ".") && !strings.HasPrefix(domain, "[")
}

// fold returns the form of an e-mail by which accounts are compared.
func fold(email string) string { return strings.ToLower(strings.TrimSpace(email)) }
