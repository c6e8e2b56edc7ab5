package identity

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/auth"
	"risingstars/platform/limit"
	"risingstars/platform/web"
)

func (a api) factorRoutes(s *web.Server, tags []string) {
	change := web.Use{Budgets: SessionBudgets()}
	web.Register(s, huma.Operation{
		Method: http.MethodGet, Path: "/api/auth/totp", OperationID: "getSecondFactor", Tags: tags,
		Summary: "Get the state of the caller's second factor", Security: web.Secured(),
	}, web.Use{Budgets: []limit.Budget{accountReads}}, a.getFactor)
	web.Register(s, web.Refuses(huma.Operation{
		Method: http.MethodPost, Path: "/api/auth/totp/setup", OperationID: "setUpSecondFactor", Tags: tags,
		Summary: "Get the secret of a second factor (TOTP, RFC 6238)", Security: web.Secured(),
		Description: "It holds once a code of it is confirmed. Nobody can read the secret again.",
	}, errNotThePassword, errFactorOn, limit.ErrBusy), change, a.postFactorSetup)
	web.Register(s, web.Refuses(huma.Operation{
		Method: http.MethodPost, Path: "/api/auth/totp/confirm", OperationID: "confirmSecondFactor", Tags: tags,
		Summary: "Turn the second factor on, and get the recovery codes", Security: web.Secured(),
		Description: "Each recovery code replaces a code of the authenticator once. The caller's other sessions end.",
	}, errNotTheCode, errFactorOn, errNoFactor), change, a.postFactorConfirm)
	web.Register(s, web.Refuses(huma.Operation{
		Method: http.MethodPost, Path: "/api/auth/totp/disable", OperationID: "disableSecondFactor", Tags: tags,
		Summary: "Turn the second factor off", Security: web.Secured(), DefaultStatus: http.StatusNoContent,
	}, errNotThePassword, errNotTheCode, errNoFactor, limit.ErrBusy), change, a.postFactorDisable)
}

type factorOutput struct {
	Body struct {
		Enabled       bool `json:"enabled"`
		Required      bool `json:"required" doc:"Whether a role of the caller's needs it"`
		RecoveryCodes int  `json:"recovery_codes_left"`
	}
}

func (a api) getFactor(ctx context.Context, _ *struct{}) (*factorOutput, error) {
	f, err := a.FactorOf(ctx, auth.CallerID(ctx))
	if err != nil {
		return nil, err
	}
	out := &factorOutput{}
	out.Body.Enabled, out.Body.Required, out.Body.RecoveryCodes = f.Enabled, f.Required, f.RecoveryCodes
	return out, nil
}

type factorSetupInput struct {
	Body struct {
		Password string `json:"password" doc:"The account's present one"`
	}
}

type factorSetupOutput struct {
	Body struct {
		Secret string `json:"secret" example:"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP" doc:"In base32, to type"`
		URL    string `json:"otpauth_url" example:"otpauth://totp/Rising%20Stars%20Showcase:ana@example.com"`
		QR     string `json:"qr_svg" example:"<svg xmlns=\"http://www.w3.org/2000/svg\"/>" doc:"The URL as a QR code"`
	}
}

func (a api) postFactorSetup(ctx context.Context, in *factorSetupInput) (*factorSetupOutput, error) {
	offer, err := a.OfferFactor(ctx, auth.CallerID(ctx), in.Body.Password, web.Client(ctx))
	if err != nil {
		return nil, err
	}
	out := &factorSetupOutput{}
	out.Body.Secret, out.Body.URL = offer.Secret, offer.URL
	out.Body.QR, err = offer.QR()
	return out, err
}

type factorConfirmInput struct {
	Body struct {
		Code string `json:"totp" example:"492039" doc:"What the authenticator shows"`
	}
}

type factorConfirmOutput struct {
	Body struct {
		RecoveryCodes []string `json:"recovery_codes" doc:"Shown once"`
	}
}

func (a api) postFactorConfirm(ctx context.Context, in *factorConfirmInput) (*factorConfirmOutput, error) {
	caller, _ := auth.Caller(ctx)
	codes, err := a.ConfirmFactor(ctx, caller.UserID, in.Body.Code, caller.SessionID)
	if err != nil {
		return nil, err
	}
	out := &factorConfirmOutput{}
	out.Body.RecoveryCodes = codes
	return out, nil
}

type factorDisableInput struct {
	Body struct {
		Password string `json:"password"`
		Code     string `json:"totp" example:"492039" doc:"What the authenticator shows, or a recovery code"`
	}
}

func (a api) postFactorDisable(ctx context.Context, in *factorDisableInput) (*struct{}, error) {
	return nil, a.RemoveFactor(ctx, auth.CallerID(ctx), in.Body.Password, in.Body.Code, web.Client(ctx))
}
