package site

import (
	"risingstars/modules/media"
	"risingstars/platform/web"
)

// UploadPage sends a clip, as one form.
type UploadPage struct {
	Base

	Form     Form
	MaxBytes int64 // of the file
	MaxMB    int
	Rules    UploadRules
}

func (*UploadPage) file() string { return "upload" }

// UploadRules are the rules for clips; what is 0 or false is no rule.
type UploadRules struct {
	Clip, Shortest, Longest int // seconds
	Height                  int // pixels
	Silent                  bool
}

func (s *Site) uploadPage(v *visit, title, description string) *UploadPage {
	rules := s.media.ClipRules()
	d := &UploadPage{
		Base: v.frame("upload.title", "upload"), MaxBytes: s.media.MaxUpload(), MaxMB: int(s.media.MaxUpload() >> 20),
		Rules: UploadRules{
			Clip: int(rules.MaxClip.Seconds()), Shortest: int(rules.MinDuration.Seconds()),
			Longest: int(rules.MaxDuration.Seconds()), Height: rules.MinHeight,
			Silent: rules.RemoveAudio,
		},
	}
	d.Private = true
	d.Scripts = []string{"form.js", "upload.js"}
	// The file comes last: what is wrong with the texts is then told before it is sent.
	d.Form.Fields = []Field{
		{
			Name: "title", Label: "field.title", Type: "text", Most: media.MaxTitle, Value: title,
			Hint: "field.title.hint",
		},
		{
			Name: "description", Label: "field.description", Type: "textarea", Most: media.MaxDescription,
			Value: description, Optional: true, Hint: "field.description.hint",
		},
		{Name: "start_seconds", Label: "field.start", Type: "number", Optional: true, Hint: "field.start.hint"},
		{Name: "file", Label: "field.file", Type: "file", Hint: "field.file.hint"},
	}
	return d
}

func (s *Site) getUpload(v *visit) (web.View, error) { return s.show(s.uploadPage(v, "", "")) }

func (s *Site) postUpload(v *visit) (web.View, error) {
	sent, err := s.media.ReceiveForm(nil, v.Request, false)
	if err != nil {
		d := s.uploadPage(v, sent.Title, sent.Description)
		status, ok := d.Form.fail(v.Context(), err)
		if !ok {
			return web.View{}, err
		}
		d.Failed = true
		return s.showAs(status, d)
	}
	return v.goTo("/me/videos/" + sent.ID + "?said=uploaded")
}
