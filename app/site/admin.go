package site

import (
	"net/http"
	"net/url"
	"time"

	"risingstars/modules/identity"
	"risingstars/platform/fault"
	"risingstars/platform/web"
)

// adminRows is how many rows a list of organisers has.
const adminRows = 50

// AdminFrame is what the pages of organisers have in common.
type AdminFrame struct {
	Base

	Rights map[identity.Right]bool // of the caller
	Sent   string                  // the name of the form that is refused; "": none is
	Wrong  Form                    // what is to be corrected in it
	typed  url.Values              // what it had
}

// May reports whether the caller has a right.
func (d *AdminFrame) May(right string) bool { return d.Rights[identity.Right(right)] }

// Typed returns what a field had in the form of this name, if that is refused.
func (d *AdminFrame) Typed(form, name string) string {
	if d.Sent != form {
		return ""
	}
	return d.typed.Get(name)
}

// Error returns what is wrong with the field that has this id.
func (d *AdminFrame) Error(id string) string {
	for _, f := range d.Wrong.Fields {
		if f.ID() == id {
			return f.Error
		}
	}
	return ""
}

// Why returns the field for a reason in the form of this name. A page may have several, in forms of their own.
func (d *AdminFrame) Why(form string) Field {
	f := whyField(form)
	f.Value, f.Error = d.Typed(form, f.Input), d.Error(f.ID())
	return f
}

// Words returns the field for words beside a reason of a list, in the form of this name. hint is the id of a text.
func (d *AdminFrame) Words(form, hint string) Field {
	f := wordsField(form)
	f.Hint, f.Value, f.Error = hint, d.Typed(form, f.Input), d.Error(f.ID())
	return f
}

func whyField(form string) Field {
	return Field{
		Name: "reason", Input: "reason", At: form + "-reason", Label: "admin.reason", Type: "text", Most: 500,
	}
}

// wordsField is sent as reason, too, because the pages name it so; faults call it words.
func wordsField(form string) Field {
	f := whyField(form)
	f.Name, f.Label, f.Most, f.Optional = "words", "admin.words", 1000, true
	return f
}

// categoryField is where a reason of a list is chosen. name is how faults call it.
func categoryField(name string, from []Choice) Field {
	f := Field{Name: name, At: "category", Input: "category", Label: "admin.category", Type: "select", Spoken: true}
	for _, c := range from {
		f.Options = append(f.Options, Option{c.Value, c.Text})
		if c.Chosen {
			f.Value = c.Value
		}
	}
	return f
}

// adminFrame returns the frame of a page that needs a right, and the fault to answer with for others.
func (s *Site) adminFrame(v *visit, title string, right identity.Right) (AdminFrame, error) {
	d := AdminFrame{Base: v.frame(title, "admin")}
	d.Private, d.Scripts = true, []string{"form.js"}
	if err := s.identity.Allow(v.Context(), v.caller, right); err != nil {
		return d, err
	}
	var err error
	d.Rights, err = v.rights()
	return d, err
}

// refused puts into the page why the form of this name is refused, and returns the status to answer with, or err if
// that is no fault of the form's. fields are those that the fault may be about.
func (d *AdminFrame) refused(v *visit, form string, typed url.Values, err error, fields ...Field) (int, error) {
	f := fault.From(err)
	if f.Kind == fault.Internal || f.Kind == fault.NotFound || f.Kind == fault.Forbidden {
		return 0, err
	}
	d.Sent, d.typed, d.Failed, d.Wrong = form, typed, true, Form{Fields: fields}
	status, _ := d.Wrong.fail(v.Context(), err)
	switch {
	case f.Kind == fault.Stale:
		status = http.StatusConflict
		d.Wrong = Form{Error: web.Say(v.Context(), f.Text), Heading: "admin.changed"}
	case !d.Wrong.Named():
		d.Wrong.Heading = "error.other"
	}
	return status, nil
}

// showAdmin answers with a page that repeats what its address says beside what only organisers may read. It is not
// compressed, so that its size tells nothing of it.
func (s *Site) showAdmin(status int, d document) (web.View, error) {
	view, err := s.showAs(status, d)
	view.Plain = true
	return view, err
}

// AdminPage leads to what an organiser may do.
type AdminPage struct {
	AdminFrame

	Reports int       // that nobody has decided on
	Oldest  time.Time // of them
	Dead    int       // tasks
}

func (*AdminPage) file() string { return "admin" }

func (s *Site) getAdmin(v *visit) (web.View, error) {
	ctx := v.Context()
	d := &AdminPage{AdminFrame: AdminFrame{Base: v.frame("admin.title", "admin")}}
	d.Private = true
	var err error
	if d.Rights, err = v.rights(); err != nil {
		return web.View{}, err
	}
	if err := s.identity.Allow(ctx, v.caller, identity.ReadReports); err != nil {
		return web.View{}, err
	}
	if d.Reports, d.Oldest, err = s.moderation.Waiting(ctx); err != nil {
		return web.View{}, err
	}
	if d.Rights[identity.ReadJobs] {
		stats, err := s.queue.Stats(ctx)
		if err != nil {
			return web.View{}, err
		}
		d.Dead = stats.Dead
	}
	return s.showAdmin(http.StatusOK, d)
}
