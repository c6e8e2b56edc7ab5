package identity

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/auth"
	"risingstars/platform/disk"
	"risingstars/platform/fault"
	"risingstars/platform/limit"
	"risingstars/platform/web"
)

// departureRoutes registers what deletes an account and brings it back.
func (a api) departureRoutes(s *web.Server) {
	web.Register(s, web.Refuses(huma.Operation{
		Method: http.MethodDelete, Path: "/api/auth/me", OperationID: "deleteAccount", Tags: []string{"Accounts"},
		Summary: "Delete the caller's account, with all that it has published", Security: web.Secured(),
		Description: "At once all sessions end, entries disappear with the votes for them, the account's own votes " +
			"are taken back, and its e-mail is free. A letter has the link that undoes this for seven days; then " +
			"the account and its files are erased.",
	}, errWrongPassword, errCodeMissing, errNotTheCode, errLastAdmin, limit.ErrBusy, disk.ErrFull),
		web.Use{Budgets: []limit.Budget{accountChanges}}, a.deleteMe)
	undo := web.Refuses(huma.Operation{
		Method: http.MethodPost, Path: "/api/auth/undelete", OperationID: "undeleteAccount", Tags: []string{"Accounts"},
		Summary: "Bring a deleted account back by the link of the letter", DefaultStatus: http.StatusOK,
		Description: "Its entries and votes come back with it. If somebody has proved meanwhile that the e-mail is " +
			"theirs, the answer is `email_taken_since`, and the link stays good.",
	}, errLinkInvalid, errLinkUsed, errLinkExpired, errLinkOfAnother, errEmailTakenSince, disk.ErrFull)
	web.Register(s, undo, web.Use{Budgets: []limit.Budget{linkUses}}, a.postUndelete)
}

type deleteMeInput struct {
	deviceInput
	Body struct {
		Password string `json:"password" doc:"The account's present one"`
		Code     string `json:"totp,omitempty" doc:"Of accounts with a second factor: its code, or a recovery code"`
	}
}

type deleteMeOutput struct {
	Body struct {
		Message   string    `json:"message"`
		UndoUntil time.Time `json:"undo_until" doc:"Until when the link of the letter brings the account back"`
	}
}

func (a api) deleteMe(ctx context.Context, in *deleteMeInput) (*deleteMeOutput, error) {
	until, err := a.DeleteAccount(ctx, in.caller(ctx), in.Body.Password, in.Body.Code)
	if err != nil {
		return nil, err
	}
	out := &deleteMeOutput{}
	out.Body.UndoUntil = until
	out.Body.Message = web.Say(ctx, fault.Text{
		ES: "Tu cuenta quedó borrada. Si fue un error, abre el enlace que te enviamos por correo.",
		EN: "Your account is deleted. If that was a mistake, open the link that we have sent by e-mail.",
	})
	return out, nil
}

type undeleteInput struct {
	Body struct {
		Token string `json:"token" maxLength:"200" doc:"What the link of the letter has as its parameter token"`

		// A stranger's password and second factor become useless, and a letter lets the owner choose a password.
		Stranger bool `json:"stranger,omitempty" doc:"Set it if somebody else has deleted the account"`
	}
}

func (a api) postUndelete(ctx context.Context, in *undeleteInput) (*messageOutput, error) {
	if err := a.UndoDeletion(ctx, auth.CallerID(ctx), in.Body.Token, in.Body.Stranger); err != nil {
		return nil, err
	}
	if in.Body.Stranger {
		return messageOf(ctx,
			"Tu cuenta volvió. Nadie entra con la contraseña de antes: elige una nueva con el enlace de tu correo.",
			"Your account is back. Nobody signs in with the password of before: choose a new one by the link in your "+
				"e-mail."), nil
	}
	return messageOf(ctx, "Tu cuenta volvió, con tus videos y tus votos. Entra con tu contraseña de antes.",
		"Your account is back, with your videos and your votes. Sign in with your password of before."), nil
}
