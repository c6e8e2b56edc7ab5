package voting

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"
)

func (s *store) performer(ctx context.Context, userID string) (p Performer, err error) {
	if err := s.relist(ctx, contestantsByVotes()); err != nil {
		return p, err
	}
	var row contestantRow
	err = s.db.Gorm(ctx).Where("user_id = ?", userID).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return p, s.whyNoPerformer(ctx, userID)
	}
	if err != nil {
		return p, fmt.Errorf("read contestant %s: %w", userID, err)
	}
	p.Rank = Rank{
		UserID: row.UserID, PlayerName: row.PlayerName, City: row.City, Country: row.Country, Votes: row.Votes,
	}
	for _, place := range []struct {
		filter       Filter
		position, of *int
	}{
		{Filter{}, &p.Position, &p.Of},
		{Filter{Country: row.Country}, &p.InCountry, &p.OfCountry},
		{Filter{City: row.City, Country: row.Country}, &p.InCity, &p.OfCity},
	} {
		if *place.of, err = s.inPlace(ctx, "contestants", place.filter); err == nil {
			*place.position, err = s.position(ctx, row, place.filter)
		}
		if err != nil {
			return p, fmt.Errorf("rank contestant %s: %w", userID, err)
		}
	}
	var ids []struct{ VideoID string }
	err = s.db.Query(ctx, &ids, `
		SELECT video_id FROM voting_entries WHERE user_id = ? ORDER BY published_at DESC, video_id DESC LIMIT ?`,
		userID, mostShown)
	if err != nil {
		return p, fmt.Errorf("list the entries of contestant %s: %w", userID, err)
	}
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = id.VideoID
	}
	if p.Entries, err = s.entriesByID(ctx, names); err == nil && len(p.Entries) == 0 {
		err = s.whyNoPerformer(ctx, userID)
	}
	return p, err
}

// whyNoPerformer tells whoever has nothing but hidden entries from whoever has none.
func (s *store) whyNoPerformer(ctx context.Context, userID string) error {
	var row struct{ N int }
	err := s.db.Query(ctx, &row, `SELECT COUNT(*) AS n FROM voting_hidden_entries WHERE user_id = ?`, userID)
	switch {
	case err != nil:
		return fmt.Errorf("look for hidden entries of %s: %w", userID, err)
	case row.N > 0:
		return errPerformerGone
	}
	return errNoPerformer
}

// position counts, in an index, the contestants who come before one in the ranking of a place.
func (s *store) position(ctx context.Context, of contestantRow, f Filter) (int, error) {
	query := in(s.db.Gorm(ctx).Model(&contestantRow{}), f)
	var more, tied int64
	if err := query.Where("listed_votes > ?", of.Votes).Count(&more).Error; err != nil {
		return 0, err
	}
	earlier := query.Where("listed_votes = ? AND (listed_at, user_id) < (?, ?)", of.Votes, of.ListedAt, of.UserID)
	err := earlier.Count(&tied).Error
	return int(more+tied) + 1, err
}
