package site

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"risingstars/modules/media"
	"risingstars/platform/fault"
	"risingstars/platform/web"
)

// UploadPage sends a clip: as one form without scripts, and step by step with them.
type UploadPage struct {
	Base

	Form      Form
	MaxBytes  int64 // of the file
	MaxMB     int
	Rules     UploadRules
	Account   string          // by which scripts tell the uploads of two people who use one browser
	Words     json.RawMessage // what scripts say
	InApp     bool            // the browser is a part of another app and may not open the gallery
	SignedOut bool            // the form was sent after the session had ended
	Limit     string          // why nothing can be uploaded now; a text
	Unproved  bool            // that is because their e-mail is not proved
}

// inApp recognises the browsers inside Instagram, Facebook and TikTok.
var inApp = regexp.MustCompile(`Instagram|FBA[NV]|TikTok|musical_ly|Bytedance`)

func (*UploadPage) file() string { return "upload" }

// UploadRules are the rules for clips; what is 0 or false is no rule.
type UploadRules struct {
	Clip, Shortest, Longest int // seconds
	Height                  int // pixels
	Silent                  bool
}

// uploadPage has what was typed, as far as a form has come back.
func (s *Site) uploadPage(v *visit, typed media.Video) *UploadPage {
	rules := s.media.ClipRules()
	d := &UploadPage{
		Base: v.frame("upload.title", "upload"), MaxBytes: s.media.MaxUpload(), MaxMB: int(s.media.MaxUpload() >> 20),
		Account: v.caller, Words: s.render.wordsNow(v.language), InApp: inApp.MatchString(v.UserAgent()),
		Rules: UploadRules{
			Clip: int(rules.MaxClip.Seconds()), Shortest: int(rules.MinDuration.Seconds()),
			Longest: int(rules.MaxDuration.Seconds()), Height: rules.MinHeight,
			Silent: rules.RemoveAudio,
		},
	}
	d.Private = true
	d.Scripts = []string{"upload.js"}
	if d.InApp {
		d.Scripts = append(d.Scripts, "copy.js")
	}
	// The file comes last: what is wrong with the texts is then told before it is sent.
	d.Form.Fields = []Field{
		{
			Name: "title", Label: "field.title", Type: "text", Most: media.MaxTitle, Value: typed.Title,
			Hint: "field.title.hint",
		},
		{
			Name: "description", Label: "field.description", Type: "textarea", Most: media.MaxDescription,
			Value: typed.Description, Optional: true, Hint: "field.description.hint",
		},
		{
			Name: "start_seconds", Label: "field.start", Type: "number", Optional: true, Hint: "field.start.hint",
			Value: secondsOf(typed.Start),
		},
		{Name: "file", Label: "field.file", Type: "file", Hint: "field.file.hint"},
	}
	return d
}

// getUpload says before a file is chosen why it would be refused. The form stays: an upload that has begun goes on.
func (s *Site) getUpload(v *visit) (web.View, error) {
	d := s.uploadPage(v, media.Video{})
	if err := s.media.MayUpload(v.Context(), v.caller); err != nil {
		if fault.From(err).Kind == fault.Internal {
			return web.View{}, err
		}
		d.Limit, d.Unproved = web.NewProblem(v.Context(), err).Detail, needsProof(err)
	}
	return s.show(d)
}

// uploadSignedOut answers a form that was sent after the session had ended with the texts that it had, so that only the
// file is to be chosen again.
func (s *Site) uploadSignedOut(v *visit) web.View {
	d := s.uploadPage(v, s.media.ReadTexts(v.Request))
	d.SignedOut, d.Failed = true, true
	d.Form.Fields[len(d.Form.Fields)-1].Hint = "field.file.again"
	return s.showProblem(http.StatusUnauthorized, "", d)
}

// secondsOf writes a start as it is typed; "" for the beginning.
func secondsOf(start time.Duration) string {
	if start == 0 {
		return ""
	}
	return strconv.FormatFloat(start.Seconds(), 'f', -1, 64)
}

func (s *Site) postUpload(v *visit) (web.View, error) {
	sent, err := s.media.ReceiveForm(nil, v.Request, false)
	if err != nil {
		d := s.uploadPage(v, sent)
		status, ok := d.Form.fail(v.Context(), err)
		if !ok {
			return web.View{}, err
		}
		d.Failed = true
		d.Form.Fields[len(d.Form.Fields)-1].Hint = "field.file.again"
		return s.showAs(status, d)
	}
	return v.goTo("/me/videos/" + sent.ID + "?said=uploaded")
}
