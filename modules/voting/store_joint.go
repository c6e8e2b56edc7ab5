package voting

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"risingstars/platform/database"
)

// The statements of this file are for PostgreSQL. Their texts are the same for any number of rows, which come as
// arrays, so that each connection prepares them once.

// textArray returns an array of texts as PostgreSQL reads it.
func textArray(texts []string) string {
	var b strings.Builder
	for i, text := range texts {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('"')
		b.WriteString(arrayEscaper.Replace(text))
		b.WriteByte('"')
	}
	return "{" + b.String() + "}"
}

var arrayEscaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// contestants returns whose entries they are; those that are none are missing.
func (s *store) contestants(ctx context.Context, videoIDs []string) (map[string]string, error) {
	var rows []struct{ VideoID, UserID string }
	err := s.db.Query(ctx, &rows, `
		SELECT video_id, user_id FROM voting_entries WHERE video_id = ANY(?::text[])`, textArray(videoIDs))
	if err != nil {
		return nil, wrapVotes(err)
	}
	of := make(map[string]string, len(rows))
	for _, row := range rows {
		of[row.VideoID] = row.UserID
	}
	return of, nil
}

// addVotesOfMany is addVotes for several entries. It returns, for each entry, those whose vote is new. It locks rows in
// the order of addVotes, and those of one table in the order of their ids.
func (s *store) addVotesOfMany(ctx context.Context, votes []newVote) (added map[string]map[string]bool, err error) {
	votes = sortVotes(votes)
	if len(votes) == 0 {
		return nil, nil
	}
	at := database.Micros(time.Now())
	var videos, voters, ofs []string
	contestants := map[string]string{} // by video
	for _, v := range votes {
		videos, voters, ofs = append(videos, v.videoID), append(voters, v.voterID), append(ofs, v.contestantID)
		contestants[v.videoID] = v.contestantID
	}
	var rows []struct{ VideoID, UserID string }
	err = s.db.Query(ctx, &rows, `
		INSERT INTO voting_votes (video_id, user_id, contestant_id, created_at)
		SELECT v.video_id, v.user_id, v.contestant_id, ?::bigint
		FROM unnest(?::text[], ?::text[], ?::text[]) AS v (video_id, user_id, contestant_id)
		ON CONFLICT (video_id, user_id) DO NOTHING RETURNING video_id, user_id`,
		at, textArray(videos), textArray(voters), textArray(ofs))
	if err != nil || len(rows) == 0 {
		return nil, wrapVotes(err)
	}
	added = map[string]map[string]bool{}
	for _, row := range rows {
		if added[row.VideoID] == nil {
			added[row.VideoID] = map[string]bool{}
		}
		added[row.VideoID][row.UserID] = true
	}
	times, err := s.restoreTimesOfMany(ctx, added, at)
	if err != nil {
		return nil, wrapVotes(err)
	}
	counts := map[string]count{} // by contestant
	for video, voters := range added {
		c := counts[contestants[video]]
		counts[contestants[video]] = count{c.votes + len(voters), max(c.at, times[video])}
	}
	return added, wrapVotes(s.countForContestants(ctx, counts))
}

// restoreTimesOfMany is restoreTimes for several entries; it returns the latest time of each entry's new votes.
func (s *store) restoreTimesOfMany(
	ctx context.Context, added map[string]map[string]bool, at int64,
) (times map[string]int64, err error) {
	var videos, voters []string
	for video, of := range added {
		for voter := range of {
			videos, voters = append(videos, video), append(voters, voter)
		}
	}
	var withdrawn []struct{ VideoID string }
	err = s.db.Query(ctx, &withdrawn, `
		SELECT DISTINCT w.video_id FROM unnest(?::text[], ?::text[]) AS v (video_id, user_id)
		JOIN voting_withdrawn_votes w ON w.video_id = v.video_id AND w.user_id = v.user_id`,
		textArray(videos), textArray(voters))
	if err != nil {
		return nil, err
	}
	times = make(map[string]int64, len(added))
	for video := range added {
		times[video] = at
	}
	for _, w := range withdrawn {
		voters := slices.Sorted(maps.Keys(added[w.VideoID]))
		if times[w.VideoID], err = s.restoreTimes(ctx, w.VideoID, voters, at); err != nil {
			return nil, err
		}
	}
	return times, nil
}

// count is what a contestant has gained.
type count struct {
	votes int
	at    int64 // of the latest vote
}

// countForContestants locks the rows in the order of their ids before it changes them in any order.
func (s *store) countForContestants(ctx context.Context, counts map[string]count) error {
	ids := slices.Sorted(maps.Keys(counts))
	_, err := s.db.Exec(ctx, `
		SELECT 1 FROM voting_contestants WHERE user_id = ANY(?::text[]) ORDER BY user_id FOR UPDATE`, textArray(ids))
	if err != nil {
		return err
	}
	var votes, times []string
	for _, id := range ids {
		votes = append(votes, strconv.Itoa(counts[id].votes))
		times = append(times, strconv.FormatInt(counts[id].at, 10))
	}
	_, err = s.db.Exec(ctx, `
		UPDATE voting_contestants c
		SET behind = TRUE, votes = c.votes + more.votes, reached_at = GREATEST(c.reached_at, more.at)
		FROM unnest(?::text[], ?::bigint[], ?::bigint[]) AS more (user_id, votes, at)
		WHERE c.user_id = more.user_id`, textArray(ids), textArray(votes), textArray(times))
	return err
}

// talliesOfMany is tallies for any number of entries.
func (s *store) talliesOfMany(ctx context.Context, videoIDs []string) (map[string]int, error) {
	var rows []tallyRow
	err := s.db.Query(ctx, &rows, `
		SELECT video_id, votes FROM voting_tallies WHERE video_id = ANY(?::text[])`, textArray(videoIDs))
	if err != nil {
		return nil, wrapVotes(err)
	}
	tallies := make(map[string]int, len(rows))
	for _, row := range rows {
		tallies[row.VideoID] = row.Votes
	}
	return tallies, nil
}
