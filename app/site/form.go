package site

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"risingstars/platform/fault"
	"risingstars/platform/web"
)

// Field is an input with what was typed, and what is wrong with it.
type Field struct {
	Name         string // as faults call it
	At           string // its id, where that is another
	Input        string // its name in the form, where that is another
	Label        string // the id of a text
	Hint         string // the id of a text, or ""
	Type         string
	Value        string
	Autocomplete string
	Most         int      // characters; 0: as many as one likes
	List         string   // the id of a list of suggestions, or ""
	Options      []Option // of a select
	Spoken       bool     // what the options say are texts, and not ids of them
	Optional     bool
	Error        string // a text
}

// ID returns the field's id in the page.
func (f Field) ID() string { return cmp.Or(f.At, f.Name) }

// Sends returns the field's name in the form.
func (f Field) Sends() string { return cmp.Or(f.Input, f.Name) }

// Option is one that a select offers. Text is the id of a text.
type Option struct{ Value, Text string }

// Form is a form that may have come back.
type Form struct {
	Error   string // a text that is about no single field
	Heading string // the id of the text above it; "": that the data need a look
	Fields  []Field
}

// Failed reports whether something needs correcting.
func (f Form) Failed() bool { return f.Error != "" || f.Named() }

// Named reports whether something is wrong with a certain field.
func (f Form) Named() bool {
	return slices.ContainsFunc(f.Fields, func(field Field) bool { return field.Error != "" })
}

// fail puts a fault into the form, at the fields that it names, and returns the status to answer with. It returns false
// for an error of ours, which the form cannot help.
func (f *Form) fail(ctx context.Context, err error) (status int, ok bool) {
	switch known := fault.From(err); {
	case known.Code == "email_unverified": // they can help it, and come back to what they typed
	case known.Kind == fault.Internal, known.Kind == fault.NotFound, known.Kind == fault.Forbidden:
		return 0, false
	}
	p := web.NewProblem(ctx, err)
	named := false
	for _, e := range p.Errors {
		for i := range f.Fields {
			if _, name, _ := strings.Cut(e.Location, "."); name == f.Fields[i].Name {
				f.Fields[i].Error, named = e.Message, true
			}
		}
	}
	if !named {
		f.Error = p.Detail
		for _, e := range p.Errors {
			f.Error += " " + e.Message + "."
		}
	}
	if p.Status >= http.StatusInternalServerError || p.Status == http.StatusTooManyRequests ||
		p.Status == http.StatusForbidden {
		return p.Status, true
	}
	return http.StatusUnprocessableEntity, true
}
