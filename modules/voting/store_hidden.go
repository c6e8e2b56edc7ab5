package voting

import (
	"context"
	"errors"
	"fmt"
	"time"

	"risingstars/platform/database"
)

type hiddenRow struct {
	Shown entryRow `gorm:"embedded"` // but for the folded texts
	Votes int
}

// movedColumns are those that hidden entries have as they are shown. The folded texts are made anew.
const movedColumns = `video_id, user_id, player_name, city, country, title, description, processed_key, poster_key,
	small_key, small_width, small_height, poster_640_key, poster_320_key, duration_ms, uploaded_at, published_at,
	files_missing`

// lockOwner makes the others wait who publish, hide or show entries of a person, and returns whether that is absent.
func (s *store) lockOwner(ctx context.Context, userID string) (absent bool, err error) {
	var row struct{ Absent bool }
	err = s.db.Query(ctx, &row, `
		INSERT INTO voting_owners (user_id, absent) VALUES (?, FALSE)
		ON CONFLICT (user_id) DO UPDATE SET absent = voting_owners.absent RETURNING absent`, userID)
	if err != nil {
		return false, fmt.Errorf("lock the entries of %s: %w", userID, err)
	}
	return row.Absent, nil
}

// moderation is what moderate has done.
type moderation struct {
	changed  bool   // what a moderator wants
	takenOut string // whose entry was taken out; "": none was
	untold   bool   // the entry came back, and is shown for the first time
}

// moderate hides an entry or shows it again.
func (s *store) moderate(ctx context.Context, videoID string, hidden bool) (moderation, error) {
	owner, err := s.ownerOf(ctx, videoID)
	if err != nil {
		return moderation{}, err
	}
	absent, err := s.lockOwner(ctx, owner)
	if err != nil {
		return moderation{}, err
	}
	n, err := s.db.Exec(ctx, `UPDATE voting_hidden_entries SET moderated = ? WHERE video_id = ? AND moderated = ?`,
		hidden, videoID, !hidden)
	switch {
	case err != nil:
		return moderation{}, fmt.Errorf("moderate entry %s: %w", videoID, err)
	case n > 0 && !hidden && !absent:
		untold, err := s.bringBack(ctx, owner, videoID)
		return moderation{changed: true, untold: untold}, err
	case n > 0:
		return moderation{changed: true}, nil
	case hidden:
		taken, err := s.takeOut(ctx, videoID, true)
		if !taken {
			owner = ""
		}
		return moderation{changed: taken, takenOut: owner}, err
	}
	return moderation{}, nil
}

// ownerOf returns whose entry it is, shown or hidden.
func (s *store) ownerOf(ctx context.Context, videoID string) (string, error) {
	owner, err := s.contestant(ctx, videoID)
	if !errors.Is(err, errNoEntry) {
		return owner, err
	}
	hidden, err := s.hiddenEntries(ctx, []string{videoID})
	if err == nil && len(hidden) == 0 {
		err = errNoEntry
	}
	if err != nil {
		return "", err
	}
	return hidden[0].UserID, nil
}

// setAbsent returns the entries that it has moved, and those among them that are shown for the first time.
func (s *store) setAbsent(ctx context.Context, userID string, absent bool) (moved, untold []string, err error) {
	was, err := s.lockOwner(ctx, userID)
	if err != nil || was == absent {
		return nil, nil, err
	}
	fail := func(err error) (_, _ []string, _ error) {
		return nil, nil, fmt.Errorf("move the entries of %s: %w", userID, err)
	}
	if _, err := s.db.Exec(ctx, `UPDATE voting_owners SET absent = ? WHERE user_id = ?`, absent, userID); err != nil {
		return fail(err)
	}
	from := `SELECT video_id FROM voting_hidden_entries WHERE user_id = ? AND NOT moderated ORDER BY video_id`
	if absent {
		from = `SELECT video_id FROM voting_entries WHERE user_id = ? ORDER BY video_id`
	}
	var rows []struct{ VideoID string }
	if err := s.db.Query(ctx, &rows, from, userID); err != nil {
		return fail(err)
	}
	for _, row := range rows {
		changed, first := true, false
		if absent {
			changed, err = s.takeOut(ctx, row.VideoID, false)
		} else {
			first, err = s.bringBack(ctx, userID, row.VideoID)
		}
		if err != nil {
			return fail(err)
		}
		if changed {
			moved = append(moved, row.VideoID)
		}
		if first {
			untold = append(untold, row.VideoID)
		}
	}
	return moved, untold, nil
}

// takeOut moves an entry and its votes to where nobody sees them. It locks rows in the order of a vote. It reports
// false if there is no such entry. Votes that are under way either come first and move along, or find no entry.
func (s *store) takeOut(ctx context.Context, videoID string, moderated bool) (bool, error) {
	owner, err := s.contestant(ctx, videoID)
	if errors.Is(err, errNoEntry) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, lock := range []string{
		`SELECT 1 FROM voting_votes WHERE video_id = ? ORDER BY user_id FOR UPDATE`,
		`SELECT 1 FROM voting_tallies WHERE video_id = ? FOR UPDATE`,
	} {
		if err := s.lock(ctx, lock, videoID); err != nil {
			return false, err
		}
	}
	err = s.execAll(ctx, []statement{
		{`INSERT INTO voting_hidden_entries (` + movedColumns + `, joined_at, votes, moderated)
			SELECT ` + movedColumns + `,
				(SELECT joined_at FROM voting_contestants c WHERE c.user_id = voting_entries.user_id),
				(SELECT COUNT(*) FROM voting_votes v WHERE v.video_id = voting_entries.video_id), ?
			FROM voting_entries WHERE video_id = ?`, []any{moderated, videoID}},
		{`INSERT INTO voting_hidden_votes (video_id, user_id, contestant_id, created_at)
			SELECT video_id, user_id, contestant_id, created_at FROM voting_votes WHERE video_id = ?`, []any{videoID}},
		{`DELETE FROM voting_votes WHERE video_id = ?`, []any{videoID}},
		{`DELETE FROM voting_entries WHERE video_id = ?`, []any{videoID}},
		{`UPDATE voting_contestants SET entries = entries - 1 WHERE user_id = ?`, []any{owner}},
		{`DELETE FROM voting_contestants WHERE user_id = ? AND entries = 0`, []any{owner}},
	})
	if err == nil {
		err = s.noteChange(ctx)
	}
	if err == nil {
		err = s.countAgain(ctx, owner)
	}
	if err != nil {
		return false, fmt.Errorf("hide entry %s: %w", videoID, err)
	}
	return true, nil
}

// bringBack undoes takeOut. It reports whether the entry is shown for the first time.
func (s *store) bringBack(ctx context.Context, owner, videoID string) (untold bool, err error) {
	entries, err := s.hiddenEntries(ctx, []string{videoID})
	if err != nil || len(entries) == 0 {
		return false, err
	}
	var more struct {
		PublishedAt, JoinedAt int64
		Untold                bool
	}
	err = s.db.Query(ctx, &more,
		`SELECT published_at, joined_at, untold FROM voting_hidden_entries WHERE video_id = ?`, videoID)
	if err != nil {
		return false, fmt.Errorf("read hidden entry %s: %w", videoID, err)
	}
	e := entries[0]
	row := newRow(e, more.PublishedAt)
	row.FilesMissing = e.FilesMissing
	if err := s.db.Gorm(ctx).Create(&row).Error; err != nil {
		return false, fmt.Errorf("show entry %s: %w", videoID, err)
	}
	err = s.execAll(ctx, []statement{
		// The contestant, if nothing else of them is shown, comes back as of then.
		{`INSERT INTO voting_contestants
				(user_id, username, city, city_folded, country, country_folded, entries, votes, joined_at, reached_at)
			VALUES (?, ?, ?, ?, ?, ?, 1, 0, ?, ?)
			ON CONFLICT (user_id) DO UPDATE SET entries = voting_contestants.entries + 1`, []any{
			owner, e.PlayerName, e.City, row.CityFolded, e.Country, row.CountryFolded, more.JoinedAt, more.JoinedAt,
		}},
		{`INSERT INTO voting_votes (video_id, user_id, contestant_id, created_at)
			SELECT video_id, user_id, contestant_id, created_at FROM voting_hidden_votes WHERE video_id = ?
			ORDER BY user_id`, []any{videoID}},
		{`DELETE FROM voting_hidden_votes WHERE video_id = ?`, []any{videoID}},
		{`DELETE FROM voting_hidden_entries WHERE video_id = ?`, []any{videoID}},
	})
	if err == nil {
		err = s.noteChange(ctx)
	}
	if err == nil {
		err = s.countAgain(ctx, owner)
	}
	if err != nil {
		return false, fmt.Errorf("show entry %s: %w", videoID, err)
	}
	return more.Untold, nil
}

// countAgain counts the votes of a contestant, if there still is one. It does so after the row is locked: only now are
// all votes visible that were counted before.
func (s *store) countAgain(ctx context.Context, userID string) error {
	if err := s.lockContestant(ctx, userID); err != nil {
		return err
	}
	_, err := s.db.Exec(ctx, `
		UPDATE voting_contestants SET behind = TRUE,
			votes = (SELECT COUNT(*) FROM voting_votes WHERE contestant_id = ?),
			reached_at = COALESCE(
				(SELECT created_at FROM voting_votes
				WHERE contestant_id = ? AND created_at > voting_contestants.joined_at
				ORDER BY created_at DESC LIMIT 1), joined_at)
		WHERE user_id = ?`, userID, userID, userID)
	return err
}

// lock locks rows on PostgreSQL. SQLite has one writer anyway.
func (s *store) lock(ctx context.Context, query string, values ...any) error {
	if s.db.Dialect() == database.SQLite {
		return nil
	}
	if _, err := s.db.Exec(ctx, query, values...); err != nil {
		return fmt.Errorf("lock votes: %w", err)
	}
	return nil
}

// statement is one that changes rows.
type statement struct {
	sql    string
	values []any
}

func (s *store) execAll(ctx context.Context, statements []statement) error {
	for _, st := range statements {
		if _, err := s.db.Exec(ctx, st.sql, st.values...); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) hiddenEntries(ctx context.Context, videoIDs []string) ([]Entry, error) {
	if len(videoIDs) == 0 {
		return nil, nil
	}
	var rows []hiddenRow
	err := s.db.Query(ctx, &rows, `
		SELECT `+movedColumns+`, votes FROM voting_hidden_entries WHERE video_id IN ?`, videoIDs)
	if err != nil {
		return nil, fmt.Errorf("read hidden entries: %w", err)
	}
	entries := make([]Entry, len(rows))
	for i, row := range rows {
		entries[i] = row.Shown.entry(row.Votes)
	}
	return entries, nil
}

func (s *store) shownEntries(ctx context.Context, videoIDs []string) ([]Entry, error) {
	var rows []entryRow
	if err := s.db.Gorm(ctx).Where("video_id IN ?", videoIDs).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read entries: %w", err)
	}
	tallies, err := s.tallies(ctx, videoIDs)
	entries := make([]Entry, len(rows))
	for i, row := range rows {
		entries[i] = row.entry(tallies[row.VideoID])
	}
	return entries, err
}

// publishHidden replaces the files of a hidden entry, or adds an entry of an absent person as a hidden one. It reports
// false if the entry is to be shown.
func (s *store) publishHidden(ctx context.Context, e Entry) (bool, error) {
	absent, err := s.lockOwner(ctx, e.UserID)
	if err != nil {
		return false, err
	}
	replaced, err := s.db.Exec(ctx, `
		UPDATE voting_hidden_entries SET processed_key = ?, poster_key = ?, duration_ms = ?, files_missing = FALSE,
			concealed = FALSE, claimed_until = 0,
			small_key = ?, small_width = ?, small_height = ?, poster_640_key = ?, poster_320_key = ?
		WHERE video_id = ? AND user_id = ?`,
		e.ProcessedKey, e.PosterKey, e.Duration.Milliseconds(),
		e.SmallKey, e.SmallWidth, e.SmallHeight, e.Poster640Key, e.Poster320Key, e.VideoID, e.UserID)
	if err != nil || replaced > 0 {
		return true, err
	}
	if !absent {
		return false, nil
	}
	now := database.Micros(time.Now())
	_, err = s.db.Exec(ctx, `
		INSERT INTO voting_hidden_entries (`+movedColumns+`, joined_at, votes, moderated, untold)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, FALSE, ?, 0, FALSE, TRUE)`,
		e.VideoID, e.UserID, e.PlayerName, e.City, e.Country, e.Title, e.Description, e.ProcessedKey, e.PosterKey,
		e.SmallKey, e.SmallWidth, e.SmallHeight, e.Poster640Key, e.Poster320Key, e.Duration.Milliseconds(),
		database.Micros(e.UploadedAt), now, now)
	return true, err
}

// withdrawHidden is withdraw for an entry that is hidden. It reports known as false if there is none.
func (s *store) withdrawHidden(ctx context.Context, videoID string) (known, withdrawn bool, err error) {
	hidden, err := s.hiddenEntries(ctx, []string{videoID})
	if err != nil || len(hidden) == 0 {
		return false, false, err
	}
	if hidden[0].Votes > 0 {
		return true, false, nil
	}
	// A vote may come back meanwhile, and wants its entry.
	removed, err := s.db.Exec(ctx, `DELETE FROM voting_hidden_entries WHERE video_id = ? AND votes = 0`, videoID)
	if err != nil || removed == 0 {
		return true, false, err
	}
	_, err = s.db.Exec(ctx, `DELETE FROM voting_withdrawn_votes WHERE video_id = ?`, videoID)
	return true, err == nil, err
}

func (s *store) shownOf(ctx context.Context, userID string) (entries, votes int, err error) {
	var row struct{ Entries, Votes int }
	err = s.db.Query(ctx, &row, `SELECT entries, votes FROM voting_contestants WHERE user_id = ?`, userID)
	if err != nil {
		return 0, 0, fmt.Errorf("read what is shown of %s: %w", userID, err)
	}
	return row.Entries, row.Votes, nil
}

// concealLease is for how long nobody else conceals an entry, and the pause after a failure.
const concealLease = time.Minute

// claimUnconcealed returns a hidden entry whose files have names that somebody may know, and "" if none waits. Those
// that nobody has tried come first.
func (s *store) claimUnconcealed(ctx context.Context) (videoID string, err error) {
	now := time.Now()
	// What is further in the future was written before the clock was set back.
	from, until := database.Micros(now), database.Micros(now.Add(concealLease))
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		var row struct{ VideoID string }
		err := s.db.Query(ctx, &row, `
			UPDATE voting_hidden_entries SET claimed_until = ?
			WHERE NOT concealed AND (claimed_until <= ? OR claimed_until > ?) AND video_id = (
				SELECT video_id FROM voting_hidden_entries
				WHERE NOT concealed AND NOT files_missing AND (claimed_until <= ? OR claimed_until > ?)
				ORDER BY claimed_until, video_id LIMIT 1)
			RETURNING video_id`, until, from, until, from, until)
		videoID = row.VideoID
		return err
	})
	if err != nil {
		return "", fmt.Errorf("look for hidden entries: %w", err)
	}
	return videoID, nil
}

// markConcealed changes nothing if the entry has other files meanwhile.
func (s *store) markConcealed(ctx context.Context, videoID, processedKey string) error {
	_, err := s.db.Exec(ctx, `
		UPDATE voting_hidden_entries SET concealed = TRUE WHERE video_id = ? AND processed_key = ?`,
		videoID, processedKey)
	if err != nil {
		return fmt.Errorf("note that entry %s is concealed: %w", videoID, err)
	}
	return nil
}
