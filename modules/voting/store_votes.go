package voting

import (
	"context"
	"fmt"
	"time"

	"risingstars/platform/database"
)

// vote is one person's vote for one video.
type vote struct {
	VideoID      string
	UserID       string
	ContestantID string
	CreatedAt    time.Time
}

// insertVote stores the vote and raises both counters; it says false when the vote is there already. Rows are locked in
// the order vote, entry, contestant, as everywhere, so that voters wait for each other but never in a circle.
func (s *store) insertVote(ctx context.Context, v vote) (bool, error) {
	at := database.Micros(v.CreatedAt)
	rows, err := s.db.Exec(ctx, `
		INSERT INTO voting_votes (video_id, user_id, contestant_id, created_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (video_id, user_id) DO NOTHING`, v.VideoID, v.UserID, v.ContestantID, at)
	if err != nil || rows == 0 {
		return false, wrapVote(err)
	}
	if err := s.count(ctx, v.VideoID, v.ContestantID, +1); err != nil {
		return false, err
	}
	_, err = s.db.Exec(ctx, `
		UPDATE voting_contestants SET reached_at = ? WHERE user_id = ? AND reached_at < ?`, at, v.ContestantID, at)
	return true, wrapVote(err)
}

// deleteVote removes the vote and lowers both counters; it says false when there is none.
func (s *store) deleteVote(ctx context.Context, videoID, userID, contestantID string) (bool, error) {
	rows, err := s.db.Exec(ctx, `DELETE FROM voting_votes WHERE video_id = ? AND user_id = ?`, videoID, userID)
	if err != nil || rows == 0 {
		return false, wrapVote(err)
	}
	if err := s.count(ctx, videoID, contestantID, -1); err != nil {
		return false, err
	}
	// A statement of its own, after the contestant's row is locked: only now are the votes of those before us visible.
	_, err = s.db.Exec(ctx, `
		UPDATE voting_contestants SET reached_at = COALESCE(
			(SELECT MAX(created_at) FROM voting_votes WHERE contestant_id = ?), joined_at)
		WHERE user_id = ?`, contestantID, contestantID)
	return true, wrapVote(err)
}

// count moves the counters of an entry and of its contestant. An entry that was withdrawn meanwhile is errNoEntry.
func (s *store) count(ctx context.Context, videoID, contestantID string, by int) error {
	rows, err := s.db.Exec(ctx, `UPDATE voting_entries SET votes = votes + ? WHERE video_id = ?`, by, videoID)
	if err != nil {
		return wrapVote(err)
	}
	if rows == 0 {
		return errNoEntry
	}
	_, err = s.db.Exec(ctx, `UPDATE voting_contestants SET votes = votes + ? WHERE user_id = ?`, by, contestantID)
	return wrapVote(err)
}

func (s *store) tallies(ctx context.Context, videoIDs []string) (map[string]int, error) {
	tallies := make(map[string]int, len(videoIDs))
	if len(videoIDs) == 0 {
		return tallies, nil
	}
	var rows []entryRow
	err := s.db.Gorm(ctx).Select("video_id", "votes").Where("video_id IN ?", videoIDs).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read tallies: %w", err)
	}
	for _, row := range rows {
		tallies[row.VideoID] = row.Votes
	}
	return tallies, nil
}

type contestantRow struct {
	UserID   string `gorm:"primaryKey"`
	Username string
	City     string
	Country  string
	Votes    int
}

func (contestantRow) TableName() string { return "voting_contestants" }

func (s *store) ranks(ctx context.Context, f Filter, offset, limit int) ([]Rank, int, error) {
	query := narrow(s.db.Gorm(ctx).Model(&contestantRow{}), Filter{City: f.City, Country: f.Country})
	var rows []contestantRow
	err := query.Order("votes DESC, reached_at, user_id").Offset(offset).Limit(limit).Find(&rows).Error
	if err != nil {
		return nil, 0, fmt.Errorf("rank contestants: %w", err)
	}
	total, err := countAll(query, offset, limit, len(rows))
	if err != nil {
		return nil, 0, fmt.Errorf("count contestants: %w", err)
	}
	ranks := make([]Rank, len(rows))
	for i, row := range rows {
		ranks[i] = Rank{
			Position: offset + i + 1, UserID: row.UserID, Username: row.Username,
			City: row.City, Country: row.Country, Votes: row.Votes,
		}
	}
	return ranks, total, nil
}

func wrapVote(err error) error {
	if err != nil {
		return fmt.Errorf("store vote: %w", err)
	}
	return nil
}
