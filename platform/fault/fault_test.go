package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"risingstars/platform/fault"
)

var errTaken = fault.New(fault.Conflict, "taken", "Ocupado.", "Taken.")

func TestCopiesAreTheSameFault(t *testing.T) {
	t.Parallel()
	cause := errors.New("duplicate key")
	err := fmt.Errorf("save: %w", errTaken.With(cause).WithFields(fault.Field{Location: "body.email"}))
	if !errors.Is(err, errTaken) || !errors.Is(err, cause) {
		t.Fatalf("%v is not recognised as its fault and its cause", err)
	}
	if got := fault.From(err); len(got.Fields) != 1 || got.Text != errTaken.Text {
		t.Fatalf("From gives %+v", got)
	}
	if len(errTaken.Fields) != 0 || errTaken.Unwrap() != nil {
		t.Fatalf("the shared fault was changed: %+v", errTaken)
	}
}

// Two faults that clients cannot tell apart are still two faults.
func TestAFaultIsNeverAnother(t *testing.T) {
	t.Parallel()
	twin := fault.New(errTaken.Kind, errTaken.Code, errTaken.Text.ES, errTaken.Text.EN)
	cause := errors.New("duplicate key")
	for name, pair := range map[string][2]error{
		"declarations":               {twin, errTaken},
		"copies":                     {twin.With(cause), errTaken.With(cause)},
		"a copy and a declaration":   {twin.WithFields(fault.Field{Location: "body.email"}), errTaken},
		"a copy of a copy":           {twin.With(cause).WithRetryAfter(1), errTaken.WithRetryAfter(1)},
		"the other way around":       {errTaken, twin.With(cause)},
		"a wrapped one":              {fmt.Errorf("save: %w", twin), errTaken},
		"a fault and its own cause":  {cause, errTaken.With(cause)},
		"a fault and an unknown one": {errors.New("taken"), errTaken},
	} {
		if errors.Is(pair[0], pair[1]) {
			t.Errorf("%s: %v is mistaken for %v", name, pair[0], pair[1])
		}
	}
	again := errTaken.With(cause).WithRetryAfter(3).WithFields()
	if !errors.Is(again, errTaken) || !errors.Is(errTaken, again) {
		t.Error("a copy of a copy is not its fault")
	}
}

func TestUnknownErrorsAreInternalAndKeepTheirCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk on fire")
	got := fault.From(cause)
	if got.Kind != fault.Internal || !errors.Is(got, cause) {
		t.Fatalf("From gives %+v", got)
	}
}
