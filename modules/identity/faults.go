package identity

import "risingstars/platform/fault"

var (
	errEmailTaken = fault.New(fault.Conflict, "email_taken",
		"Ya existe una cuenta con este correo. Inicia sesión o usa otro.",
		"An account with this e-mail already exists. Sign in or use another e-mail.")
	errPasswordsDiffer = fault.New(fault.Conflict, "passwords_differ",
		"Las contraseñas no coinciden.",
		"The passwords do not match.")
	errBadCredentials = fault.New(fault.Unauthenticated, "bad_credentials",
		"Correo o contraseña incorrectos.",
		"Wrong e-mail or password.")
	errNoAccount = fault.New(fault.Unauthenticated, "unauthenticated",
		"Esta cuenta ya no existe. Inicia sesión con otra.",
		"This account no longer exists. Sign in with another one.")
	errNoBrowser = fault.New(fault.Unauthenticated, "unauthenticated",
		"Tu sesión terminó. Entra de nuevo.",
		"Your session has ended. Sign in again.")
	errForbiddenRole = fault.New(fault.Forbidden, "forbidden_role",
		"Tu cuenta no tiene el permiso que esto necesita. Pídeselo a quien administra el sitio.",
		"Your account does not have the role that this needs. Ask whoever administers the site for it.")
	errSuspended = fault.New(fault.Forbidden, "suspended",
		"Tu cuenta está suspendida: no puedes entrar, subir videos ni votar.",
		"Your account is suspended: you cannot sign in, upload or vote.")
	errNotSuspended = fault.New(fault.Conflict, "not_suspended",
		"Esta cuenta no está suspendida.",
		"This account is not suspended.")
	errOwnAccount = fault.New(fault.Conflict, "own_account",
		"No puedes suspender tu propia cuenta.",
		"You cannot suspend your own account.")
	errLastAdmin = fault.New(fault.Conflict, "last_admin",
		"Es la última cuenta que administra el sitio. Da antes ese permiso a otra.",
		"This is the last account that administers the site. Give another one that role first.")
	errNoUser = fault.New(fault.NotFound, "not_found",
		"Esta cuenta no existe.",
		"This account does not exist.")
)

// ActFaults returns the faults of [Module.MayAct], for the document of the API.
func ActFaults() []*fault.Error { return []*fault.Error{errSuspended} }

// RoleFaults returns the faults of [Module.Allow], for the same.
func RoleFaults() []*fault.Error { return []*fault.Error{errForbiddenRole, errSuspended} }

// Faults returns the faults that this module declares, for the catalogue of errors.
func Faults() []*fault.Error {
	return []*fault.Error{
		errEmailTaken, errPasswordsDiffer, errBadCredentials, errNoAccount, errNoBrowser,
		errForbiddenRole, errSuspended, errNotSuspended, errOwnAccount, errLastAdmin, errNoUser,
	}
}
