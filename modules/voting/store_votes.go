package voting

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"risingstars/platform/database"
)

// contestants returns whose entries they are; those that are none are missing.
func (s *store) contestants(ctx context.Context, videoIDs []string) (map[string]string, error) {
	var rows []struct{ VideoID, UserID string }
	among, ids := s.among(videoIDs)
	err := s.db.Query(ctx, &rows, `SELECT video_id, user_id FROM voting_entries WHERE video_id `+among, ids)
	if err != nil {
		return nil, wrapVotes(err)
	}
	of := make(map[string]string, len(rows))
	for _, row := range rows {
		of[row.VideoID] = row.UserID
	}
	return of, nil
}

// addVotes stores votes and counts them for the contestants; it returns, for each entry, those whose vote is new. A
// trigger counts them for the entries. Here and everywhere, rows are locked in the order votes (by entry and voter),
// tally, entry, contestant, and those of one table in the order of their ids: so voters wait for each other but never
// deadlock.
func (s *store) addVotes(ctx context.Context, votes []newVote) (added map[string]map[string]bool, err error) {
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
	table, params := s.table("v", column{"video_id", "text", videos}, column{"user_id", "text", voters},
		column{"contestant_id", "text", ofs})
	err = s.db.Query(ctx, &rows, `
		INSERT INTO voting_votes (video_id, user_id, contestant_id, created_at)
		SELECT v.video_id, v.user_id, v.contestant_id, CAST(? AS bigint) FROM `+table+` WHERE TRUE
		ON CONFLICT (video_id, user_id) DO NOTHING RETURNING video_id, user_id`,
		append([]any{at}, params...)...) // without WHERE, SQLite takes ON for a join's
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
	times, err := s.restoreTimes(ctx, added, at)
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

// restoreTimes gives new votes, which have the time at, the time of the same vote before it was taken back, if it was;
// it returns the latest time of each entry's new votes. It is a statement of its own after the votes' rows are locked:
// only now is a withdrawal that ran at the same time visible.
func (s *store) restoreTimes(
	ctx context.Context, added map[string]map[string]bool, at int64,
) (latest map[string]int64, err error) {
	var videos, voters []string
	for video, of := range added {
		for voter := range of {
			videos, voters = append(videos, video), append(voters, voter)
		}
	}
	var withdrawn []struct {
		VideoID, UserID string
		CastAt          int64
	}
	table, params := s.table("v", column{"video_id", "text", videos}, column{"user_id", "text", voters})
	err = s.db.Query(ctx, &withdrawn, `
		SELECT * FROM (
			SELECT v.video_id, v.user_id, (SELECT w.cast_at FROM voting_withdrawn_votes w
				WHERE w.video_id = v.video_id AND w.user_id = v.user_id) AS cast_at
			FROM `+table+`
		) AS votes WHERE cast_at IS NOT NULL`, params...) // a join might read the whole table
	if err != nil {
		return nil, err
	}
	latest, restored := make(map[string]int64, len(added)), map[string]int{}
	for _, vote := range withdrawn {
		_, err := s.db.Exec(ctx, `
			UPDATE voting_votes SET created_at = ? WHERE video_id = ? AND user_id = ?`,
			vote.CastAt, vote.VideoID, vote.UserID)
		if err != nil {
			return nil, err
		}
		restored[vote.VideoID]++
		latest[vote.VideoID] = max(latest[vote.VideoID], vote.CastAt)
	}
	for video, of := range added {
		if restored[video] < len(of) {
			latest[video] = max(latest[video], at)
		}
	}
	return latest, nil
}

// count is what a contestant has gained.
type count struct {
	votes int
	at    int64 // of the latest vote
}

// countForContestants locks the rows in the order of their ids before it changes them in any order.
func (s *store) countForContestants(ctx context.Context, counts map[string]count) error {
	ids := slices.Sorted(maps.Keys(counts))
	if len(ids) > 1 && s.db.Dialect() == database.PostgreSQL { // SQLite has one writer anyway
		among, param := s.among(ids)
		_, err := s.db.Exec(ctx, `
			SELECT 1 FROM voting_contestants WHERE user_id `+among+` ORDER BY user_id FOR UPDATE`, param)
		if err != nil {
			return err
		}
	}
	var votes, times []string
	for _, id := range ids {
		votes = append(votes, strconv.Itoa(counts[id].votes))
		times = append(times, strconv.FormatInt(counts[id].at, 10))
	}
	table, params := s.table("more", column{"user_id", "text", ids}, column{"votes", "bigint", votes},
		column{"at", "bigint", times})
	_, err := s.db.Exec(ctx, `
		UPDATE voting_contestants AS c SET behind = TRUE, votes = c.votes + more.votes,
			reached_at = CASE WHEN c.reached_at < more.at THEN more.at ELSE c.reached_at END
		FROM `+table+` WHERE c.user_id = more.user_id`, params...)
	return err
}

// removeVote deletes a vote, notes when it was cast, and no longer counts it for the contestant, as a trigger does for
// the entry; it reports whether there was a vote.
func (s *store) removeVote(ctx context.Context, videoID, contestantID, voterID string) (bool, error) {
	var votes []struct{ CreatedAt int64 }
	err := s.db.Query(ctx, &votes, `
		DELETE FROM voting_votes WHERE video_id = ? AND user_id = ? RETURNING created_at`, videoID, voterID)
	if err != nil || len(votes) == 0 {
		return false, wrapVote(err)
	}
	_, err = s.db.Exec(ctx, `
		INSERT INTO voting_withdrawn_votes (video_id, user_id, cast_at) VALUES (?, ?, ?)
		ON CONFLICT (video_id, user_id) DO NOTHING`, videoID, voterID, votes[0].CreatedAt)
	if err != nil {
		return false, wrapVote(err)
	}
	if err := s.lockContestant(ctx, contestantID); err != nil {
		return false, wrapVote(err)
	}
	// A statement of its own, after the contestant's row is locked: only now are all votes committed before ours
	// visible. A vote counts as no older than the contestant, whose row another clock may have dated.
	_, err = s.db.Exec(ctx, `
		UPDATE voting_contestants SET behind = TRUE, votes = votes - 1, reached_at = COALESCE(
			(SELECT created_at FROM voting_votes
			WHERE contestant_id = ? AND created_at > voting_contestants.joined_at
			ORDER BY created_at DESC LIMIT 1), joined_at)
		WHERE user_id = ?`, contestantID, contestantID)
	return true, wrapVote(err)
}

// lockContestant keeps other transactions from counting votes for a contestant until this one ends. SQLite has one
// writer anyway.
func (s *store) lockContestant(ctx context.Context, id string) error {
	if s.db.Dialect() == database.SQLite {
		return nil
	}
	_, err := s.db.Exec(ctx, `SELECT 1 FROM voting_contestants WHERE user_id = ? FOR UPDATE`, id)
	return err
}

func wrapVote(err error) error {
	if err != nil {
		return fmt.Errorf("store vote: %w", err)
	}
	return nil
}
