package media

import (
	"context"
	"fmt"
	"time"
)

const (
	// rebrandTries is how often a clip is tried.
	rebrandTries = 3
	// rebrandHints is how many tasks may be with the queue before a worker begins them. More would gain nothing, and
	// contestants' tasks would come after them.
	rebrandHints = 20
)

// rebrandable is a condition on a published video v that can get the branding in the parameter.
const rebrandable = `v.status = 'processed' AND NOT v.mock AND v.original_key <> '' AND v.branding <> ?`

// someoneWaits is a condition: a contestant's video waits for its first worker, or for that of its next attempt. It
// repeats those of media_videos_queue_idx and media_videos_under_way_idx.
func someoneWaits(clock string) string {
	return `(EXISTS (SELECT 1 FROM media_videos w WHERE w.status = 'uploaded' AND NOT w.mock)
		OR EXISTS (SELECT 1 FROM media_videos p
			WHERE p.status = 'processing' AND NOT p.mock AND NOT ` + leased(clock) + `))`
}

// rebrandClaim is a worker's right to make a published clip again.
type rebrandClaim struct {
	*store
	videoID, branding string
	attempt           int
}

// beginRebrand lists all published videos that can get a branding and have another, and only those: a job under way
// that makes another branding loses its claim. All their tasks are due to be sent. It returns how many are listed.
func (s *store) beginRebrand(ctx context.Context, branding string) (n int64, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		_, err := s.db.Exec(ctx, `DELETE FROM media_rebrands WHERE branding <> ? OR failure <> ''`, branding)
		if err != nil {
			return err
		}
		n, err = s.db.Exec(ctx, `
			INSERT INTO media_rebrands (video_id, branding) SELECT v.id, ? FROM media_videos v WHERE `+rebrandable+`
			ON CONFLICT (video_id) DO UPDATE SET branding = excluded.branding, failure = '', tries = 0, sent_at = 0`,
			branding, branding)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("list videos to be rebranded: %w", err)
	}
	return n, nil
}

// stopRebrand ends what no worker has begun, and what failed. It returns how many videos that are.
func (s *store) stopRebrand(ctx context.Context) (n int64, err error) {
	n, err = s.db.Exec(ctx, `DELETE FROM media_rebrands WHERE NOT `+leased(s.clock()))
	if err != nil {
		return 0, fmt.Errorf("stop the rebranding: %w", err)
	}
	return n, nil
}

// takeRebrands returns videos whose tasks are to be sent: no worker has them, and their tasks were last sent longer
// than resendAfter ago. It returns none while a contestant's video waits. What has had all its tries ends instead: each
// of its workers ended without a word.
func (s *store) takeRebrands(
	ctx context.Context, branding string, resendAfter time.Duration,
) (ids []string, err error) {
	var rows []struct{ VideoID, Failure string }
	now, moment := s.clock(), s.moment()
	// What was sent in the future was sent before the clock was set back.
	pending := `sent_at > ` + plus(moment, -resendAfter) + ` AND sent_at <= ` + plus(moment, clockSlack)
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		rows = nil // of a run that was rolled back
		return s.db.Query(ctx, &rows, fmt.Sprintf(`
			WITH due AS (
				SELECT video_id FROM media_rebrands
				WHERE failure = '' AND branding = ? AND NOT %[1]s AND NOT (%[2]s)
				ORDER BY sent_at, video_id
				LIMIT (SELECT CASE WHEN %[3]s OR COUNT(*) > ? THEN 0 ELSE ? - COUNT(*) END FROM media_rebrands
					WHERE failure = '' AND NOT %[1]s AND %[2]s)
				%[4]s
			)
			UPDATE media_rebrands SET sent_at = %[5]s, failure = CASE WHEN tries < ? THEN '' ELSE ? END
			WHERE video_id IN (SELECT video_id FROM due)
			RETURNING video_id, failure`, leased(now), pending, someoneWaits(now), s.skipLocked(), now),
			branding, rebrandHints, rebrandHints, rebrandTries, "its worker ended without a result, again and again")
	})
	if err != nil {
		return nil, fmt.Errorf("take videos to be rebranded: %w", err)
	}
	for _, row := range rows {
		if row.Failure == "" {
			ids = append(ids, row.VideoID)
		}
	}
	return ids, nil
}

// rebrandUnsent lets the next sweep send a task again.
func (s *store) rebrandUnsent(ctx context.Context, id string) error {
	_, err := s.db.Exec(ctx, `UPDATE media_rebrands SET sent_at = 0 WHERE video_id = ?`, id)
	if err != nil {
		return fmt.Errorf("record that the task of video %s was not sent: %w", id, err)
	}
	return nil
}

// claimRebrand claims a published video that is listed for the branding, unless a contestant's video waits, a worker
// has it, or it has had its tries.
func (s *store) claimRebrand(ctx context.Context, id, branding string) (v Video, c rebrandClaim, ok bool, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		ok = false
		now := s.clock()
		var row struct{ Attempt int }
		err := s.db.Query(ctx, &row, `
			UPDATE media_rebrands SET attempt = attempt + 1, tries = tries + 1, lease_until = `+plus(now, leaseTime)+`,
				sent_at = `+now+`
			WHERE video_id = ? AND failure = '' AND branding = ? AND tries < ? AND NOT `+leased(now)+`
				AND EXISTS (SELECT 1 FROM media_videos v WHERE v.id = video_id AND `+rebrandable+`)
				AND NOT `+someoneWaits(now)+`
			RETURNING attempt`, id, branding, rebrandTries, branding)
		if err != nil || row.Attempt == 0 {
			return err
		}
		c, ok = rebrandClaim{s, id, branding, row.Attempt}, true
		v, err = s.byID(ctx, id)
		return err
	})
	if err != nil {
		return Video{}, c, false, fmt.Errorf("claim video %s to be rebranded: %w", id, err)
	}
	return v, c, ok, nil
}

// rebrandState is what is left to do for a video.
type rebrandState struct {
	Branding string // "" if it is not listed
	Failure  string
	LeaseFor int64 // how long a worker's lease on it still holds, in microseconds
	Possible bool  // it is still published, with another branding and with its original
}

func (s *store) rebrandOf(ctx context.Context, id string) (state rebrandState, err error) {
	now := s.clock()
	err = s.db.Query(ctx, &state, `
		SELECT r.branding, r.failure, CASE WHEN `+leased(now)+` THEN lease_until - `+now+` ELSE 0 END AS lease_for,
			EXISTS (SELECT 1 FROM media_videos v WHERE v.id = r.video_id AND v.status = 'processed'
				AND v.original_key <> '' AND v.branding <> r.branding) AS possible
		FROM media_rebrands r WHERE r.video_id = ?`, id)
	if err != nil {
		return state, fmt.Errorf("read what is left to rebrand of video %s: %w", id, err)
	}
	return state, nil
}

// unlistRebrand takes a video off the list.
func (s *store) unlistRebrand(ctx context.Context, id string) error {
	_, err := s.db.Exec(ctx, `DELETE FROM media_rebrands WHERE video_id = ?`, id)
	if err != nil {
		return fmt.Errorf("take video %s off the list of rebrandings: %w", id, err)
	}
	return nil
}

// outdateRebrand takes a video that has a new branding off the list, if it was to get that or could not be made again.
func (s *store) outdateRebrand(ctx context.Context, id, branding string) error {
	_, err := s.db.Exec(ctx, `DELETE FROM media_rebrands WHERE video_id = ? AND (branding = ? OR failure <> '')`,
		id, branding)
	if err != nil {
		return fmt.Errorf("take published video %s off the list of rebrandings: %w", id, err)
	}
	return nil
}

func (c rebrandClaim) renew(ctx context.Context, _ string, _ int) (bool, error) {
	return c.update(ctx, `lease_until = `+plus(c.clock(), leaseTime))
}

// release ends the claim after an error that may pass.
func (c rebrandClaim) release(ctx context.Context) error {
	_, err := c.update(ctx, `lease_until = 0`)
	return err
}

// giveBack ends the claim for no reason of the video's; the try does not count. The queue still has the task.
func (c rebrandClaim) giveBack(ctx context.Context) error {
	_, err := c.update(ctx, `lease_until = 0, tries = tries - 1`)
	return err
}

// fail ends the rebranding of the video, which stays as it is.
func (c rebrandClaim) fail(ctx context.Context, reason string) error {
	_, err := c.update(ctx, `lease_until = 0, failure = ?`, reason)
	return err
}

// tried returns how many tries the video has had, this one included.
func (c rebrandClaim) tried(ctx context.Context) (int, error) {
	var row struct{ Tries int }
	err := c.db.Query(ctx, &row, `SELECT tries FROM media_rebrands WHERE video_id = ?`, c.videoID)
	if err != nil {
		return 0, fmt.Errorf("read the tries of video %s: %w", c.videoID, err)
	}
	return row.Tries, nil
}

func (c rebrandClaim) update(ctx context.Context, set string, args ...any) (bool, error) {
	rows, err := c.db.Exec(ctx, `UPDATE media_rebrands SET `+set+`
		WHERE video_id = ? AND attempt = ? AND branding = ? AND failure = ''`,
		append(args, c.videoID, c.attempt, c.branding)...)
	if err != nil {
		return false, fmt.Errorf("update the rebranding of video %s: %w", c.videoID, err)
	}
	return rows > 0, nil
}

func (c rebrandClaim) holds(ctx context.Context) (bool, error) {
	var row struct{ Attempt int }
	err := c.db.Query(ctx, &row, `
		SELECT r.attempt FROM media_rebrands r JOIN media_videos v ON v.id = r.video_id AND v.status = 'processed'
		WHERE r.video_id = ? AND r.attempt = ? AND r.branding = ? AND r.failure = ''`, c.videoID, c.attempt, c.branding)
	if err != nil {
		return false, fmt.Errorf("check the claim on video %s: %w", c.videoID, err)
	}
	return row.Attempt > 0, nil
}

// complete replaces the files of a published video. It joins the transaction in ctx.
func (c rebrandClaim) complete(ctx context.Context, v, old Video) (bool, error) {
	const mine = `video_id = ? AND attempt = ? AND branding = ? AND failure = ''`
	result := c.db.Gorm(ctx).Model(&videoRow{}).
		Where("id = ? AND status = ? AND attempt = ? AND processed_key = ?",
			v.ID, string(Processed), old.Attempt, old.ProcessedKey).
		Where(`EXISTS (SELECT 1 FROM media_rebrands WHERE `+mine+`)`, c.videoID, c.attempt, c.branding).
		Updates(outputColumns(v))
	if result.Error != nil {
		return false, fmt.Errorf("replace the files of video %s: %w", v.ID, result.Error)
	}
	if result.RowsAffected == 0 {
		return false, nil
	}
	rows, err := c.db.Exec(ctx, `DELETE FROM media_rebrands WHERE `+mine, c.videoID, c.attempt, c.branding)
	if err != nil {
		return false, fmt.Errorf("end the rebranding of video %s: %w", v.ID, err)
	}
	return rows > 0, nil
}

// countRebrand counts what is published with another branding, and what of it can get this one.
func (s *store) countRebrand(ctx context.Context, branding string) (p RebrandPlan, err error) {
	var row struct {
		Clips, Bytes, Without, Waiting, UnderWay, Other, WorkMs, LengthMs int64
	}
	held := leased(s.clock())
	err = s.db.Query(ctx, &row, `
		SELECT c.clips, c.bytes, c.without, c.length_ms, w.work_ms, r.waiting, r.under_way, r.other FROM
			(SELECT COUNT(CASE WHEN v.original_key <> '' THEN 1 END) AS clips,
				COALESCE(SUM(CASE WHEN v.original_key <> '' THEN v.original_bytes END), 0) AS bytes,
				COUNT(CASE WHEN v.original_key = '' THEN 1 END) AS without,
				COALESCE(CAST(AVG(v.duration_ms) AS BIGINT), 0) AS length_ms
			FROM media_videos v WHERE v.status = 'processed' AND NOT v.mock AND v.branding <> ?) c,
			(SELECT COALESCE(CAST(AVG(l.work_ms) AS BIGINT), 0) AS work_ms
			FROM (SELECT work_ms FROM media_videos WHERE work_ms > 0 ORDER BY id DESC LIMIT 200) l) w,
			(SELECT COUNT(CASE WHEN NOT `+held+` THEN 1 END) AS waiting,
				COUNT(CASE WHEN `+held+` THEN 1 END) AS under_way,
				COUNT(CASE WHEN branding <> ? THEN 1 END) AS other
			FROM media_rebrands WHERE failure = '') r`, branding, branding)
	if err != nil {
		return p, fmt.Errorf("count the videos to be rebranded: %w", err)
	}
	p = RebrandPlan{
		Branding: branding, Clips: int(row.Clips), Bytes: row.Bytes, Without: int(row.Without),
		Waiting: int(row.Waiting), UnderWay: int(row.UnderWay), Other: int(row.Other), Measured: row.WorkMs > 0,
		PerClip: time.Duration(row.WorkMs) * time.Millisecond,
	}
	if !p.Measured {
		p.PerClip = time.Duration(row.LengthMs) * time.Millisecond / workShare
	}
	return p, nil
}

// withoutOriginal returns the latest videos with another branding whose originals are not kept.
func (s *store) withoutOriginal(ctx context.Context, branding string, limit int) (ids []string, err error) {
	err = s.db.Gorm(ctx).Model(&videoRow{}).
		Where("status = ? AND NOT mock AND original_key = '' AND branding <> ?", string(Processed), branding).
		Order("id DESC").Limit(limit).Pluck("id", &ids).Error
	if err != nil {
		return nil, fmt.Errorf("list the videos without an original: %w", err)
	}
	return ids, nil
}

// failedRebrands returns the videos that could not be made again, and why.
func (s *store) failedRebrands(ctx context.Context, limit int) (failed []RebrandFailure, err error) {
	err = s.db.Query(ctx, &failed, `
		SELECT video_id, failure AS reason FROM media_rebrands WHERE failure <> '' ORDER BY video_id LIMIT ?`, limit)
	if err != nil {
		return nil, fmt.Errorf("list the videos that were not rebranded: %w", err)
	}
	return failed, nil
}

// latestBranding returns the branding of the latest published video that has one, or "". It looks at the latest
// thousand videos.
func (s *store) latestBranding(ctx context.Context) (string, error) {
	var row struct{ Branding string }
	err := s.db.Query(ctx, &row, `
		SELECT l.branding FROM (SELECT id, status, branding FROM media_videos ORDER BY id DESC LIMIT 1000) l
		WHERE l.status = 'processed' AND l.branding <> '' ORDER BY l.id DESC LIMIT 1`)
	if err != nil {
		return "", fmt.Errorf("read the latest branding: %w", err)
	}
	return row.Branding, nil
}

// condemnReplaced condemns the files of a deleted video that a rebranding has replaced, and those of a job under way,
// which loses its claim. The name is what the keys of its outputs begin with. All of them stay listed after they are
// deleted, to be deleted again once the job has ended: it may be writing one at this moment.
func (s *store) condemnReplaced(ctx context.Context, name string) ([]condemned, error) {
	return s.takeFiles(ctx, `
		UPDATE media_unclaimed_files SET deleting = TRUE, tries = tries + 1,
			delete_after = `+plus(s.clock(), 2*leaseTime)+`
		WHERE storage_key LIKE ? AND NOT deleting
		RETURNING storage_key`, name+"%") // without delete_after, no entry is deleted with its file
}
