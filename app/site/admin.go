package site

import (
	"net/http"
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
	Error  string                  // why what was asked for is refused; a text
	Words  string                  // the reason that was typed
	Form   string                  // the name of the form that is refused; "": the page has one, or none is
}

// May reports whether the caller has a right.
func (d *AdminFrame) May(right string) bool { return d.Rights[identity.Right(right)] }

// Why returns the field for a reason in the form of this name.
func (d *AdminFrame) Why(form string) WhyField {
	if d.Form != "" && d.Form != form {
		return WhyField{Form: form}
	}
	return WhyField{form, d.Words}
}

// WhyField is an input for a reason. A page may have several, in forms of their own.
type WhyField struct{ Form, Value string }

// adminFrame returns the frame of a page that needs a right, and the fault to answer with for others.
func (s *Site) adminFrame(v *visit, title string, right identity.Right) (AdminFrame, error) {
	d := AdminFrame{Base: v.frame(title, "admin")}
	d.Private = true
	if err := s.identity.Allow(v.Context(), v.caller, right); err != nil {
		return d, err
	}
	var err error
	d.Rights, err = s.identity.RightsOf(v.Context(), v.caller)
	return d, err
}

// refused puts into the page why a form is refused, and returns the status to answer with, or err if that is no fault
// of the form's.
func (d *AdminFrame) refused(v *visit, words string, err error) (status int, _ error) {
	f := fault.From(err)
	if f.Kind == fault.Internal || f.Kind == fault.NotFound || f.Kind == fault.Forbidden {
		return 0, err
	}
	var form Form
	status, _ = form.fail(v.Context(), err)
	if f.Kind == fault.Stale {
		status = http.StatusConflict
		form.Error = web.Say(v.Context(), f.Text)
	}
	d.Error, d.Words, d.Failed = form.Error, words, true
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
	if d.Rights, err = s.identity.RightsOf(ctx, v.caller); err != nil {
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
