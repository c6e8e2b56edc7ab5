package lifecycle_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"risingstars/platform/lifecycle"
)

type diary []string

func (d *diary) service(name string, startErr error) lifecycle.Service {
	return lifecycle.Service{
		Name:  name,
		Start: func(context.Context) error { *d = append(*d, "start "+name); return startErr },
		Stop:  func(context.Context) error { *d = append(*d, "stop "+name); return nil },
	}
}

func group(services ...lifecycle.Service) *lifecycle.Group {
	return &lifecycle.Group{Services: services, StopTimeout: time.Minute, Logger: slog.New(slog.DiscardHandler)}
}

func TestStopsInReverse(t *testing.T) {
	t.Parallel()
	var d diary
	ctx, cancel := context.WithCancel(t.Context())
	last := d.service("c", nil)
	begin := last.Start
	last.Start = func(ctx context.Context) error { defer cancel(); return begin(ctx) }
	if err := group(d.service("a", nil), d.service("b", nil), last).Run(ctx); err != nil {
		t.Fatal(err)
	}
	want := diary{"start a", "start b", "start c", "stop c", "stop b", "stop a"}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Fatal(diff)
	}
}

func TestFailedStartStopsOnlyWhatStarted(t *testing.T) {
	t.Parallel()
	var d diary
	boom := errors.New("boom")
	err := group(d.service("a", nil), d.service("b", boom), d.service("c", nil)).Run(t.Context())
	if !errors.Is(err, boom) {
		t.Fatalf("Run returned %v", err)
	}
	if diff := cmp.Diff(diary{"start a", "start b", "stop a"}, d); diff != "" {
		t.Fatal(diff)
	}
}

func TestFailureOfOneStopsAll(t *testing.T) {
	t.Parallel()
	var d diary
	boom := errors.New("boom")
	failed := make(chan error, 1)
	failed <- boom
	broken := d.service("b", nil)
	broken.Failed = failed
	if err := group(d.service("a", nil), broken).Run(t.Context()); !errors.Is(err, boom) {
		t.Fatalf("Run returned %v", err)
	}
	if diff := cmp.Diff(diary{"start a", "start b", "stop b", "stop a"}, d); diff != "" {
		t.Fatal(diff)
	}
}
