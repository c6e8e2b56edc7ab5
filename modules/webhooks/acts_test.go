package webhooks_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"risingstars/modules/webhooks"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/fault"
)

func codeOf(err error) string {
	if err == nil {
		return ""
	}
	return fault.From(err).Code
}

// notPublic are addresses that lead into some network of ours, however they are written.
var notPublic = []string{
	"127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255",
	"192.168.1.1", "169.254.169.254", "169.254.0.1", "100.64.0.1", "100.100.100.200", "100.127.255.255", "192.0.0.192",
	"192.0.2.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.7", "192.88.99.1", "224.0.0.1",
	"239.255.255.250", "240.0.0.1", "255.255.255.255", "168.63.129.16",
	"[::]", "[::1]", "[::127.0.0.1]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[::ffff:8.8.8.8]",
	"[::ffff:a9fe:a9fe]", "[64:ff9b::7f00:1]", "[64:ff9b:1::1]", "[100::1]", "[2001::1]", "[2001:db8::1]",
	"[2002:7f00:1::]", "[3fff::1]", "[5f00::1]", "[fc00::1]", "[fd00:ec2::254]", "[fe80::1]", "[fe80::1%25eth0]",
	"[fec0::1]", "[ff02::1]", "[ff0e::1]",
}

// An endpoint whose address is not public is refused, and so is everything else that is wrong. Nothing changes then.
func TestAWrongEndpointIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.Open(t, owners...), func(d *webhooks.Deps) { d.Options.AllowPrivate = false })
	good := webhooks.Spec{URL: "https://example.org/hooks", Kinds: webhooks.Kinds(), On: true}
	e, _, err := b.Register(t.Context(), admin, good)
	if err != nil {
		t.Fatal(err)
	}
	for _, public := range []string{
		"https://8.8.8.8/x", "https://[2606:4700::1111]:8443/", "https://münchen.example/",
	} {
		spec := good
		spec.URL = public
		if err := b.Change(t.Context(), admin, e.ID, spec); err != nil {
			t.Errorf("%s: %v", public, err)
		}
	}
	if err := b.Change(t.Context(), admin, e.ID, good); err != nil {
		t.Fatal(err)
	}
	wrong := map[string]webhooks.Spec{}
	for _, host := range notPublic {
		wrong["body.url "+host] = webhooks.Spec{URL: "https://" + host + "/hooks", Kinds: good.Kinds}
	}
	for _, address := range []string{
		"", "example.org", "http://example.org/", "ftp://example.org/", "https://", "https:///x", "file:///etc/passwd",
		"https://user:password@example.org/", "https://example.org/#x", "https://example.org/a b",
		"https://exa\nmple.org", "https://example.org/" + strings.Repeat("x", 2000),
		"javascript:alert(1)", "https://[::1", "//example.org/",
	} {
		wrong["body.url "+address] = webhooks.Spec{URL: address, Kinds: good.Kinds}
	}
	wrong["body.events none"] = webhooks.Spec{URL: good.URL}
	wrong["body.events unknown"] = webhooks.Spec{URL: good.URL, Kinds: []webhooks.Kind{webhooks.VideoFailed, "video.x"}}
	wrong["body.events internal"] = webhooks.Spec{URL: good.URL, Kinds: []webhooks.Kind{"webhook.test"}}
	wrong["body.description long"] = webhooks.Spec{
		URL: good.URL, Kinds: good.Kinds, Description: strings.Repeat("x", 201),
	}
	for name, spec := range wrong {
		_, _, err := b.Register(t.Context(), admin, spec)
		for _, err := range []error{err, b.Change(t.Context(), admin, e.ID, spec)} {
			f := fault.From(err)
			if f.Code != "invalid" || len(f.Fields) != 1 || !strings.HasPrefix(name, f.Fields[0].Location+" ") {
				t.Errorf("%q: %v %+v", name, err, f.Fields)
			}
		}
	}
	all, err := b.Endpoints(t.Context(), admin.ID)
	if err != nil || len(all) != 1 || all[0].URL != good.URL {
		t.Errorf("the webhooks are %+v, %v", all, err)
	}
}

// A public name that resolves to an address that is not is refused when the connection is made.
func TestANameThatLeadsInsideIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.Open(t, owners...), func(d *webhooks.Deps) { d.Options.AllowPrivate = false })
	_, port, _ := strings.Cut(strings.TrimPrefix(b.receiver.server.URL, "http://"), ":")
	e, _, err := b.Register(t.Context(), admin, webhooks.Spec{
		URL: "https://localhost:" + port + "/", Kinds: webhooks.Kinds(), On: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	b.tell("")
	b.run(true)
	b.eventually("it is refused", func() bool { return b.endpoint(e.ID).Failures > 0 })
	if got := b.endpoint(e.ID).LastError; got != "address_not_public" || len(b.receiver.seen()) != 0 {
		t.Errorf("%s, %d requests", got, len(b.receiver.seen()))
	}
}

// An endpoint that was added while private addresses were allowed is not sent to without TLS afterwards.
func TestPlainHTTPEndsWithTheSetting(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, owners...)
	spec := webhooks.Spec{URL: "http://webhooks.invalid/", Kinds: webhooks.Kinds(), On: true}
	e, _, err := setup(t, db, nil).Register(t.Context(), admin, spec)
	if err != nil {
		t.Fatal(err)
	}
	b := setup(t, db, func(d *webhooks.Deps) { d.Options.AllowPrivate = false })
	b.tell("")
	b.run(true)
	b.eventually("it fails", func() bool { return b.endpoint(e.ID).Failures > 0 })
	if got := b.endpoint(e.ID).LastError; got != "address_not_public" {
		t.Error(got)
	}
}

// Whoever may not manage webhooks learns and changes nothing; each act stands in the log with its reason, and without
// what in an address may be secret.
func TestActsNeedARightAndAReason(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db, nil)
		id, _ := b.register()
		b.tell("event")
		delivery := b.deliveries(id)[0].ID
		type act func(ctx context.Context, by webhooks.Actor) error
		all := map[string]act{
			"register": func(ctx context.Context, by webhooks.Actor) error {
				_, _, err := b.Register(ctx, by, b.spec())
				return err
			},
			"change": func(ctx context.Context, by webhooks.Actor) error { return b.Change(ctx, by, id, b.spec()) },
			"rotate": func(ctx context.Context, by webhooks.Actor) error {
				_, err := b.Rotate(ctx, by, id, time.Hour)
				return err
			},
			"try":    func(ctx context.Context, by webhooks.Actor) error { return b.Try(ctx, by, id) },
			"replay": func(ctx context.Context, by webhooks.Actor) error { return b.Replay(ctx, by, id, delivery) },
			"replay all": func(ctx context.Context, by webhooks.Actor) error {
				_, err := b.ReplayFailed(ctx, by, id)
				return err
			},
			"remove": func(ctx context.Context, by webhooks.Actor) error { return b.Remove(ctx, by, id) },
		}
		logged := len(b.acts.all)
		for name, do := range all {
			err := do(t.Context(), webhooks.Actor{ID: "somebody", Reason: "Please."})
			if codeOf(err) != "forbidden_role" {
				t.Errorf("%s without the right: %v", name, err)
			}
			for _, reason := range []string{"", " . ", strings.Repeat("x", 501)} {
				if err := do(t.Context(), webhooks.Actor{ID: admin.ID, Reason: reason}); codeOf(err) != "invalid" {
					t.Errorf("%s with the reason %.5q: %v", name, reason, err)
				}
			}
		}
		if _, err := b.Endpoints(t.Context(), "somebody"); codeOf(err) != "forbidden_role" {
			t.Errorf("the list: %v", err)
		}
		_, _, err := b.Deliveries(t.Context(), "somebody", id, webhooks.DeliveryFilter{}, 0, 1)
		if codeOf(err) != "forbidden_role" {
			t.Errorf("the deliveries: %v", err)
		}
		if e := b.endpoint(id); len(b.acts.all) != logged || !e.PreviousUntil.IsZero() || len(b.deliveries(id)) != 1 {
			t.Errorf("something has changed: %+v, %v", e, b.acts.all)
		}
		for _, name := range []string{"change", "rotate", "try", "replay", "replay all", "register", "remove"} {
			if err := all[name](t.Context(), admin); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		log := strings.Join(b.acts.all, "\n")
		if strings.Contains(log, "key=") || strings.Count(log, "|A test.") != logged+7 {
			t.Errorf("the log has\n%s", log)
		}
		if _, err := b.EndpointOf(t.Context(), admin.ID, id); codeOf(err) != "not_found" {
			t.Errorf("the deleted webhook: %v", err)
		}
		for name, do := range all {
			if name != "register" && codeOf(do(t.Context(), admin)) != "not_found" {
				t.Errorf("%s of one that does not exist: %v", name, do(t.Context(), admin))
			}
		}
	})
}

// The path and the query of an address may be secret: whoever may only read sees neither.
func TestAuditorsSeeNoWholeAddress(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.Open(t, owners...), nil)
	id, _ := b.register()
	one, err := b.EndpointOf(t.Context(), auditor, id)
	if err != nil || one.URL != b.receiver.server.URL {
		t.Errorf("%q, %v", one.URL, err)
	}
	if all, err := b.Endpoints(t.Context(), auditor); err != nil || len(all) != 1 || all[0].URL != one.URL {
		t.Errorf("%+v, %v", all, err)
	}
	if whole := b.endpoint(id).URL; whole != b.spec().URL {
		t.Errorf("the admin sees %q", whole)
	}
}

// What the log has about a person goes with the person.
func TestAPersonIsErasedFromTheLog(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db, nil)
		id, _ := b.register()
		for _, user := range []string{"ana", "ben", ""} {
			e := webhooks.Event{ID: "about " + user, Kind: webhooks.EntryHidden, UserID: user}
			if err := b.Tell(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		for _, user := range []string{"ana", "ana", ""} {
			if err := b.ErasePerson(t.Context(), user); err != nil {
				t.Fatal(err)
			}
		}
		all := b.deliveries(id)
		if len(all) != 2 || all[0].EventID != "about " || all[1].EventID != "about ben" {
			t.Errorf("the log has %+v", all)
		}
	})
}

// What an endpoint answers to a try that was under way while somebody changed it says nothing about what it is now.
func TestAChangeIsNotUndoneByATryUnderWay(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db, nil)
		arrived, changed := make(chan struct{}), make(chan struct{})
		b.receiver.answers(func(w http.ResponseWriter, _ *http.Request, nth int) {
			if nth == 1 {
				close(arrived)
				<-changed
				w.WriteHeader(http.StatusGone)
			}
		})
		id, _ := b.register()
		b.tell("")
		b.run(true)
		<-arrived
		if err := b.Change(t.Context(), admin, id, b.spec()); err != nil {
			t.Error(err)
		}
		secret, err := b.Rotate(t.Context(), admin, id, 0)
		if err != nil {
			t.Error(err)
		}
		close(changed)
		b.eventually("it is delivered", func() bool { return b.deliveries(id)[0].State == webhooks.Delivered })
		seen := b.receiver.seen()
		if e := b.endpoint(id); e.State != webhooks.On || e.Failures != 0 || seen[1].verify(secret) != nil {
			t.Errorf("it is %+v, %v", e, seen[1].header)
		}
	})
}

// There are at most 20, so that an act tells no crowd.
func TestThereAreFewWebhooks(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db, nil)
		for range 20 {
			b.register()
		}
		if _, _, err := b.Register(t.Context(), admin, b.spec()); codeOf(err) != "too_many_webhooks" {
			t.Errorf("the 21st: %v", err)
		}
	})
}
