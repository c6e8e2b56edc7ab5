package idempotency_test

import (
	"errors"
	"sync"
	"testing"

	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/fault"
	"risingstars/platform/idempotency"
)

func each(t *testing.T, test func(t *testing.T, s *idempotency.Store, db *database.DB)) {
	databasetest.Each(t, []database.Migrations{idempotency.Migrations()}, func(t *testing.T, db *database.DB) {
		test(t, idempotency.New(db), db)
	})
}

func claim(t *testing.T, s *idempotency.Store, key string) *idempotency.Claim {
	t.Helper()
	c, err := s.Claim(t.Context(), "ana", "upload", key)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func succeed(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// lapse ends all leases, as if the processes that hold them had been killed some time ago.
func lapse(t *testing.T, db *database.DB) {
	t.Helper()
	if _, err := db.Exec(t.Context(), `UPDATE idempotency_keys SET lease_until = 0`); err != nil {
		t.Fatal(err)
	}
}

func TestAFinishedKeyStandsForItsAnswer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *idempotency.Store, _ *database.DB) {
		first := claim(t, s, "k")
		succeed(t, first.Match(t.Context(), "request"), first.Finish(t.Context(), "answer"))
		succeed(t, first.Release(t.Context(), true)) // changes nothing
		again := claim(t, s, "k")
		if again.Answer != "answer" || again.Resumed {
			t.Errorf("%+v, want the answer", again)
		}
		succeed(t, again.Match(t.Context(), "request"))
		if err := again.Match(t.Context(), "another"); !errors.Is(err, idempotency.ErrMismatch) {
			t.Errorf("another request: %v, want ErrMismatch", err)
		}
		for _, other := range [][3]string{{"bob", "upload", "k"}, {"ana", "vote", "k"}, {"ana", "upload", "l"}} {
			c, err := s.Claim(t.Context(), other[0], other[1], other[2])
			if err != nil || c.Answer != "" {
				t.Errorf("%v: %+v, %v, want a key of its own", other, c, err)
				continue
			}
			succeed(t, c.Release(t.Context(), true))
		}
	})
}

func TestOneOfManyAttemptsAtOnceHasTheKey(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *idempotency.Store, _ *database.DB) {
		const attempts = 20
		claims := make([]*idempotency.Claim, attempts)
		var all sync.WaitGroup
		for i := range attempts {
			all.Go(func() {
				c, err := s.Claim(t.Context(), "ana", "upload", "k")
				if err != nil && (!errors.Is(err, idempotency.ErrInProgress) || fault.From(err).RetryAfter == 0) {
					t.Error(err)
				}
				claims[i] = c
			})
		}
		all.Wait()
		held := 0
		for _, c := range claims {
			if c != nil {
				held++
				succeed(t, c.Release(t.Context(), true))
			}
		}
		if held != 1 {
			t.Errorf("%d attempts have the key, want 1", held)
		}
	})
}

func TestWhatFailedWithoutEffectIsForgotten(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *idempotency.Store, _ *database.DB) {
		first := claim(t, s, "k")
		succeed(t, first.Match(t.Context(), "wrong"), first.Release(t.Context(), true))
		second := claim(t, s, "k")
		if second.Resumed || second.Subject == first.Subject {
			t.Errorf("%+v resumes", second)
		}
		succeed(t, second.Match(t.Context(), "right"), second.Release(t.Context(), false))

		// This one may have had its effect.
		third := claim(t, s, "k")
		if !third.Resumed || third.Subject != second.Subject {
			t.Errorf("%+v does not resume %+v", third, second)
		}
		if err := third.Match(t.Context(), "other"); !errors.Is(err, idempotency.ErrMismatch) {
			t.Errorf("another request: %v, want ErrMismatch", err)
		}
		succeed(t, third.Release(t.Context(), true))
		if fourth := claim(t, s, "k"); !fourth.Resumed || fourth.Subject != second.Subject {
			t.Errorf("%+v has forgotten the effect", fourth)
		} else {
			succeed(t, fourth.Release(t.Context(), true))
		}
	})
}

func TestTheNextAttemptResumesThatOfAProcessThatWasKilled(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *idempotency.Store, db *database.DB) {
		killed := claim(t, s, "k")
		lapse(t, db)
		next := claim(t, s, "k")
		if !next.Resumed || next.Subject != killed.Subject {
			t.Errorf("%+v does not resume %+v", next, killed)
		}
		if err := killed.Finish(t.Context(), "late"); err == nil {
			t.Error("an attempt that has lost its key kept its answer")
		}
		succeed(t, next.Match(t.Context(), "request"), next.Finish(t.Context(), "answer"))
		if after := claim(t, s, "k"); after.Answer != "answer" {
			t.Errorf("%+v, want the answer", after)
		}
	})
}

func TestExpiredKeysAreSwept(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *idempotency.Store, db *database.DB) {
		for _, key := range []string{"old", "used", "young"} {
			succeed(t, claim(t, s, key).Finish(t.Context(), "answer"))
			if key == "used" {
				_, err := db.Exec(t.Context(), `UPDATE idempotency_keys SET expires_at = 0, lease_until = 0`)
				succeed(t, err)
				if c := claim(t, s, key); c.Answer != "" || c.Resumed {
					t.Errorf("%+v, want a new attempt", c)
				} else {
					succeed(t, c.Finish(t.Context(), "new answer"))
				}
			}
		}
		succeed(t, s.Sweep(t.Context()))
		var left struct{ N int }
		err := db.Query(t.Context(), &left, `SELECT COUNT(*) AS n FROM idempotency_keys`)
		if err != nil || left.N != 2 {
			t.Errorf("%d keys (%v), want 2", left.N, err)
		}
	})
}
