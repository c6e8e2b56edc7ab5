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

func TestUnknownErrorsAreInternalAndKeepTheirCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk on fire")
	got := fault.From(cause)
	if got.Kind != fault.Internal || !errors.Is(got, cause) {
		t.Fatalf("From gives %+v", got)
	}
}
