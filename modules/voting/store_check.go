package voting

import (
	"context"
	"fmt"
)

// checkBatch is how many rows are compared by one statement.
const checkBatch = 500

func (s *store) eachEntry(ctx context.Context, each func(videoIDs []string) error) error {
	return s.eachID(ctx, "voting_entries", "video_id", each)
}

func (s *store) eachContestant(ctx context.Context, each func(userIDs []string) error) error {
	return s.eachID(ctx, "voting_contestants", "user_id", each)
}

// eachID calls each with all ids in a column, in batches.
func (s *store) eachID(ctx context.Context, table, column string, each func(ids []string) error) error {
	for after := ""; ; {
		ids, err := s.idsAfter(ctx, table, column, after, checkBatch)
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := each(ids); err != nil {
			return err
		}
		after = ids[len(ids)-1]
	}
}

// entriesAfter returns the ids of the entries that follow one, at most limit.
func (s *store) entriesAfter(ctx context.Context, after string, limit int) ([]string, error) {
	return s.idsAfter(ctx, "voting_entries", "video_id", after, limit)
}

func (s *store) idsAfter(ctx context.Context, table, column, after string, limit int) ([]string, error) {
	var rows []struct{ ID string }
	err := s.db.Query(ctx, &rows, fmt.Sprintf(
		`SELECT %[2]s AS id FROM %[1]s WHERE %[2]s > ? ORDER BY %[2]s LIMIT ?`, table, column), after, limit)
	if err != nil {
		return nil, fmt.Errorf("list the ids in %s: %w", table, err)
	}
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	return ids, nil
}

func (s *store) outputs(ctx context.Context, videoIDs []string) (map[string]Output, error) {
	var rows []entryRow
	err := s.db.Gorm(ctx).Select("video_id", "processed_key", "poster_key",
		"small_key", "small_width", "small_height", "poster_640_key", "poster_320_key").
		Where("video_id IN ?", videoIDs).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read the files of entries: %w", err)
	}
	found := make(map[string]Output, len(rows))
	for _, row := range rows {
		found[row.VideoID] = row.output()
	}
	hidden, err := s.hiddenEntries(ctx, videoIDs)
	for _, e := range hidden {
		found[e.VideoID] = e.Output
	}
	return found, err
}

// miscountedEntries uses one statement, which sees one moment.
func (s *store) miscountedEntries(ctx context.Context, videoIDs []string) (wrong []Miscount, err error) {
	return s.miscounted(ctx, `
		SELECT 'votes of entry' AS counter, e.video_id AS id, COALESCE(t.votes, -1) AS counted,
			(SELECT COUNT(*) FROM voting_votes v WHERE v.video_id = e.video_id) AS present
		FROM voting_entries e LEFT JOIN voting_tallies t ON t.video_id = e.video_id WHERE e.video_id IN ?`, videoIDs)
}

func (s *store) miscountedContestants(ctx context.Context, userIDs []string) (wrong []Miscount, err error) {
	return s.miscounted(ctx, `
		SELECT 'votes of contestant' AS counter, c.user_id AS id, c.votes AS counted,
			(SELECT COUNT(*) FROM voting_votes v WHERE v.contestant_id = c.user_id) AS present
		FROM voting_contestants c WHERE c.user_id IN ?`, userIDs)
}

// miscountedProfiles compares all contestants at once, because no index has the entries by contestant. It returns the
// first checkBatch.
func (s *store) miscountedProfiles(ctx context.Context) (wrong []Miscount, err error) {
	return s.miscounted(ctx, `
		SELECT 'entries of contestant' AS counter, c.user_id AS id, c.entries AS counted,
			COALESCE(e.entries, 0) AS present
		FROM voting_contestants c LEFT JOIN (
			SELECT user_id, COUNT(*) AS entries FROM voting_entries GROUP BY user_id
		) e ON e.user_id = c.user_id`)
}

// miscountedPlaces compares all places at once. A place without a row counts nothing.
func (s *store) miscountedPlaces(ctx context.Context) (wrong []Miscount, err error) {
	for _, of := range []string{"entries", "contestants"} {
		found, err := s.miscounted(ctx, fmt.Sprintf(`
			SELECT '%[1]s of place' AS counter, present.city || ' / ' || present.country AS id,
				COALESCE(p.%[1]s, 0) AS counted, present.n AS present
			FROM (
				SELECT city, country, SUM(n) AS n FROM (
					SELECT city_folded AS city, country_folded AS country, 0 AS n FROM voting_places
					UNION ALL SELECT '*', '*', COUNT(*) FROM voting_%[1]s
					UNION ALL SELECT '*', country_folded, COUNT(*) FROM voting_%[1]s GROUP BY country_folded
					UNION ALL SELECT city_folded, '*', COUNT(*) FROM voting_%[1]s GROUP BY city_folded
					UNION ALL SELECT city_folded, country_folded, COUNT(*) FROM voting_%[1]s
						GROUP BY city_folded, country_folded
				) numbers GROUP BY city, country
			) present LEFT JOIN voting_places p
				ON p.city_folded = present.city AND p.country_folded = present.country`, of))
		if err != nil {
			return nil, err
		}
		wrong = append(wrong, found...)
	}
	return wrong, nil
}

func (s *store) miscounted(ctx context.Context, counters string, args ...any) (wrong []Miscount, err error) {
	err = s.db.Query(ctx, &wrong,
		`SELECT counter, id, counted, present FROM (`+counters+`) counters WHERE counted <> present LIMIT ?`,
		append(args, checkBatch)...)
	if err != nil {
		return nil, fmt.Errorf("compare counters with their rows: %w", err)
	}
	return wrong, nil
}
