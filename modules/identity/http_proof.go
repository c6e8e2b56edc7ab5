package identity

import (
	"cmp"
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/auth"
	"risingstars/platform/disk"
	"risingstars/platform/fault"
	"risingstars/platform/limit"
	"risingstars/platform/web"
)

// proofRoutes registers what proves an e-mail and changes a password.
func (a api) proofRoutes(s *web.Server) {
	operation := func(path, id, summary string, status int, faults ...*fault.Error) huma.Operation {
		return web.Refuses(huma.Operation{
			Method: http.MethodPost, Path: path, OperationID: id, Tags: []string{"Accounts"}, Summary: summary,
			DefaultStatus: status,
		}, append(faults, disk.ErrFull)...)
	}
	secured := func(op huma.Operation) huma.Operation {
		op.Security = web.Secured()
		return op
	}
	links := web.Use{Budgets: []limit.Budget{linkUses}, Known: true}
	changes := web.Use{Budgets: []limit.Budget{accountChanges}}

	confirm := operation("/api/auth/email/confirm", "confirmEmail",
		"Prove an e-mail by the link of a letter", http.StatusOK,
		errLinkInvalid, errLinkUsed, errLinkExpired, errLinkOutdated, errLinkOfAnother, errEmailTaken)
	confirm.Description = "Proves the e-mail of a new account, changes an account's e-mail to the one that the " +
		"letter went to, or, by the link in the notice about that, changes it back."
	web.Register(s, confirm, links, a.postConfirm)
	resend := operation("/api/auth/email/resend", "resendConfirmation",
		"Send the letter that proves the caller's e-mail again", http.StatusAccepted)
	resend.Description = "The answer is the same if the e-mail is proved already, or had enough letters."
	web.Register(s, secured(resend), changes, a.postResend)
	web.Register(s, secured(operation("/api/auth/email/change", "changeEmail",
		"Send a letter to another e-mail, which the account gets once the letter's link is used", http.StatusAccepted,
		errWrongPassword, errEmailTaken, limit.ErrBusy)), changes, a.postChangeEmail)

	forgot := operation("/api/auth/password/forgot", "forgotPassword",
		"Send a letter with which a new password can be chosen", http.StatusAccepted)
	forgot.Description = "The answer does not tell whether an account has the e-mail."
	web.Register(s, forgot, web.Use{Budgets: []limit.Budget{forgets}}, a.postForgot)
	web.Register(s, operation("/api/auth/password/reset", "resetPassword",
		"Choose a new password by the link of a letter, and sign out everywhere", http.StatusOK,
		errLinkInvalid, errLinkUsed, errLinkExpired, errLinkOutdated, errLinkOfAnother, errPasswordsDiffer,
		limit.ErrBusy), links, a.postReset)
	web.Register(s, secured(operation("/api/auth/password/change", "changePassword",
		"Choose a new password by the present one, and sign out everywhere else", http.StatusOK,
		errWrongPassword, errPasswordsDiffer, limit.ErrBusy)), changes, a.postChangePassword)
}

type messageOutput struct {
	Body struct {
		Message string `json:"message"`
	}
}

func messageOf(ctx context.Context, es, en string) *messageOutput {
	out := &messageOutput{}
	out.Body.Message = web.Say(ctx, fault.Text{ES: es, EN: en})
	return out
}

type confirmInput struct {
	Body struct {
		Token string `json:"token" maxLength:"200" doc:"What the link of the letter has as its parameter token"`
	}
}

type confirmOutput struct {
	Body struct {
		Message string  `json:"message"`
		Result  Purpose `json:"result" enum:"confirm,change,restore" doc:"What the link was for"`
	}
}

func (a api) postConfirm(ctx context.Context, in *confirmInput) (*confirmOutput, error) {
	done, err := a.ConfirmEmail(ctx, auth.CallerID(ctx), in.Body.Token)
	if err != nil {
		return nil, err
	}
	out := &confirmOutput{}
	out.Body.Result = done
	out.Body.Message = web.Say(ctx, map[Purpose]fault.Text{
		Confirm: {ES: "Tu correo quedó confirmado.", EN: "Your e-mail is confirmed."},
		Change:  {ES: "Tu cuenta ya usa el correo nuevo.", EN: "Your account now has the new e-mail."},
		Restore: {
			ES: "Tu cuenta volvió al correo de antes. Pide una contraseña nueva para entrar.",
			EN: "Your account has its e-mail of before again. Ask for a new password to sign in.",
		},
	}[done])
	return out, nil
}

func (a api) postResend(ctx context.Context, _ *struct{}) (*messageOutput, error) {
	if err := a.ResendConfirmation(ctx, auth.CallerID(ctx)); err != nil {
		return nil, err
	}
	return messageOf(ctx,
		"Si tu correo no está confirmado, te enviamos otro enlace. Mira también en el correo no deseado.",
		"If your e-mail is not confirmed, we have sent another link. Look among the junk, too."), nil
}

// deviceInput has the proof that the device has signed in before.
type deviceInput struct {
	Device       string `cookie:"device"`
	SecureDevice string `cookie:"__Host-device"`
}

func (d deviceInput) caller(ctx context.Context) Caller {
	return Caller{UserID: auth.CallerID(ctx), Client: web.Client(ctx), Device: cmp.Or(d.SecureDevice, d.Device)}
}

type changeEmailInput struct {
	deviceInput
	Body struct {
		Email    string `json:"email"`
		Password string `json:"password" doc:"The present one"`
	}
}

func (a api) postChangeEmail(ctx context.Context, in *changeEmailInput) (*messageOutput, error) {
	if err := a.ChangeEmail(ctx, in.caller(ctx), in.Body.Email, in.Body.Password); err != nil {
		return nil, err
	}
	return messageOf(ctx, "Te enviamos un enlace al correo nuevo. Ábrelo para empezar a usarlo.",
		"We have sent a link to the new e-mail. Open it to start using that."), nil
}

type forgotInput struct {
	Body struct {
		Email string `json:"email"`
	}
}

func (a api) postForgot(ctx context.Context, in *forgotInput) (*messageOutput, error) {
	if err := a.ForgotPassword(ctx, in.Body.Email); err != nil {
		return nil, err
	}
	return messageOf(ctx, "Si hay una cuenta con este correo, en un momento le llega un enlace.",
		"If there is an account with this e-mail, a link will be there in a moment."), nil
}

type resetInput struct {
	Body struct {
		Token     string `json:"token" maxLength:"200" doc:"What the link of the letter has as its parameter token"`
		Password1 string `json:"password1" doc:"At least 8 characters, at most 128 bytes"`
		Password2 string `json:"password2" doc:"The same password again"`
	}
}

func (a api) postReset(ctx context.Context, in *resetInput) (*messageOutput, error) {
	b := in.Body
	err := a.ResetPassword(ctx, auth.CallerID(ctx), web.Client(ctx), b.Token, NewPassword{b.Password1, b.Password2})
	if err != nil {
		return nil, err
	}
	return messageOf(ctx, "Tu contraseña cambió. Entra con la nueva.",
		"Your password has changed. Sign in with the new one."), nil
}

type changePasswordInput struct {
	deviceInput
	Body struct {
		Password  string `json:"password" doc:"The present one"`
		Password1 string `json:"password1" doc:"At least 8 characters, at most 128 bytes"`
		Password2 string `json:"password2" doc:"The same password again"`
	}
}

func (a api) postChangePassword(ctx context.Context, in *changePasswordInput) (*messageOutput, error) {
	b := in.Body
	caller, _ := auth.Caller(ctx)
	err := a.ChangePassword(ctx, in.caller(ctx), caller.SessionID, b.Password,
		NewPassword{b.Password1, b.Password2})
	if err != nil {
		return nil, err
	}
	return messageOf(ctx, "Tu contraseña cambió, y cerramos las demás sesiones.",
		"Your password has changed, and the other sessions have ended."), nil
}
