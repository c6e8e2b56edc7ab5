package identity

import (
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"risingstars/platform/fault"
)

// Limits of an account's fields: characters, but for the password, whose upper limit in bytes keeps hashing cheap.
const (
	maxEmail         = 254 // RFC 5321 §4.5.3.1.3
	maxName          = 100
	minPassword      = 8
	maxPasswordBytes = 128
)

var (
	errEmailTaken = fault.New(fault.Conflict, "email_taken",
		"Ya existe una cuenta con este correo. Inicia sesión o usa otro.",
		"There is already an account with this e-mail. Sign in or use another one.")
	errPasswordsDiffer = fault.New(fault.Conflict, "passwords_differ",
		"Las dos contraseñas no son iguales.",
		"The two passwords are not the same.")
	errBadCredentials = fault.New(fault.Unauthenticated, "bad_credentials",
		"El correo o la contraseña no son correctos.",
		"The e-mail or the password is not right.")
	errNoAccount = fault.New(fault.Unauthenticated, "unauthenticated",
		"Esta cuenta ya no existe. Inicia sesión con otra.",
		"This account no longer exists. Sign in with another one.")
)

// User is an account.
type User struct {
	ID           string
	Email        string // as its owner writes it; unique without regard to case
	PasswordHash string
	FirstName    string
	LastName     string
	City         string
	Country      string
	CreatedAt    time.Time
}

// Profile is what others see of a person.
type Profile struct {
	UserID  string
	Name    string
	City    string
	Country string
}

// Profile is the public part of the account.
func (u User) Profile() Profile {
	return Profile{UserID: u.ID, Name: u.FirstName + " " + u.LastName, City: u.City, Country: u.Country}
}

// Signup is the wish for an account.
type Signup struct {
	Email, Password1, Password2, FirstName, LastName, City, Country string
}

// normalize trims what people type around their words and returns the fault of the input, if there is one.
func (s *Signup) normalize() error {
	var fields []fault.Field
	say := func(name, es, en string) {
		fields = append(fields, fault.Field{Location: "body." + name, Message: fault.Text{ES: es, EN: en}})
	}
	s.Email = strings.TrimSpace(s.Email)
	if !validEmail(s.Email) {
		say("email", "no es un correo electrónico válido", "is not a valid e-mail address")
	}
	for _, text := range []struct {
		name  string
		value *string
	}{{"first_name", &s.FirstName}, {"last_name", &s.LastName}, {"city", &s.City}, {"country", &s.Country}} {
		*text.value = strings.Join(strings.Fields(*text.value), " ")
		switch {
		case *text.value == "":
			say(text.name, "no puede estar vacío", "must not be empty")
		case utf8.RuneCountInString(*text.value) > maxName:
			say(text.name, "debe tener como máximo 100 caracteres", "must have at most 100 characters")
		case strings.ContainsFunc(*text.value, unicode.IsControl):
			say(text.name, "tiene caracteres que no se pueden mostrar", "has characters that cannot be shown")
		}
	}
	if utf8.RuneCountInString(s.Password1) < minPassword {
		say("password1", "debe tener al menos 8 caracteres", "must have at least 8 characters")
	}
	if len(s.Password1) > maxPasswordBytes {
		say("password1", "es demasiado larga: 128 bytes como máximo", "is too long: 128 bytes at most")
	}
	if len(fields) > 0 {
		return fault.ErrInvalid.WithFields(fields...)
	}
	if s.Password1 != s.Password2 {
		return errPasswordsDiffer
	}
	return nil
}

// validEmail takes a bare address with a domain that has a dot: the ones that a letter can reach.
func validEmail(email string) bool {
	parsed, err := mail.ParseAddress(email)
	if err != nil || parsed.Address != email || len(email) > maxEmail {
		return false
	}
	_, domain, _ := strings.Cut(email, "@")
	return strings.Contains(domain, ".") && !strings.HasPrefix(domain, "[")
}

// fold is the e-mail as accounts are told apart.
func fold(email string) string { return strings.ToLower(strings.TrimSpace(email)) }
