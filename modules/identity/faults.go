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
	errNoSession = fault.New(fault.Unauthenticated, "unauthenticated",
		"Tu sesión terminó. Entra de nuevo.",
		"Your session has ended. Sign in again.")
	errBadRefresh = fault.New(fault.Unauthenticated, "bad_refresh_token",
		"Este refresh_token no es válido, o su sesión terminó. Inicia sesión de nuevo.",
		"This refresh_token is not valid, or its session has ended. Sign in again.")
	errRefreshReused = fault.New(fault.Unauthenticated, "refresh_token_reused",
		"Este refresh_token ya se usó, así que cerramos la sesión. Inicia sesión de nuevo y, si no fuiste tú, cambia "+
			"tu contraseña.",
		"This refresh_token was used before, so the session was ended. Sign in again and, if that was not you, change "+
			"your password.")
	errSessionNotFound = fault.New(fault.NotFound, "session_not_found",
		"Esta sesión ya no existe.",
		"This session does not exist any more.")
)

// Faults returns the faults that this module declares, for the catalogue of errors.
func Faults() []*fault.Error {
	return []*fault.Error{
		errEmailTaken, errPasswordsDiffer, errBadCredentials, errNoAccount, errNoBrowser, errNoSession,
		errBadRefresh, errRefreshReused, errSessionNotFound,
	}
}
