package voting

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"risingstars/platform/database"
)

// contestants returns whose entries they are; those that are none are missing.
func (s *store) contestants(ctx context.Context, videoIDs []string) (map[string]string, error) {
	var rows []struct{ VideoID, UserID string }
	err := s.db.Query(ctx, &rows, `SELECT video_id, user_id FROM voting_entries WHERE video_id IN ?`, videoIDs)
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
	values := make([]any, 0, 4*len(votes))
	contestants := map[string]string{} // by video
	for _, v := range votes {
		values = append(values, v.videoID, v.voterID, v.contestantID, at)
		contestants[v.videoID] = v.contestantID
	}
	var rows []struct{ VideoID, UserID string }
	err = s.db.Query(ctx, &rows, `
		INSERT INTO voting_votes (video_id, user_id, contestant_id, created_at) VALUES `+placeholders(len(values), 4)+`
		ON CONFLICT (video_id, user_id) DO NOTHING RETURNING video_id, user_id`, values...)
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
	var pairs []any
	for video, voters := range added {
		for voter := range voters {
			pairs = append(pairs, video, voter)
		}
	}
	var withdrawn []struct{ VideoID string }
	err = s.db.Query(ctx, &withdrawn, `
		SELECT DISTINCT video_id FROM voting_withdrawn_votes
		WHERE (video_id, user_id) IN (VALUES `+placeholders(len(pairs), 2)+`)`, pairs...)
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
		SELECT 1 FROM voting_contestants WHERE user_id IN ? ORDER BY user_id FOR UPDATE`, ids)
	if err != nil {
		return err
	}
	values := make([]any, 0, 3*len(ids))
	for _, id := range ids {
		values = append(values, id, counts[id].votes, counts[id].at)
	}
	const row = `(CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS BIGINT))`
	_, err = s.db.Exec(ctx, `
		UPDATE voting_contestants AS c SET behind = TRUE, votes = c.votes + more.n, reached_at = GREATEST(c.reached_at, more.at)
		FROM (VALUES `+row+strings.Repeat(", "+row, len(ids)-1)+`) AS more (user_id, n, at)
		WHERE c.user_id = more.user_id`, values...)
	return err
}
