package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"risingstars/platform/fault"
	"risingstars/platform/lang"
	"risingstars/platform/limit"
	"risingstars/platform/text"
)

// maxText is the longest name, city or country.
const maxText = 100 // characters

// Registration is what a person fills in to create an account.
type Registration struct {
	Email, Password1, Password2, FirstName, LastName, City, Country string
	// Language of letters: es or en; "" is es.
	Language string
}

// SignUp creates an account, and sends the letter that proves its e-mail, unless the mailbox got enough of them: then
// its owner can ask for it by ResendConfirmation. client is the caller's network address.
func (m *Module) SignUp(ctx context.Context, client string, r Registration) (User, error) {
	if err := r.normalize(); err != nil {
		return User{}, err
	}
	hash, err := m.hash(ctx, client, r.Password1)
	if err != nil {
		return User{}, fmt.Errorf("sign up: %w", err)
	}
	user := User{
		ID: uuid.Must(uuid.NewV7()).String(), Email: r.Email, PasswordHash: hash,
		FirstName: r.FirstName, LastName: r.LastName, City: r.City, Country: r.Country,
		Language: cmp.Or(r.Language, "es"), CreatedAt: time.Now().UTC().Truncate(time.Microsecond),
	}
	var letter string
	err = m.store.db.InTx(ctx, func(ctx context.Context) error {
		letter = "" // of a run that was rolled back
		if err := m.store.insert(ctx, user); err != nil {
			return err
		}
		if err := m.limits.Take(ctx, signUpLetters, mailbox(user.Email)); errors.Is(err, limit.ErrTooMany) {
			return nil
		} else if err != nil {
			return err
		}
		letter, err = m.issueConfirm(ctx, user)
		return err
	})
	if err != nil {
		return User{}, err
	}
	m.forward(ctx, letter)
	m.log.InfoContext(ctx, "account created", "user_id", user.ID)
	return user, nil
}

// hash waits for a turn to hash the password.
func (m *Module) hash(ctx context.Context, client, password string) (string, error) {
	leave, err := m.passwords.Enter(ctx, client)
	if err != nil {
		return "", err
	}
	defer leave()
	return m.passwords.Hash(password)
}

// normalize cleans the texts, and returns a fault if the registration is not valid.
func (r *Registration) normalize() error {
	var fields []fault.Field
	reject := func(name, es, en string) {
		fields = append(fields, fault.Field{Location: "body." + name, Message: fault.Text{ES: es, EN: en}})
	}
	r.Email = text.Clean(r.Email)
	if !validEmail(r.Email) {
		reject("email", "no es un correo electrónico válido", "is not a valid e-mail address")
	}
	for _, name := range []struct {
		field string
		value *string
	}{{"first_name", &r.FirstName}, {"last_name", &r.LastName}, {"city", &r.City}, {"country", &r.Country}} {
		if why := cleanText(name.value); why != (fault.Text{}) {
			reject(name.field, why.ES, why.EN)
		}
	}
	r.Country = lang.Country(r.Country, "es")
	if why := r.passwordFault(); why != (fault.Text{}) {
		reject("password1", why.ES, why.EN)
	}
	if len(fields) > 0 {
		return fault.ErrInvalid.WithFields(fields...)
	}
	if r.Password1 != r.Password2 {
		return errPasswordsDiffer
	}
	return nil
}
