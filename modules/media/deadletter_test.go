package media

import (
	"context"
	"testing"
	"time"

	"risingstars/platform/queue"
)

// dies delivers the death of a video's task, with the last of three attempts.
func (s *studio) dies(t *testing.T, v Video) {
	t.Helper()
	task := queue.Task{Kind: processKind, ID: v.ID}
	if err := s.fail(t.Context(), queue.Delivery{Task: task, Attempt: 3, MaxAttempts: 3}, "late"); err != nil {
		t.Fatal(err)
	}
}

// tries claims a video and fails for a reason on our side.
func (s *studio) tries(t *testing.T, v Video, times int) {
	t.Helper()
	for range times {
		if err := s.store.release(t.Context(), s.claimed(t, v)); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *studio) wantStatus(t *testing.T, v Video, want Status) {
	t.Helper()
	if row := s.read(t, v.ID); row.Status != string(want) {
		t.Fatalf("%+v, want it %s", row, want)
	}
}

// The queue believes that the last worker has vanished, but it, or another one, is at work.
func TestALateDeadLetterSparesAVideoInWork(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		v := s.upload(t, notReallyAVideo())
		s.tries(t, v, 3)
		held := s.claimed(t, v)
		s.dies(t, v)
		s.wantStatus(t, v, Processing)
		if renewed, err := s.store.renew(t.Context(), held, stepProcessing, 50); err != nil || !renewed {
			t.Fatal(renewed, err)
		}
		if err := s.jobOf(held).publish(t.Context(), rendered(t)); err != nil {
			t.Fatal(err)
		}
		s.wantStatus(t, v, Processed)
		s.pass(t, time.Hour)
		s.sweep(t)
		s.wantStatus(t, v, Processed)
	})
}

// A clip that kills its workers comes to an end, although its task dies before the lease of the last one lapses.
func TestAVideoFailsWhenTheWorkerDiesThatItsDeadLetterSpared(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		then func(t *testing.T, s *studio, held Video)
		want Status
	}{
		"killed":   {func(*testing.T, *studio, Video) {}, Failed},
		"released": {func(t *testing.T, s *studio, held Video) { release(t, s, held) }, Failed},
		"given back, as its worker stopped": {func(t *testing.T, s *studio, held Video) {
			if _, err := s.store.giveBack(t.Context(), held); err != nil {
				t.Error(err)
			}
		}, Uploaded},
		"tried again meanwhile": {func(t *testing.T, s *studio, held Video) {
			release(t, s, held)
			release(t, s, s.claimed(t, held))
		}, Processing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, s *studio) {
				v := s.upload(t, notReallyAVideo())
				s.tries(t, v, 2)
				held := s.claimed(t, v)
				s.dies(t, v)
				s.wantStatus(t, v, Processing)
				c.then(t, s, held)
				s.pass(t, time.Hour)
				s.sweep(t)
				s.wantStatus(t, v, c.want)
			})
		})
	}
}

func release(t *testing.T, s *studio, v Video) {
	t.Helper()
	if err := s.store.release(t.Context(), v); err != nil {
		t.Error(err)
	}
}

// The death of the task is told again, after the video has been retried.
func TestALateDeadLetterSparesARetriedVideo(t *testing.T) {
	t.Parallel()
	for name, retry := range map[string]func(t *testing.T, s *studio, v Video){
		"by its owner": func(t *testing.T, s *studio, v Video) {
			if _, err := s.Retry(t.Context(), "ana", v.ID); err != nil {
				t.Fatal(err)
			}
			s.tries(t, v, 1)
		},
		"by an operator": func(t *testing.T, s *studio, v Video) { s.redriven(t, v) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, s *studio) {
				v := s.upload(t, notReallyAVideo())
				s.tries(t, v, 3)
				s.dies(t, v)
				s.wantStatus(t, v, Failed)
				retry(t, s, v)
				s.dies(t, v)
				s.wantStatus(t, v, Processing)
				s.tries(t, v, 1)
				s.dies(t, v)
				s.wantStatus(t, v, Processing)
				s.tries(t, v, 1)
				s.dies(t, v)
				s.wantStatus(t, v, Failed)
			})
		})
	}
}

// redriven delivers a redriven task once, whose attempt fails for a reason on our side.
func (s *studio) redriven(t *testing.T, v Video) {
	t.Helper()
	d := queue.Delivery{Task: queue.Task{Kind: processKind, ID: v.ID}, Attempt: 1, MaxAttempts: 3, Redriven: true}
	held, err := s.claim(t.Context(), d)
	if err != nil || held.ID != v.ID {
		t.Fatal(held, err)
	}
	release(t, s, held)
}

// The operator redrives a task whose death nobody could tell the module, and then somebody does.
func TestALateDeadLetterSparesARedrivenVideoThatHadNotFailed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		v := s.upload(t, notReallyAVideo())
		s.tries(t, v, 3)
		s.redriven(t, v)
		s.dies(t, v)
		s.wantStatus(t, v, Processing)
		s.tries(t, v, 2)
		s.dies(t, v)
		s.wantStatus(t, v, Failed)
	})
}

// Deployments that interrupt a video's attempts do not use them up.
func TestAnAttemptThatIsGivenBackDoesNotCount(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		v := s.upload(t, notReallyAVideo())
		for range 3 {
			if back, err := s.store.giveBack(t.Context(), s.claimed(t, v)); err != nil || !back {
				t.Fatal(back, err)
			}
		}
		s.tries(t, v, 1)
		s.dies(t, v)
		s.wantStatus(t, v, Processing)
	})
}

// A dead letter and a claim meet; whoever comes first, a video that a worker holds does not fail.
func TestADeadLetterAndAClaimAtTheSameTime(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		for range 20 {
			v := s.upload(t, notReallyAVideo())
			s.tries(t, v, 3)
			ctx, died := t.Context(), make(chan error, 1)
			go func() {
				task := queue.Task{Kind: processKind, ID: v.ID}
				died <- s.fail(context.WithoutCancel(ctx), queue.Delivery{Task: task, MaxAttempts: 3}, "")
			}()
			_, claimed, err := s.store.claim(ctx, v.ID)
			if other := <-died; err != nil || other != nil {
				t.Fatal(err, other)
			}
			if row := s.read(t, v.ID); claimed != (row.Status == string(Processing)) {
				t.Fatalf("claimed: %t, and the video is %s", claimed, row.Status)
			}
		}
	})
}
