package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestACrowdIsSeededTheSameEachTime(t *testing.T) {
	onlyInStage(t, embedded, onehost)
	t.Parallel()
	s, other := newSite(t), newSite(t)
	crowd := []string{
		"seed", "--contestants=40", "--voters=30", "--votes=500", "--cities=14", "--password=one two three",
	}
	for _, of := range []*site{s, other} {
		of.migrate(t)
		stdout, stderr, code := of.runApp(t, crowd...)
		if code != 0 || !strings.Contains(stdout, "added 40 contestants, 30 voters, 500 votes") {
			t.Fatalf("%d %s %s", code, stdout, stderr)
		}
	}
	for _, sum := range []string{
		`SELECT COUNT(DISTINCT city) AS n FROM identity_users`,
		`SELECT SUM(LENGTH(title) * (published_at % 1000003)) AS n FROM voting_entries`,
		`SELECT SUM(t.votes * (e.published_at % 1000003)) AS n
			FROM voting_tallies t JOIN voting_entries e ON e.video_id = t.video_id`,
	} {
		if a, b := s.queryInt(t, sum), other.queryInt(t, sum); a != b || a == 0 {
			t.Errorf("%s: %d and %d", sum, a, b)
		}
	}
	s.start(t)
	for list, want := range map[string]string{"videos": "40", "videos?order=votes": "40"} {
		a := s.get(t, "/api/public/"+list, "").want(t, http.StatusOK, "")
		if got := a.Header.Get("X-Total-Count"); got != want {
			t.Errorf("%s: %s in all, want %s", list, got, want)
		}
	}
	var ranking struct {
		Total    int
		Rankings []struct{ Votes int }
	}
	s.get(t, "/api/public/rankings?page_size=100", "").want(t, http.StatusOK, "").decode(t, &ranking)
	sum := 0
	for _, r := range ranking.Rankings {
		sum += r.Votes
	}
	if ranking.Total != 40 || sum != 500 || ranking.Rankings[0].Votes < 2*ranking.Rankings[39].Votes {
		t.Errorf("the ranking is %+v", ranking)
	}
	s.post(t, "/api/auth/login", "", map[string]string{"email": "crowd-1-40@example.com", "password": "one two three"}).
		want(t, http.StatusOK, "")

	// Two files of each video are missing, and no counter is wrong.
	if stdout, _, _ := s.runApp(t, "storage", "check"); !strings.Contains(stdout, "40 videos: 80 found") {
		t.Errorf("storage check: %s", stdout)
	}
	for _, row := range []struct {
		args []string
		want string
	}{
		{crowd, "there are 70 accounts already"},
		{append(crowd, "--force"), "the crowd of --seed 1 is there already"},
		{[]string{"seed", "--votes=-1"}, "--votes must be"},
		{[]string{"seed", "--contestants=2", "--voters=1", "--votes=7"}, "--votes must be from 0 to 6"},
	} {
		if _, stderr, code := s.runApp(t, row.args...); code == 0 || !strings.Contains(stderr, row.want) {
			t.Errorf("%v: %d %s", row.args, code, stderr)
		}
	}
	if _, stderr, code := s.runApp(t, append(crowd, "--force", fmt.Sprintf("--seed=%d", 2))...); code != 0 {
		t.Errorf("another crowd: %s", stderr)
	}
}

func TestASeededCrowdMayHaveFiles(t *testing.T) {
	onlyInStage(t, embedded) // ffmpeg takes its time
	t.Parallel()
	s := newSite(t)
	s.migrate(t)
	_, stderr, code := s.runApp(t, "seed", "--contestants=2", "--voters=1", "--votes=3", "--clips=files")
	if code != 0 {
		t.Fatal(stderr)
	}
	if stdout, _, _ := s.runApp(t, "storage", "check"); !strings.Contains(stdout, "2 videos: 0 found") {
		t.Errorf("storage check: %s", stdout)
	}
	if _, stderr, code := s.runApp(t, "seed", "--clips=some"); code == 0 || !strings.Contains(stderr, "rows or files") {
		t.Errorf("%d %s", code, stderr)
	}
}
