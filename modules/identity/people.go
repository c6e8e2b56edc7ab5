package identity

import "context"

// Person is an account as those see it who look after the site.
type Person struct {
	User       User
	Roles      []Role
	Suspension *Suspension // nil: it is not suspended
}

// PeopleFilter narrows the list of accounts down; blank fields match everything.
type PeopleFilter struct {
	Search    string // part of the e-mail or the name, or an id
	Role      Role
	Suspended bool // only those that are
}

// People returns a page of the accounts, the latest first, and how many match. The caller must have the right.
func (m *Module) People(
	ctx context.Context, callerID string, f PeopleFilter, offset, limit int,
) ([]Person, int, error) {
	if err := m.Allow(ctx, callerID, ReadUsers); err != nil {
		return nil, 0, err
	}
	users, total, err := m.store.people(ctx, f, offset, limit)
	if err != nil {
		return nil, 0, err
	}
	people, err := m.complete(ctx, users)
	return people, total, err
}

// PersonOf returns one account. The caller must have the right.
func (m *Module) PersonOf(ctx context.Context, callerID, userID string) (Person, error) {
	if err := m.Allow(ctx, callerID, ReadUsers); err != nil {
		return Person{}, err
	}
	user, err := m.store.userByID(ctx, userID)
	if err != nil {
		return Person{}, err
	}
	people, err := m.complete(ctx, []User{user})
	if err != nil {
		return Person{}, err
	}
	return people[0], nil
}

// complete adds roles and suspensions.
func (m *Module) complete(ctx context.Context, users []User) ([]Person, error) {
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	roles, err := m.store.rolesOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	suspended, err := m.store.suspensionsOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	people := make([]Person, len(users))
	for i, u := range users {
		people[i] = Person{User: u, Roles: roles[u.ID]}
		if s, ok := suspended[u.ID]; ok {
			people[i].Suspension = &s
		}
	}
	return people, nil
}

// PlayerNames returns the player names of those among the accounts that exist and were not deleted, by id.
func (m *Module) PlayerNames(ctx context.Context, ids []string) (map[string]string, error) {
	return m.store.names(ctx, ids)
}
