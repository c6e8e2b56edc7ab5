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
		"Este refresh_token ya se usó, así que cerramos la sesión. Inicia sesión de nuevo y, si no fuiste tú, "+
			"cambia tu contraseña.",
		"This refresh_token was used before, so the session was ended. Sign in again and, if that was not you, change "+
			"your password.")
	errFactorAsked = fault.New(fault.Unauthenticated, "totp_required",
		"Falta el código de tu aplicación de autenticación.",
		"The code of your authenticator app is missing.")
	errWrongCode = fault.New(fault.Unauthenticated, "bad_totp",
		"Este código no es correcto, o ya se usó. Escribe el que muestra ahora tu aplicación, o un código de "+
			"recuperación.",
		"This code is not right, or was used before. Type the one that your app shows now, or a recovery code.")
	errNotTheCode = fault.New(fault.Conflict, "wrong_totp",
		"Este código no es correcto, o ya se usó. Escribe el que muestra ahora tu aplicación.",
		"This code is not right, or was used before. Type the one that your app shows now.")
	errTicketOver = fault.New(fault.Unauthenticated, "bad_credentials",
		"Pasó demasiado tiempo. Escribe otra vez tu correo y tu contraseña.",
		"Too much time has passed. Type your e-mail and your password again.")
	errNotThePassword = fault.New(fault.Conflict, "wrong_password",
		"Esa no es tu contraseña.",
		"This is not your password.")
	errFactorOn = fault.New(fault.Conflict, "totp_on",
		"Ya tienes la verificación en dos pasos. Desactívala antes de configurar otra.",
		"You have two-step sign-in already. Turn it off before you set up another one.")
	errNoFactor = fault.New(fault.Conflict, "totp_off",
		"No tienes la verificación en dos pasos. Configúrala primero.",
		"You do not have two-step sign-in. Set it up first.")
	errFactorRequired = fault.New(fault.Forbidden, "totp_setup_required",
		"Para administrar el sitio necesitas la verificación en dos pasos. Configúrala en tu cuenta.",
		"To administer the site you need two-step sign-in. Set it up in your account.")
	errSessionNotFound = fault.New(fault.NotFound, "session_not_found",
		"Esta sesión ya no existe.",
		"This session does not exist any more.")
)

// Faults returns the faults that this module declares, for the catalogue of errors.
func Faults() []*fault.Error {
	return []*fault.Error{
		errEmailTaken, errPasswordsDiffer, errBadCredentials, errNoAccount, errNoBrowser, errNoSession,
		errBadRefresh, errRefreshReused, errSessionNotFound,
		errFactorAsked, errWrongCode, errNotTheCode, errTicketOver, errNotThePassword, errFactorOn, errNoFactor,
		errFactorRequired,
	}
}
