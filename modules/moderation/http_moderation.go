package moderation

import (
	"context"
	"time"

	"risingstars/platform/auth"
	"risingstars/platform/fault"
	"risingstars/platform/web"
)

// OneVideo is the parameter of what is about one video. Embed it in an operation's input.
type OneVideo struct {
	ID string `path:"id" doc:"The video's id"`
}

type actOutput struct {
	Body struct {
		Message string `json:"message"`
		VideoID string `json:"video_id"`
	}
}

func messageOf(ctx context.Context, videoID, es, en string) *actOutput {
	out := &actOutput{}
	out.Body.Message, out.Body.VideoID = web.Say(ctx, fault.Text{ES: es, EN: en}), videoID
	return out
}

type hideInput struct {
	OneVideo

	Body struct {
		Reason string `json:"reason" enum:"rights,violence,sexual,hate,privacy,spam,other" doc:"The owner reads it"`
		Words  string `json:"words,omitempty" doc:"The owner reads them; required with the reason other"`
	}
}

func (a api) postHide(ctx context.Context, in *hideInput) (*actOutput, error) {
	if err := a.Hide(ctx, auth.CallerID(ctx), in.ID, Reason(in.Body.Reason), in.Body.Words); err != nil {
		return nil, err
	}
	return messageOf(ctx, in.ID, "El video está oculto.", "The video is hidden."), nil
}

type showInput struct {
	OneVideo

	Body struct {
		Words string `json:"words" doc:"Why, for the log"`
	}
}

func (a api) postShow(ctx context.Context, in *showInput) (*actOutput, error) {
	if err := a.Show(ctx, auth.CallerID(ctx), in.ID, in.Body.Words); err != nil {
		return nil, err
	}
	return messageOf(ctx, in.ID, "El video se muestra de nuevo.", "The video is shown again."), nil
}

type reportInput struct {
	OneVideo

	Body struct {
		Reason string `json:"reason" enum:"rights,violence,sexual,hate,privacy,spam,other"`
		Words  string `json:"words,omitempty" doc:"Required with the reason other"`
		Email  string `json:"email,omitempty" doc:"Of somebody who is not signed in"`
	}
}

type reportOutput struct {
	Body struct {
		Message  string `json:"message"`
		ReportID string `json:"report_id" doc:"Quote it when you ask"`
		VideoID  string `json:"video_id"`
	}
}

func (a api) postReport(ctx context.Context, in *reportInput) (*reportOutput, error) {
	id, err := a.Complain(ctx, Complaint{
		VideoID: in.ID, CallerID: auth.CallerID(ctx), Email: in.Body.Email, Reason: Reason(in.Body.Reason),
		Words: in.Body.Words,
	})
	if err != nil {
		return nil, err
	}
	out := &reportOutput{}
	out.Body.ReportID, out.Body.VideoID = id, in.ID
	out.Body.Message = web.Say(ctx, fault.Text{
		ES: "Recibimos tu reporte. Una persona lo va a revisar.", EN: "We have your report. A person will look at it.",
	})
	return out, nil
}

type decisionBody struct {
	Decision string    `json:"decision" enum:"dismissed,hidden"`
	By       string    `json:"by" doc:"The id of the account"`
	At       time.Time `json:"at"`
	Why      string    `json:"why"`
}

type reportBody struct {
	ReportID   string        `json:"report_id"`
	VideoID    string        `json:"video_id"`
	Title      string        `json:"title" doc:"Of the video; empty if it was deleted"`
	PlayerName string        `json:"player_name"`
	Hidden     bool          `json:"hidden" doc:"A moderator hides the video at the moment"`
	Reporter   string        `json:"reporter" doc:"An account's id, or mail: and an e-mail that is not proved"`
	Reason     string        `json:"reason" enum:"rights,violence,sexual,hate,privacy,spam,other"`
	Words      string        `json:"words"`
	ReportedAt time.Time     `json:"reported_at"`
	Decision   *decisionBody `json:"decision" doc:"null: nobody has decided"`
}

type reportsInput struct {
	web.Page
	State   string `query:"state" enum:"open,dismissed,hidden,all" default:"open"`
	VideoID string `query:"video_id" maxLength:"36"`
}

type reportsOutput struct {
	web.PageHeaders
	Body []reportBody
}

func (a api) getReports(ctx context.Context, in *reportsInput) (*reportsOutput, error) {
	f := ReportFilter{All: in.State == "all", Decision: Decision(in.State), VideoID: in.VideoID}
	if in.State == "open" {
		f.Decision = Open
	}
	reports, total, err := a.Reports(ctx, auth.CallerID(ctx), f, in.Offset(), in.Size)
	if err != nil {
		return nil, err
	}
	out := &reportsOutput{
		PageHeaders: in.Headers(ctx, total, "state", "video_id"), Body: make([]reportBody, len(reports)),
	}
	for i, r := range reports {
		out.Body[i] = reportBodyOf(r)
	}
	return out, nil
}

func reportBodyOf(r Report) reportBody {
	body := reportBody{
		ReportID: r.ID, VideoID: r.VideoID, Title: r.Video.Title, PlayerName: r.Video.PlayerName, Hidden: r.Hidden,
		Reporter: r.Reporter, Reason: string(r.Reason), Words: r.Words, ReportedAt: r.At,
	}
	if r.Decision != Open {
		body.Decision = &decisionBody{string(r.Decision), r.By, r.Decided, r.Why}
	}
	return body
}

type decideInput struct {
	ID   string `path:"id" doc:"The report's id"`
	Body struct {
		Decision string `json:"decision" enum:"dismissed,hidden"`
		Reason   string `json:"reason,omitempty" enum:"rights,violence,sexual,hate,privacy,spam,other" doc:"To hide"`
		Words    string `json:"words,omitempty" doc:"Required to dismiss, and with the reason other"`
	}
}

type decideOutput struct {
	Body reportBody
}

func (a api) postDecision(ctx context.Context, in *decideInput) (*decideOutput, error) {
	caller := auth.CallerID(ctx)
	err := a.Decide(ctx, caller, in.ID, Decision(in.Body.Decision), Reason(in.Body.Reason), in.Body.Words)
	if err != nil {
		return nil, err
	}
	r, err := a.ReportOf(ctx, caller, in.ID)
	return &decideOutput{Body: reportBodyOf(r)}, err
}
