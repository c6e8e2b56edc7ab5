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
	errWrongPassword = fault.New(fault.Conflict, "wrong_password",
		"Esa no es tu contraseña actual. Escríbela otra vez, o pide una nueva por correo.",
		"This is not your present password. Type it again, or ask for a new one by e-mail.")
	errLinkInvalid = fault.New(fault.Conflict, "token_invalid",
		"Este enlace está incompleto o no sirve para esto. Cópialo entero del correo, o pide otro.",
		"This link is incomplete, or not for this. Copy all of it from the letter, or ask for another one.")
	errLinkUsed = fault.New(fault.Conflict, "token_used",
		"Este enlace ya se usó, o lo reemplazó otro cambio. Si todavía lo necesitas, pide otro.",
		"This link has been used, or another change has replaced it. If you still need it, ask for another one.")
	errLinkExpired = fault.New(fault.Conflict, "token_expired",
		"Este enlace ya venció. Pide otro.",
		"This link has expired. Ask for another one.")
	errLinkOutdated = fault.New(fault.Conflict, "token_outdated",
		"La cuenta ya tiene otro correo, así que este enlace no sirve. Usa el que llegó al correo nuevo.",
		"The account has another e-mail now, so this link is useless. Use the one that was sent to the new e-mail.")
	errLinkOfAnother = fault.New(fault.Forbidden, "token_of_another_account",
		"Este enlace es de otra cuenta. Cierra tu sesión y ábrelo otra vez.",
		"This link belongs to another account. Sign out, and open it again.")
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
	errRolesChanged = fault.New(fault.Stale, "roles_changed",
		"Otra persona cambió los permisos de esta cuenta mientras tanto. Mira cómo están ahora y decide otra vez.",
		"Somebody else has changed the roles of this account meanwhile. Look at what they are now, and decide again.")
	errNoUser = fault.New(fault.NotFound, "not_found",
		"Esta cuenta no existe.",
		"This account does not exist.")
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
	errFactorOn = fault.New(fault.Conflict, "totp_on",
		"Ya tienes la verificación en dos pasos. Desactívala antes de configurar otra.",
		"You have two-step sign-in already. Turn it off before you set up another one.")
	errNoFactor = fault.New(fault.Conflict, "totp_off",
		"No tienes la verificación en dos pasos. Configúrala primero.",
		"You do not have two-step sign-in. Set it up first.")
	errFactorRequired = fault.New(fault.Forbidden, "totp_setup_required",
		"Para administrar el sitio necesitas la verificación en dos pasos. Configúrala en tu cuenta.",
		"To administer the site you need two-step sign-in. Set it up in your account.")
	errCodeMissing = fault.New(fault.Conflict, "totp_missing",
		"Escribe también el código de tu aplicación de autenticación, o un código de recuperación.",
		"Type the code of your authenticator app, too, or a recovery code.")
	errEmailTakenSince = fault.New(fault.Conflict, "email_taken_since",
		"Otra cuenta ya usa este correo y lo confirmó. Cambia el correo de esa cuenta, o bórrala, y abre este enlace "+
			"otra vez.",
		"Another account has this e-mail now, and has confirmed it. Change the e-mail of that account, or delete it, "+
			"and open this link again.")
	errSessionNotFound = fault.New(fault.NotFound, "session_not_found",
		"Esta sesión ya no existe.",
		"This session does not exist any more.")
)

// ActFaults returns the faults of [Module.MayAct], for the document of the API.
func ActFaults() []*fault.Error { return []*fault.Error{errSuspended} }

// RoleFaults returns the faults of [Module.Allow], for the same.
func RoleFaults() []*fault.Error {
	return []*fault.Error{errForbiddenRole, errSuspended, errFactorRequired}
}

// Faults returns the faults that this module declares, for the catalogue of errors.
func Faults() []*fault.Error {
	return []*fault.Error{
		errForbiddenRole, errSuspended, errNotSuspended, errOwnAccount, errLastAdmin, errRolesChanged,
		errNoUser,
		errEmailTaken, errPasswordsDiffer, errBadCredentials, errNoAccount, errNoBrowser, errNoSession,
		errBadRefresh, errRefreshReused, errSessionNotFound,
		errFactorAsked, errWrongCode, errNotTheCode, errTicketOver, errWrongPassword, errFactorOn, errNoFactor,
		errFactorRequired, errCodeMissing, errEmailTakenSince,
		errLinkInvalid, errLinkUsed, errLinkExpired, errLinkOutdated, errLinkOfAnother,
	}
}
