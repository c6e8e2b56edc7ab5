package site

import (
	"net/http"

	"github.com/google/uuid"

	"risingstars/modules/moderation"
	"risingstars/platform/fault"
	"risingstars/platform/web"
)

// ReportPage takes a report of a video, and shows its receipt.
type ReportPage struct {
	Base

	ID, Name, PlayerName string // of the video
	Form                 Form
	Reasons              []Choice
	Sent                 bool
	Receipt              string // the report's id
	Already              bool   // the caller has reported the video before
}

func (*ReportPage) file() string { return "report" }

func (s *Site) reportPage(v *visit, values map[string]string) (*ReportPage, error) {
	ctx, id := v.Context(), v.PathValue("id")
	e, err := s.moderation.Reported(ctx, id)
	if err != nil {
		return nil, err
	}
	d := &ReportPage{
		Base: v.frame("report.title", "videos"), ID: id, Name: e.Title, PlayerName: e.PlayerName,
		Reasons: reasons(v, values["reason"]),
	}
	d.Private, d.Scripts = true, []string{"form.js"}
	d.Form.Fields = []Field{{
		Name: "words", Label: "report.words", Hint: "report.words.hint", Type: "textarea", Value: values["words"],
		Most: 1000, Optional: true,
	}}
	if v.caller == "" {
		d.Form.Fields = append(d.Form.Fields, Field{
			Name: "email", Label: "field.email", Hint: "report.email.hint", Type: "email", Value: values["email"],
			Autocomplete: "email", Most: 254,
		})
		return d, nil
	}
	d.Already, err = s.moderation.HasReported(ctx, v.caller, id)
	return d, err
}

func (s *Site) getReport(v *visit) (web.View, error) {
	d, err := s.reportPage(v, nil)
	if err != nil {
		return web.View{}, err
	}
	if receipt := v.URL.Query().Get("receipt"); uuid.Validate(receipt) == nil {
		d.Sent, d.Receipt = true, receipt
	}
	return s.show(d)
}

func (s *Site) postReport(v *visit) (web.View, error) {
	form, err := web.Form(v.Request)
	if err != nil {
		return web.View{}, err
	}
	id := v.PathValue("id")
	receipt, err := s.moderation.Complain(v.Context(), moderation.Complaint{
		VideoID: id, CallerID: v.caller, Email: form.Get("email"), Reason: moderation.Reason(form.Get("reason")),
		Words: form.Get("words"),
	})
	if err == nil {
		return v.goTo("/report/" + id + "?receipt=" + receipt)
	}
	values := map[string]string{}
	for name := range form {
		values[name] = form.Get(name)
	}
	d, readErr := s.reportPage(v, values)
	if readErr != nil {
		return web.View{}, readErr
	}
	if fault.From(err).Code == "already_reported" {
		d.Already = true
		return s.showAs(http.StatusUnprocessableEntity, d)
	}
	status, ok := d.Form.fail(v.Context(), err)
	if !ok {
		return web.View{}, err
	}
	d.Failed = true
	return s.showAs(status, d)
}
