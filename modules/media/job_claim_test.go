package media

import (
	"context"
	"errors"
	"testing"
)

// gone is a claim that is lost. It tells each time that it is asked.
type gone struct {
	videoClaim
	asked chan struct{}
}

func (g gone) renew(ctx context.Context, _ string, _ int) (bool, error) { return g.holds(ctx) }

func (g gone) holds(ctx context.Context) (bool, error) {
	select {
	case g.asked <- struct{}{}:
	case <-ctx.Done():
	}
	return false, nil
}

// A commit ends the claim. Whoever looks after the claim at that moment must not take it for lost, and break off the
// commit whose outcome would then be unknown.
func TestACommitIsNotBrokenOff(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, committing := range []bool{false, true} {
		ctx, cancel := context.WithCancelCause(t.Context())
		g := gone{asked: make(chan struct{})}
		j := s.newJob(Video{}, g)
		j.committing.Store(committing)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			j.keepClaim(ctx, cancel)
		}()
		<-g.asked
		if committing {
			<-g.asked // so the first answer has had its effect
			if ctx.Err() != nil {
				t.Errorf("the commit is broken off: %v", context.Cause(ctx))
			}
			cancel(nil)
		}
		<-ended
		if lost := errors.Is(context.Cause(ctx), errClaimLost); lost == committing {
			t.Errorf("committing %v: the claim is lost: %v", committing, lost)
		}
	}
}
