package identity

import "time"

// User is an account.
type User struct {
	ID           string
	Email        string // as its owner writes it; unique by its canonical form
	PasswordHash string
	FirstName    string
	LastName     string
	City         string
	Country      string
	Language     string // of letters: es or en; "" is es
	CreatedAt    time.Time
	PasswordAt   time.Time // when the password was last changed, by the database's clock; 1970 or zero: never

	EmailVerified bool
	left          bool      // it is deleted, but not yet erased
	returnedAt    time.Time // when it last came back from that; 1970: never
}

// PlayerName returns the name that others see.
func (u User) PlayerName() string { return u.FirstName + " " + u.LastName }

func (u User) profile() Profile {
	return Profile{PlayerName: u.PlayerName(), City: u.City, Country: u.Country}
}

// Profile is the part of an account that others see.
type Profile struct {
	PlayerName string
	City       string
	Country    string
}
