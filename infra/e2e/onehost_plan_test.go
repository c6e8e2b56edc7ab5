package e2e

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// seqScan matches a plan that reads one of the tables that grow with the contest from end to end.
var seqScan = regexp.MustCompile(
	`Seq Scan on (voting_entries|voting_contestants|voting_tallies|voting_votes|media_videos)\b`)

// fillTables inserts 100,000 contestants with one video and one vote each, in no particular order.
const fillTables = `
	CREATE TEMPORARY TABLE numbers AS
		SELECT i, lpad((i::bigint * 7919 % 1000003)::text, 12, '0') AS tail FROM generate_series(1, 100000) AS i;
	INSERT INTO voting_contestants (user_id, username, city, city_folded, country, country_folded, entries, votes,
			joined_at, reached_at)
		SELECT '00000000-0000-7000-8000-' || tail, 'Player ' || i, 'City ' || i % 50, 'city ' || i % 50,
			'Country ' || i % 5, 'country ' || i % 5, 1, i * 31 % 1009, i, i * 17 % 100003 FROM numbers;
	INSERT INTO voting_entries (video_id, user_id, player_name, city, city_folded, country, country_folded,
			title, description, search_text, processed_key, poster_key, duration_ms, votes, uploaded_at, published_at,
			fold_version)
		SELECT '00000000-0000-7000-9000-' || tail, '00000000-0000-7000-8000-' || tail, 'Player ' || i,
			'City ' || i % 50, 'city ' || i % 50, 'Country ' || i % 5, 'country ' || i % 5,
			'Song ' || i, repeat('About the song. ', 10), 'song ' || i, 'processed/v', 'processed/p', 35000,
			i * 31 % 1009, i, i * 17 % 100003, 2 FROM numbers;
	INSERT INTO voting_votes (video_id, user_id, contestant_id, created_at)
		SELECT '00000000-0000-7000-9000-' || tail, '00000000-0000-7000-a000-' || i % 1000,
			'00000000-0000-7000-8000-' || tail, i FROM numbers;
	UPDATE voting_tallies SET listed_votes = votes, behind = FALSE;
	UPDATE voting_contestants SET listed_votes = votes, listed_at = reached_at, behind = FALSE;
	INSERT INTO media_videos (id, owner_id, title, description, status, original_key, sent_at, uploaded_at)
		SELECT '00000000-0000-7000-9000-' || tail, '00000000-0000-7000-8000-' || tail,
			'Song ' || i, repeat('About the song. ', 10), 'processed', 'uploads/o', i, i FROM numbers`

// With 100,000 rows in each table, PostgreSQL executes none of the app's queries by reading a whole table.
func TestNoQueryScansAWholeTable(t *testing.T) {
	onlyInStage(t, onehost)
	t.Parallel()
	postgres := startPostgres(t,
		"shared_preload_libraries=auto_explain", "auto_explain.log_min_duration=0", "log_min_messages=log")
	s := &site{DataDir: t.TempDir()}
	s.useServers(postgres.URL, serverURL(t, "TEST_REDIS_URL")+"/1023")
	runRedisCommands(t, s.redis, "SELECT 1023", "FLUSHDB")
	s.migrate(t)
	execAsAdmin(t, postgres.URL, fillTables)
	execAsAdmin(t, postgres.URL, "VACUUM ANALYZE")
	s.start(t)
	before := len(postgres.output.String())

	ana := s.newPerson(t, "")
	if v := ana.waitForFinal(t, ana.upload(t, tinyClip(t), "Song")); v.Status != "processed" {
		t.Fatalf("the video is %+v", v)
	}
	city, country := url.QueryEscape("City 7"), url.QueryEscape("Country 3")
	for _, query := range []string{
		"videos?page=1", "videos?page=3&page_size=100", "videos?order=votes",
		"videos?city=" + city, "videos?order=votes&city=" + city, "videos?country=" + country,
		"videos?q=4711", "videos?order=votes&q=ng+4711", "videos?q=4711&city=" + city,
		"rankings?page=1", "rankings?page=3&page_size=100", "rankings?city=" + city, "rankings?country=" + country,
	} {
		s.get(t, "/api/public/"+query, "").want(t, http.StatusOK, "")
	}
	const entry = "/api/public/videos/00000000-0000-7000-9000-000000007919"
	s.get(t, entry, "").want(t, http.StatusOK, "")
	s.post(t, entry+"/vote", ana.Token, nil).want(t, http.StatusOK, "")
	s.do(t, http.MethodDelete, entry+"/vote", ana.Token, "", nil).want(t, http.StatusOK, "")
	s.get(t, "/api/videos", ana.Token).want(t, http.StatusOK, "")

	// The server may answer a query before it logs it.
	logged := func() string { return postgres.output.String()[before:] }
	for _, part := range []string{
		`"attempt"=attempt + 1`, "voting_entries_recent_idx", "voting_tallies_city_idx",
		"voting_entries_search_idx", "voting_contestants_rank_idx", "voting_contestants_city_rank_idx",
		"media_videos_waiting_idx", "media_videos_owner_idx", "DELETE FROM voting_votes",
	} {
		eventually(t, "the log contains "+part, func() bool { return strings.Contains(logged(), part) })
	}
	for plan := range strings.SplitSeq(logged(), "LOG:  duration:") {
		if seqScan.MatchString(plan) {
			t.Errorf("a whole table is read:\n%s", plan)
		}
	}
}
