package identity_test

import (
	"testing"
	"time"

	"risingstars/modules/identity"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/fault"
)

// A browser is signed in until it signs out or is not used for long; what the table has signs nobody in.
func TestABrowserIsSignedInUntilItIsNotUsed(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{identity.Migrations()}, func(t *testing.T, db *database.DB) {
		m, _ := setup(t, db)
		signedIn := func(token string) bool {
			t.Helper()
			id, _, err := m.BrowserCaller(t.Context(), token, "")
			if err != nil && fault.From(err).Kind != fault.Unauthenticated {
				t.Fatal(err)
			}
			return err == nil && id == "ana"
		}
		open := func() string {
			t.Helper()
			token, err := m.SignInBrowser(t.Context(), identity.Visitor{UserID: "ana", Agent: "Firefox\x00 on a phone"})
			if err != nil {
				t.Fatal(err)
			}
			return token
		}
		set := func(sql string, at time.Time) {
			t.Helper()
			if _, err := db.Exec(t.Context(), sql, database.Micros(at)); err != nil {
				t.Fatal(err)
			}
		}
		phone, laptop := open(), open()
		if !signedIn(phone) || !signedIn(laptop) || signedIn("") || signedIn(phone+"A") {
			t.Fatal("the tokens do not sign in, or others do")
		}
		var rows []struct{ TokenHash string }
		if err := db.Query(t.Context(), &rows, "SELECT token_hash FROM identity_browsers"); err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if row.TokenHash == phone || signedIn(row.TokenHash) {
				t.Error("what the table has signs in")
			}
		}
		if err := m.SignOutBrowser(t.Context(), phone); err != nil || signedIn(phone) || !signedIn(laptop) {
			t.Errorf("signing out ends another browser, or not this one: %v", err)
		}
		// Use renews it, once an hour at most.
		set("UPDATE identity_browsers SET used_at = ?", time.Now().Add(-2*time.Hour))
		set("UPDATE identity_browsers SET expires_at = ?", time.Now().Add(time.Minute))
		if !signedIn(laptop) {
			t.Fatal("a browser that is used is signed out")
		}
		var left []struct{ ExpiresAt int64 }
		if err := db.Query(t.Context(), &left, "SELECT expires_at FROM identity_browsers"); err != nil {
			t.Fatal(err)
		}
		renewed := database.FromMicros(left[0].ExpiresAt)
		if time.Until(renewed) < identity.DefaultSessionTTL-time.Hour {
			t.Errorf("use renews it until %v", renewed)
		}
		set("UPDATE identity_browsers SET expires_at = ?", time.Now().Add(-time.Second))
		if signedIn(laptop) {
			t.Error("a browser that was not used for long is signed in")
		}
		open() // which also forgets what has expired
		err := db.Query(t.Context(), &rows, "SELECT token_hash FROM identity_browsers")
		if err != nil || len(rows) != 1 {
			t.Errorf("%d browsers are kept, %v", len(rows), err)
		}
	})
}
