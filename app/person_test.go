package app

import (
	"fmt"
	"strings"
	"testing"

	"risingstars/modules/identity"
)

// Of the log, a person reads what was done to them and what they did, but not who else was concerned, nor what others
// wrote down about them.
func TestACopyHasNobodyElsesActs(t *testing.T) {
	t.Parallel()
	const ana, mod = "ana", "mod"
	log := []identity.Record{
		{Actor: mod, Act: "user.suspend", Subject: "user:ana", Before: "open", After: "suspended", Reason: "told"},
		{Actor: mod, Act: "roles.set", Subject: "user:ana", Before: "none", After: "juror", Reason: "secret"},
		{Actor: mod, Act: "sessions.end", Subject: "user:ana", Before: "secret", After: "secret", Reason: "secret"},
		{Actor: ana, Act: "account.delete", Subject: "user:ana", Reason: "own"},
	}
	done := fmt.Sprint(actsOn(ana, log))
	for _, part := range []string{"suspended", "told", "juror", "own", "sessions.end"} {
		if !strings.Contains(done, part) {
			t.Errorf("what was done to her lacks %q: %s", part, done)
		}
	}
	by := fmt.Sprint(actsBy(ana, []identity.Record{
		{Actor: ana, Act: "user.suspend", Subject: "user:secret", Before: "secret", After: "secret", Reason: "secret"},
		{Actor: ana, Act: "video.hide", Subject: "video:secret", Before: "secret", After: "secret", Reason: "secret"},
		{Actor: ana, Act: "account.delete", Subject: "user:ana", Reason: "own"},
	}))
	for _, part := range []string{"user.suspend", "video.hide", "own"} {
		if !strings.Contains(by, part) {
			t.Errorf("what she did lacks %q: %s", part, by)
		}
	}
	if all := done + by; strings.Contains(all, "secret") || strings.Contains(all, mod) {
		t.Errorf("the copy tells too much: %s", all)
	}
}
