package identity

import (
	"context"
	"unicode/utf8"

	"risingstars/platform/fault"
	"risingstars/platform/lang"
	"risingstars/platform/text"
)

// Audience shows profiles to others.
type Audience interface {
	// Changed shows a profile as it is now, in the transaction of ctx. It is safe for concurrent use.
	Changed(ctx context.Context, userID string, p Profile) error
}

// ProfileChange says what of a profile changes; nil stays as it is.
type ProfileChange struct {
	FirstName, LastName, City, Country, Language *string
}

// ChangeProfile changes what the owner says of themselves. Whoever shows it shows the new one from then on.
func (m *Module) ChangeProfile(ctx context.Context, userID string, c ProfileChange) (User, error) {
	if err := c.normalize(); err != nil {
		return User{}, err
	}
	var u User
	err := m.store.db.InTx(ctx, func(ctx context.Context) (err error) {
		if err = m.store.setProfile(ctx, userID, c); err != nil {
			return err
		}
		if u, err = m.store.byID(ctx, userID); err != nil || m.audience == nil {
			return err
		}
		return m.audience.Changed(ctx, userID, u.profile())
	})
	return u, err
}

// normalize cleans the texts, and returns a fault if one is not accepted.
func (c *ProfileChange) normalize() error {
	var fields []fault.Field
	reject := func(name string, why fault.Text) {
		if why != (fault.Text{}) {
			fields = append(fields, fault.Field{Location: "body." + name, Message: why})
		}
	}
	for _, part := range []struct {
		field string
		value *string
	}{{"first_name", c.FirstName}, {"last_name", c.LastName}, {"city", c.City}, {"country", c.Country}} {
		if part.value != nil {
			reject(part.field, cleanText(part.value))
		}
	}
	if c.Country != nil {
		*c.Country = lang.Country(*c.Country, "es")
	}
	if c.Language != nil && *c.Language != "es" && *c.Language != "en" {
		reject("language", fault.Text{ES: "debe ser es o en", EN: "must be es or en"})
	}
	if len(fields) > 0 {
		return fault.ErrInvalid.WithFields(fields...)
	}
	return nil
}

// cleanText cleans a name or a place, and says why it is refused; the zero value: it is accepted.
func cleanText(value *string) fault.Text {
	*value = text.Clean(*value)
	switch {
	case *value == "":
		return fault.Text{ES: "no puede estar vacío", EN: "must not be empty"}
	case utf8.RuneCountInString(*value) > maxText:
		return fault.Text{ES: "debe tener como máximo 100 caracteres", EN: "must have at most 100 characters"}
	case !text.HasLetter(*value):
		return fault.Text{ES: "debe tener al menos una letra", EN: "must have at least one letter"}
	}
	return fault.Text{}
}
