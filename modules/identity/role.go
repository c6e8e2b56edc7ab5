package identity

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"risingstars/platform/fault"
)

// Role is what an account may do for the whole site beyond what everybody may.
type Role string

// The roles.
const (
	Admin     Role = "admin"
	Organiser Role = "organiser"
	Moderator Role = "moderator"
	Juror     Role = "juror" // opens nothing yet
	Auditor   Role = "auditor"
)

// Roles returns all roles.
func Roles() []Role { return []Role{Admin, Organiser, Moderator, Juror, Auditor} }

// Right is what a role may do.
type Right string

// The rights.
const (
	ReadUsers    Right = "users.read"
	GrantRoles   Right = "roles.grant"
	BarUsers     Right = "users.suspend" // suspend accounts, let them back in, end their sessions
	ReadLog      Right = "log.read"
	ReadReports  Right = "reports.read"
	Moderate     Right = "videos.moderate" // hide videos, show them again, decide on reports
	ReadJobs     Right = "jobs.read"
	RedriveTasks Right = "jobs.redrive"

	ReadWebhooks   Right = "webhooks.read"
	ManageWebhooks Right = "webhooks.manage"
	ExportResults  Right = "results.export"
)

// Holders returns the roles that have each right.
func Holders() map[Right][]Role {
	return map[Right][]Role{
		ReadUsers:    {Admin, Organiser, Auditor},
		GrantRoles:   {Admin},
		BarUsers:     {Admin, Organiser},
		ReadLog:      {Admin, Organiser, Auditor},
		ReadReports:  {Admin, Organiser, Moderator, Auditor},
		Moderate:     {Admin, Organiser, Moderator},
		ReadJobs:     {Admin, Organiser, Auditor},
		RedriveTasks: {Admin, Organiser},

		ReadWebhooks:   {Admin, Auditor},
		ManageWebhooks: {Admin},
		ExportResults:  {Admin, Organiser, Auditor},
	}
}

// Allow returns nil if one of the account's roles has the right at this moment, and errForbiddenRole otherwise. A
// suspended account has no rights; the error then is errSuspended.
func (m *Module) Allow(ctx context.Context, userID string, right Right) error {
	roles, err := m.RolesOf(ctx, userID)
	if err != nil {
		return err
	}
	holders := Holders()[right]
	if !slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(holders, r) }) {
		return errForbiddenRole
	}
	if err := m.store.barred(ctx, userID); err != nil {
		return err
	}
	return m.RequireFactor(ctx, userID)
}

// RightsOf returns the rights that the account has at this moment.
func (m *Module) RightsOf(ctx context.Context, userID string) (map[Right]bool, error) {
	roles, err := m.RolesOf(ctx, userID)
	if err != nil || len(roles) == 0 {
		return nil, err
	}
	rights := map[Right]bool{}
	for right, holders := range Holders() {
		for _, role := range roles {
			if slices.Contains(holders, role) {
				rights[right] = true
			}
		}
	}
	return rights, nil
}

// RolesOf returns the roles of an account, in the order of Roles.
func (m *Module) RolesOf(ctx context.Context, userID string) ([]Role, error) {
	if userID == "" {
		return nil, nil
	}
	roles, err := m.store.rolesOf(ctx, []string{userID})
	return roles[userID], err
}

// Granted is an account with its roles.
type Granted struct {
	User  User
	Roles []Role
}

// ListGranted returns all accounts that have roles, by e-mail.
func (m *Module) ListGranted(ctx context.Context) ([]Granted, error) {
	return m.store.granted(ctx)
}

// Grant gives an account a role, for a reason. It reports false, and changes nothing, if the account has it.
func (m *Module) Grant(ctx context.Context, by Actor, email string, role Role) (bool, error) {
	return m.changeRole(ctx, by, email, func(roles []Role) []Role { return append(roles, role) })
}

// Revoke takes a role from an account, for a reason. It reports false, and changes nothing, if the account does not
// have it.
func (m *Module) Revoke(ctx context.Context, by Actor, email string, role Role) (bool, error) {
	return m.changeRole(ctx, by, email, func(roles []Role) []Role {
		return slices.DeleteFunc(roles, func(r Role) bool { return r == role })
	})
}

func (m *Module) changeRole(
	ctx context.Context, by Actor, email string, change func([]Role) []Role,
) (changed bool, err error) {
	if err := by.explained(); err != nil {
		return false, err
	}
	user, err := m.store.byEmail(ctx, email)
	if err != nil {
		return false, err
	}
	err = m.store.db.InTx(ctx, func(ctx context.Context) error {
		before, err := m.lockRoles(ctx, user.ID)
		if err != nil {
			return err
		}
		changed, err = m.replaceRoles(ctx, by, user.ID, before, change(slices.Clone(before)))
		return err
	})
	return changed, err
}

// SetRoles gives an account these roles and no others. seen are those that the actor has seen it have: if they are
// others by now, nothing changes, and the error is errRolesChanged, which says which. With nil they may be any.
func (m *Module) SetRoles(ctx context.Context, by Actor, userID string, roles, seen []Role) error {
	if err := by.explained(); err != nil {
		return err
	}
	return m.store.db.InTx(ctx, func(ctx context.Context) error {
		before, err := m.lockRoles(ctx, userID) // after which the actor's own roles stay, too
		if err != nil {
			return err
		}
		if err := m.Allow(ctx, by.ID, GrantRoles); err != nil {
			return err
		}
		if _, err := m.store.userByID(ctx, userID); err != nil {
			return err
		}
		if seen != nil && joinRoles(inOrder(seen)) != joinRoles(before) {
			now := joinRoles(before)
			return errRolesChanged.WithFields(fault.Field{Location: "now.roles", Message: fault.Text{ES: now, EN: now}})
		}
		_, err = m.replaceRoles(ctx, by, userID, before, roles)
		return err
	})
}

// inOrder returns those roles that there are, each once, in the order of Roles.
func inOrder(roles []Role) []Role {
	return slices.DeleteFunc(Roles(), func(r Role) bool { return !slices.Contains(roles, r) })
}

// lockRoles returns the roles of an account, which nobody changes until the transaction ends.
func (m *Module) lockRoles(ctx context.Context, userID string) ([]Role, error) {
	if err := m.store.lockAdmins(ctx); err != nil {
		return nil, err
	}
	roles, err := m.store.rolesOf(ctx, []string{userID})
	return roles[userID], err
}

// replaceRoles writes the change into the log. It refuses to leave the site without an admin.
func (m *Module) replaceRoles(
	ctx context.Context, by Actor, userID string, before, after []Role,
) (changed bool, err error) {
	after = inOrder(after)
	if slices.Equal(before, after) {
		return false, nil
	}
	if err := m.store.setRoles(ctx, userID, after); err != nil {
		return false, err
	}
	if slices.Contains(before, Admin) && !slices.Contains(after, Admin) {
		if err := m.keepsAnAdmin(ctx); err != nil {
			return false, err
		}
	}
	return true, m.AddRecord(ctx, by.did("roles.set", "user:"+userID, joinRoles(before), joinRoles(after)))
}

// keepsAnAdmin returns errLastAdmin if nobody who may sign in is an admin any more.
func (m *Module) keepsAnAdmin(ctx context.Context) error {
	n, err := m.store.countAdmins(ctx)
	if err == nil && n == 0 {
		err = errLastAdmin
	}
	return err
}

// ParseRole returns the role of that name.
func ParseRole(name string) (Role, error) {
	role := Role(strings.ToLower(strings.TrimSpace(name)))
	if !slices.Contains(Roles(), role) {
		return "", fmt.Errorf("there is no role %q; the roles are %s", name, joinRoles(Roles()))
	}
	return role, nil
}

func joinRoles(roles []Role) string {
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = string(role)
	}
	return strings.Join(names, ", ")
}
