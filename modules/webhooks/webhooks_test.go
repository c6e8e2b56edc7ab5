package webhooks_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"risingstars/modules/webhooks"
	"risingstars/platform/auth"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/fault"
)

var errForbidden = fault.New(fault.Forbidden, "forbidden_role", "No.", "No.")

// An event reaches the endpoints that want its kind, signed, and once if they accept it at once.
func TestAnEventIsDeliveredSigned(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db, nil)
		b.run(true)
		id, secret := b.register()
		other := b.spec()
		other.Kinds = []webhooks.Kind{webhooks.VideoFailed}
		uninterested, _, err := b.Register(t.Context(), admin, other)
		if err != nil {
			t.Fatal(err)
		}
		b.tell("act-1")
		b.tell("act-1") // whoever noticed it twice
		b.eventually("it is delivered", func() bool {
			all := b.deliveries(id)
			return len(all) == 1 && all[0].State == webhooks.Delivered
		})
		seen := b.receiver.seen()
		if len(seen) != 1 {
			t.Fatalf("%d requests", len(seen))
		}
		event := seen[0].decode(t)
		if err := seen[0].verify(secret); err != nil || seen[0].id() != "act-1" || event.Type != "entry.hidden" ||
			event.Data["video_id"] != "v1" || time.Since(event.Timestamp) > time.Minute ||
			seen[0].header.Get("Content-Type") != "application/json" {
			t.Errorf("%v: %v %s", err, seen[0].header, seen[0].body)
		}
		if err := seen[0].verify("whsec_" + strings.Repeat("A", 43) + "="); err == nil {
			t.Error("another secret verifies it, too")
		}
		d := b.deliveries(id)[0]
		if d.Tries != 1 || d.Status != 200 || d.Error != "" || d.TriedAt.IsZero() {
			t.Errorf("the log has %+v", d)
		}
		if n := len(b.deliveries(uninterested.ID)); n != 0 {
			t.Errorf("an endpoint that wants other events has %d deliveries", n)
		}
	})
}

// What an act that did not happen would have told is told to nobody.
func TestAnActThatIsUndoneIsNotTold(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db, nil)
		id, _ := b.register()
		undone := errors.New("undone")
		err := db.InTx(t.Context(), func(ctx context.Context) error {
			return errors.Join(b.Tell(ctx, webhooks.Event{Kind: webhooks.VideoFailed}), undone)
		})
		if !errors.Is(err, undone) || len(b.deliveries(id)) != 0 {
			t.Errorf("%v, %+v", err, b.deliveries(id))
		}
	})
}

// An event is tried again with the same id, in the queue or, if the queue has lost it, without it. The failures of the
// endpoint are forgotten once it accepts something.
func TestAFailedEventIsTriedAgainWithItsID(t *testing.T) {
	t.Parallel()
	for name, works := range map[string]bool{"by the queue": true, "by the sweeper": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
				b := setup(t, db, func(d *webhooks.Deps) { d.Options.Grace = 100 * time.Millisecond })
				failures := []int{http.StatusInternalServerError, http.StatusFound, http.StatusBadRequest}
				b.receiver.answers(func(w http.ResponseWriter, r *http.Request, nth int) {
					if nth <= len(failures) {
						w.Header().Set("Location", "/elsewhere")
						w.WriteHeader(failures[nth-1])
					}
				})
				b.run(works)
				id, secret := b.register()
				b.tell("")
				b.eventually("it is delivered", func() bool { return b.deliveries(id)[0].State == webhooks.Delivered })
				seen := b.receiver.seen()
				if len(seen) != len(failures)+1 {
					t.Fatalf("%d requests", len(seen))
				}
				for _, g := range seen {
					if err := g.verify(secret); err != nil || g.id() != seen[0].id() ||
						string(g.body) != string(seen[0].body) {
						t.Errorf("%v: %v", err, g.header)
					}
				}
				if e := b.endpoint(id); e.Failures != 0 || !e.FailingSince.IsZero() || e.LastError != "" {
					t.Errorf("the endpoint is %+v", e)
				}
				if strings.Contains(b.logged(), "hidden") {
					t.Errorf("the log has the query of the address:\n%s", b.logged())
				}
			})
		})
	}
}

func (b *bench) logged() string {
	b.logLock.Lock()
	defer b.logLock.Unlock()
	return b.log.String()
}

// An endpoint that is down costs one try at a time, and gets everything once it is up.
func TestAnEndpointThatIsDownIsTriedOnceAtATime(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.Open(t, owners...), func(d *webhooks.Deps) { d.Options.Pause = 300 * time.Millisecond })
	b.receiver.answers(statusOf(http.StatusServiceUnavailable))
	id, _ := b.register()
	for range 30 {
		b.tell("")
	}
	began := time.Now()
	b.run(true)
	b.eventually("it has failed twice", func() bool { return b.endpoint(id).Failures >= 2 })
	if n, most := len(b.receiver.seen()), 2+int(time.Since(began)/(300*time.Millisecond)); n > most {
		t.Errorf("%d requests to an endpoint that is down, in %v", n, time.Since(began))
	}
	b.receiver.answers(nil)
	b.eventually("all are delivered", func() bool {
		_, n, err := b.Deliveries(t.Context(), admin.ID, id, webhooks.DeliveryFilter{State: webhooks.Delivered}, 0, 1)
		return err == nil && n == 30
	})
}

// An endpoint that nothing has reached for days is switched off, says why, and has in its log what it missed. Once it
// is on again, that can be sent.
func TestAnEndpointThatFailsForLongIsSwitchedOff(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db, nil)
		b.receiver.answers(statusOf(http.StatusTeapot))
		b.run(true)
		id, secret := b.register()
		b.tell("first")
		b.eventually("it fails", func() bool { return b.endpoint(id).Failures > 0 })
		b.exec(`UPDATE webhooks_endpoints SET failing_since = failing_since - ?`,
			(72*time.Hour + time.Minute).Microseconds())
		b.eventually("it is switched off", func() bool { return b.endpoint(id).State == webhooks.Failed })
		if e := b.endpoint(id); e.LastStatus != http.StatusTeapot || e.LastError != "status" ||
			time.Since(e.FailingSince) < 72*time.Hour {
			t.Errorf("it is switched off as %+v", e)
		}
		b.tell("missed")
		for _, d := range b.deliveries(id) {
			if d.State != webhooks.Undelivered || d.EventID == "missed" && d.Error != "switched_off" {
				t.Errorf("the log has %+v", d)
			}
		}
		if err := b.Replay(t.Context(), admin, id, b.deliveries(id)[0].ID); codeOf(err) != "webhook_off" {
			t.Errorf("a replay to an endpoint that is off: %v", err)
		}
		b.receiver.answers(nil)
		if err := b.Change(t.Context(), admin, id, b.spec()); err != nil {
			t.Fatal(err)
		}
		if n, err := b.ReplayFailed(t.Context(), admin, id); err != nil || n != 2 {
			t.Fatalf("%d are sent again, %v", n, err)
		}
		b.eventually("both are delivered", func() bool {
			all := b.deliveries(id)
			return all[0].State == webhooks.Delivered && all[1].State == webhooks.Delivered
		})
		before := len(b.receiver.seen())
		for range 2 { // the second changes nothing while it waits, or sends it once more
			if err := b.Replay(t.Context(), admin, id, b.deliveries(id)[1].ID); err != nil {
				t.Fatal(err)
			}
		}
		b.eventually("it is sent again", func() bool { return len(b.receiver.seen()) > before })
		if last := b.receiver.seen()[before]; last.id() != "first" || last.verify(secret) != nil {
			t.Errorf("what is sent again is %v", last.header)
		}
	})
}

// Only an unbroken series of failures switches an endpoint off: neither a failure long before a silence counts, nor one
// before an event that was accepted in the same turn.
func TestAFailureNowAndThenSwitchesNothingOff(t *testing.T) {
	t.Parallel()
	longAgo := (72*time.Hour + time.Minute).Microseconds()
	fail := func(b *bench) string {
		b.receiver.answers(statusOf(http.StatusServiceUnavailable))
		id, _ := b.register()
		b.tell("")
		b.run(true)
		b.eventually("it fails", func() bool { return b.endpoint(id).Failures > 0 })
		return id
	}
	t.Run("after a silence", func(t *testing.T) {
		t.Parallel()
		databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
			b := setup(t, db, func(d *webhooks.Deps) { d.Options.Pause = time.Hour })
			id := fail(b)
			b.exec(`UPDATE webhooks_endpoints SET failing_since = failing_since - ?, next_at = next_at - ?,
				failures = 7`, longAgo, longAgo)
			b.tell("")
			b.eventually("it fails again", func() bool { return b.endpoint(id).Failures != 7 })
			e := b.endpoint(id)
			if e.State != webhooks.On || e.Failures != 1 || time.Since(e.FailingSince) > time.Hour {
				t.Errorf("it is %+v", e)
			}
		})
	})
	t.Run("after an accepted event", func(t *testing.T) {
		t.Parallel()
		b := setup(t, databasetest.Open(t, owners...), func(d *webhooks.Deps) { d.Options.Pause = 2 * time.Second })
		id := fail(b)
		b.receiver.answers(func(w http.ResponseWriter, _ *http.Request, nth int) {
			if nth > 2 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		})
		b.exec(`UPDATE webhooks_endpoints SET failing_since = failing_since - ?`, longAgo)
		b.tell("")
		b.eventually("one is accepted, and one fails", func() bool {
			return len(b.receiver.seen()) > 2 && b.endpoint(id).Failures > 0
		})
		if e := b.endpoint(id); e.State != webhooks.On || time.Since(e.FailingSince) > time.Hour {
			t.Errorf("it is %+v", e)
		}
	})
}

// 410 is an endpoint's way to say that it wants no more.
func TestAnEndpointThatIsGoneIsLeftAlone(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.Open(t, owners...), nil)
	b.receiver.answers(statusOf(http.StatusGone))
	b.run(true)
	id, _ := b.register()
	b.tell("")
	b.eventually("it is gone", func() bool { return b.endpoint(id).State == webhooks.Gone })
	b.tell("")
	if all := b.deliveries(id); len(all) != 1 || all[0].State != webhooks.Undelivered || len(b.receiver.seen()) != 1 {
		t.Errorf("%d requests, %+v", len(b.receiver.seen()), all)
	}
}

// An event that nobody could deliver within a day is given up, whether its turn came or not; the log forgets after two
// weeks.
func TestAnEventIsGivenUpAfterADay(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db, nil)
		b.receiver.answers(statusOf(http.StatusInternalServerError))
		id, _ := b.register()
		b.tell("old")
		b.exec(`UPDATE webhooks_deliveries SET expires_at = expires_at - ?`, (25 * time.Hour).Microseconds())
		b.run(true)
		b.eventually("it is given up", func() bool { return b.deliveries(id)[0].State == webhooks.Undelivered })
		if d := b.deliveries(id)[0]; d.Error == "" {
			t.Errorf("the log has %+v", d)
		}
	})
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db, nil)
		id, _ := b.register()
		b.tell("old")
		b.exec(`UPDATE webhooks_deliveries SET state = 'delivered', ended_at = due_at, created_at = created_at - ?`,
			(15 * 24 * time.Hour).Microseconds())
		b.tell("new")
		b.run(false)
		b.eventually("the log forgets it", func() bool {
			all := b.deliveries(id)
			return len(all) == 1 && all[0].EventID == "new"
		})
	})
}

// The last try is when the day ends, not before the pause that would end after it. What is older is sent to nobody,
// even before the log knows that it has ended.
func TestTheLastTryIsAtTheEndOfTheDay(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db, nil)
		b.receiver.answers(statusOf(http.StatusInternalServerError))
		id, _ := b.register()
		b.run(true)
		b.tell("today")
		b.eventually("it fails", func() bool { return b.deliveries(id)[0].Tries > 0 })
		b.exec(`UPDATE webhooks_deliveries SET tries = 30, expires_at = due_at + ?`, (3 * time.Second).Microseconds())
		b.eventually("it is given up", func() bool { return b.deliveries(id)[0].State == webhooks.Undelivered })
		d := b.deliveries(id)[0]
		if d.Tries < 32 || d.TriedAt.Before(d.DueAt) {
			t.Errorf("the last try is %+v", d)
		}
		requests := len(b.receiver.seen())
		b.exec(`UPDATE webhooks_deliveries SET state = 'waiting', ended_at = 0, expires_at = expires_at - ?`,
			(16 * time.Minute).Microseconds())
		b.receiver.answers(nil)
		b.tell("tomorrow")
		b.eventually("the next is delivered", func() bool { return b.deliveries(id)[0].State == webhooks.Delivered })
		if n := len(b.receiver.seen()) - requests; n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}

// For a while both secrets sign, so that the receiver can change over; without an overlap the old one signs nothing.
func TestASecretIsReplacedWithOverlap(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db, nil)
		b.run(true)
		id, first := b.register()
		second, err := b.Rotate(t.Context(), admin, id, time.Hour)
		if err != nil || second == first {
			t.Fatal(err)
		}
		if until := b.endpoint(id).PreviousUntil; time.Until(until) < 50*time.Minute {
			t.Errorf("the overlap ends at %s", until)
		}
		next := func() got {
			t.Helper()
			before := len(b.receiver.seen())
			b.tell("")
			b.eventually("it arrives", func() bool { return len(b.receiver.seen()) > before })
			return b.receiver.seen()[before]
		}
		if g := next(); g.verify(first) != nil || g.verify(second) != nil {
			t.Errorf("during the overlap: %v, %v", g.verify(first), g.verify(second))
		}
		third, err := b.Rotate(t.Context(), admin, id, 0)
		if err != nil {
			t.Fatal(err)
		}
		if g := next(); g.verify(third) != nil || g.verify(second) == nil || g.verify(first) == nil {
			t.Errorf("without overlap: %v", g.header)
		}
		fourth, err := b.Rotate(t.Context(), admin, id, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		b.exec(`UPDATE webhooks_endpoints SET previous_until = previous_until - ?`, (2 * time.Hour).Microseconds())
		if g := next(); g.verify(fourth) != nil || g.verify(third) == nil {
			t.Errorf("after the overlap: %v", g.header)
		}
		if !b.endpoint(id).PreviousUntil.IsZero() {
			t.Error("the overlap is still told of")
		}
	})
}

// The database alone tells no secret, and a secret outlives a change of SECRET_KEY.
func TestSecretsAreClosedAndClosedAgain(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, owners...)
	old, fresh := []byte(strings.Repeat("o", 32)), []byte(strings.Repeat("f", 32))
	vault := func(secret, previous []byte) func(*webhooks.Deps) {
		return func(d *webhooks.Deps) { d.Vault = auth.NewVault(auth.NewKeys(secret, previous), "webhooks") }
	}
	first := setup(t, db, vault(old, nil))
	id, secret := first.register()
	var row struct{ Secret string }
	read := func() string {
		if err := db.Query(t.Context(), &row, `SELECT secret FROM webhooks_endpoints WHERE id = ?`, id); err != nil {
			t.Fatal(err)
		}
		return row.Secret
	}
	before := read()
	if strings.Contains(before, secret[len("whsec_"):len("whsec_")+10]) || !strings.HasPrefix(secret, "whsec_") {
		t.Errorf("%q is kept as %q", secret, before)
	}
	t.Run("while both keys are known", func(t *testing.T) {
		between := setup(t, db, vault(fresh, old))
		between.run(false)
		between.eventually("it is closed again", func() bool { return read() != before })
	})
	t.Run("with the new one alone", func(t *testing.T) {
		after := setup(t, db, vault(fresh, nil))
		if err := after.Change(t.Context(), admin, id, after.spec()); err != nil {
			t.Fatal(err)
		}
		after.run(true)
		after.tell("")
		after.eventually("it is signed", func() bool { return len(after.receiver.seen()) == 1 })
		if err := after.receiver.seen()[0].verify(secret); err != nil {
			t.Error(err)
		}
	})
	t.Run("without it", func(t *testing.T) {
		lost := setup(t, db, vault(old, nil))
		lost.tell("")
		lost.run(true)
		lost.eventually("it says why it cannot sign", func() bool { return lost.endpoint(id).LastError == "secret" })
		healed, err := lost.Rotate(t.Context(), admin, id, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if err := lost.Change(t.Context(), admin, id, lost.spec()); err != nil {
			t.Fatal(err)
		}
		lost.tell("")
		lost.eventually("it is signed by the new one", func() bool { return len(lost.receiver.seen()) > 0 })
		if err := lost.receiver.seen()[0].verify(healed); err != nil {
			t.Error(err)
		}
	})
}

// Endpoints that let one wait hold up neither the worker nor each other.
func TestASlowEndpointHoldsUpNobody(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.Open(t, owners...), nil)
	held := make(chan struct{})
	t.Cleanup(func() { close(held) }) // before the receiver closes
	b.receiver.answers(func(_ http.ResponseWriter, r *http.Request, _ int) {
		if r.URL.Path == "/slow" {
			<-held
		}
	})
	spec := b.spec()
	spec.URL = b.receiver.server.URL + "/slow"
	for range 3 {
		if _, _, err := b.Register(t.Context(), admin, spec); err != nil {
			t.Fatal(err)
		}
	}
	id, _ := b.register()
	b.run(true)
	for range 3 {
		b.tell("")
	}
	b.eventually("the other endpoint has all", func() bool {
		_, n, err := b.Deliveries(t.Context(), admin.ID, id, webhooks.DeliveryFilter{State: webhooks.Delivered}, 0, 1)
		return err == nil && n == 3
	})
}

// An answer without end, and one that is cut off, count by their status.
func TestAnAnswerIsNotReadToItsEnd(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.Open(t, owners...), nil)
	b.receiver.answers(func(w http.ResponseWriter, r *http.Request, _ int) {
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, strings.Repeat("x", 8<<10)); err != nil {
				return
			}
		}
	})
	b.run(true)
	id, _ := b.register()
	b.tell("")
	b.eventually("it is delivered", func() bool { return b.deliveries(id)[0].State == webhooks.Delivered })
	if took := b.deliveries(id)[0].Took; took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}
