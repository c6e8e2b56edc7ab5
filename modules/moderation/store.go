package moderation

import (
	"context"
	"fmt"
	"strings"
	"time"

	"risingstars/platform/database"
)

type store struct {
	db *database.DB
}

func (s *store) insertHiding(ctx context.Context, h Hiding) error {
	_, err := s.db.Exec(ctx, `INSERT INTO moderation_hidings (video_id, reason, words, hidden_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (video_id) DO UPDATE
		SET reason = excluded.reason, words = excluded.words, hidden_at = excluded.hidden_at`,
		h.VideoID, h.Reason, h.Words, database.Micros(h.At))
	if err != nil {
		return fmt.Errorf("note that video %s is hidden: %w", h.VideoID, err)
	}
	return nil
}

func (s *store) deleteHiding(ctx context.Context, videoID string) (Hiding, error) {
	known, err := s.hidings(ctx, []string{videoID})
	if err == nil {
		err = s.forgetHiding(ctx, videoID)
	}
	return known[videoID], err
}

func (s *store) forgetHiding(ctx context.Context, videoID string) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM moderation_hidings WHERE video_id = ?`, videoID); err != nil {
		return fmt.Errorf("forget why video %s is hidden: %w", videoID, err)
	}
	return nil
}

func (s *store) hidings(ctx context.Context, videoIDs []string) (map[string]Hiding, error) {
	found := map[string]Hiding{}
	if len(videoIDs) == 0 {
		return found, nil
	}
	var rows []struct {
		VideoID  string
		Reason   Reason
		Words    string
		HiddenAt int64
	}
	err := s.db.Query(ctx, &rows, `
		SELECT video_id, reason, words, hidden_at FROM moderation_hidings WHERE video_id IN ?`, videoIDs)
	if err != nil {
		return nil, fmt.Errorf("read why videos are hidden: %w", err)
	}
	for _, row := range rows {
		found[row.VideoID] = Hiding{row.VideoID, row.Reason, row.Words, database.FromMicros(row.HiddenAt)}
	}
	return found, nil
}

type reportRow struct {
	ID             string `gorm:"primaryKey"`
	VideoID        string
	Reporter       string
	Reason         Reason
	Words          string
	ReportedAt     int64
	Decision       Decision
	DecidedBy      string
	DecidedAt      int64
	DecisionReason string
}

func (reportRow) TableName() string { return "moderation_reports" }

func (r reportRow) report() Report {
	report := Report{
		ID: r.ID, VideoID: r.VideoID, Reporter: r.Reporter, Reason: r.Reason, Words: r.Words,
		At: database.FromMicros(r.ReportedAt), Decision: r.Decision, By: r.DecidedBy, Why: r.DecisionReason,
	}
	if r.DecidedAt != 0 {
		report.Decided = database.FromMicros(r.DecidedAt)
	}
	return report
}

func (s *store) insertReport(ctx context.Context, r Report) error {
	_, err := s.db.Exec(ctx, `
		INSERT INTO moderation_reports (id, video_id, reporter, reason, words, reported_at) VALUES (?, ?, ?, ?, ?, ?)`,
		r.ID, r.VideoID, r.Reporter, r.Reason, r.Words, database.Micros(r.At))
	if database.UniqueViolation(err) == "moderation_reports_video_id_reporter_key" {
		return errAlreadyReported.With(err)
	}
	if err != nil {
		return fmt.Errorf("add a report of %s: %w", r.VideoID, err)
	}
	return nil
}

func (s *store) report(ctx context.Context, id string) (Report, error) {
	var rows []reportRow
	if err := s.db.Gorm(ctx).Where("id = ?", id).Find(&rows).Error; err != nil {
		return Report{}, fmt.Errorf("read report %s: %w", id, err)
	}
	if len(rows) == 0 {
		return Report{}, errNoReport
	}
	return rows[0].report(), nil
}

func (s *store) reports(ctx context.Context, f ReportFilter, offset, limit int) ([]Report, int, error) {
	where, values := []string{"1 = 1"}, []any{}
	if !f.All {
		where, values = append(where, "decision = ?"), append(values, f.Decision)
	}
	if f.VideoID != "" {
		where, values = append(where, "video_id = ?"), append(values, f.VideoID)
	}
	order := "reported_at DESC, id DESC"
	if !f.All && f.Decision == Open {
		order = "reported_at, id"
	}
	query := s.db.Gorm(ctx).Model(&reportRow{}).Where(strings.Join(where, " AND "), values...)
	var total int64
	if err := query.Count(&total).Error; err != nil {
		return nil, 0, fmt.Errorf("count reports: %w", err)
	}
	var rows []reportRow
	if err := query.Order(order).Offset(offset).Limit(limit).Find(&rows).Error; err != nil {
		return nil, 0, fmt.Errorf("list reports: %w", err)
	}
	reports := make([]Report, len(rows))
	for i, row := range rows {
		reports[i] = row.report()
	}
	return reports, int(total), nil
}

// decide reports false if somebody has decided before.
func (s *store) decide(ctx context.Context, d Report) (bool, error) {
	n, err := s.db.Exec(ctx, `
		UPDATE moderation_reports SET decision = ?, decided_by = ?, decided_at = ?, decision_reason = ?
		WHERE id = ? AND decision = ''`, d.Decision, d.By, database.Micros(d.Decided), d.Why, d.ID)
	if err != nil {
		return false, fmt.Errorf("decide on report %s: %w", d.ID, err)
	}
	return n > 0, nil
}

// decideOthers decides on the other open reports of the same video.
func (s *store) decideOthers(ctx context.Context, d Report) error {
	_, err := s.db.Exec(ctx, `
		UPDATE moderation_reports SET decision = ?, decided_by = ?, decided_at = ?, decision_reason = ?
		WHERE video_id = ? AND decision = ''`, d.Decision, d.By, database.Micros(d.Decided), d.Why, d.VideoID)
	if err != nil {
		return fmt.Errorf("decide on the reports of %s: %w", d.VideoID, err)
	}
	return nil
}

// countOpen returns how many reports nobody has decided on, and since when the oldest waits.
func (s *store) countOpen(ctx context.Context) (n int, oldest time.Time, err error) {
	var row struct {
		N      int
		Oldest int64
	}
	err = s.db.Query(ctx, &row, `
		SELECT COUNT(*) AS n, COALESCE(MIN(reported_at), 0) AS oldest FROM moderation_reports WHERE decision = ''`)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("count open reports: %w", err)
	}
	return row.N, database.FromMicros(row.Oldest), nil
}

func (s *store) hasReported(ctx context.Context, reporter, videoID string) (bool, error) {
	var row struct{ N int }
	err := s.db.Query(ctx, &row, `
		SELECT COUNT(*) AS n FROM moderation_reports WHERE video_id = ? AND reporter = ?`, videoID, reporter)
	if err != nil {
		return false, fmt.Errorf("look for a report of %s: %w", videoID, err)
	}
	return row.N > 0, nil
}

// reportsBy returns the reports that somebody has made, the earliest first.
func (s *store) reportsBy(ctx context.Context, reporters []string) ([]Report, error) {
	var rows []reportRow
	err := s.db.Gorm(ctx).Where("reporter IN ?", reporters).Order("reported_at, id").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("list the reports of a person: %w", err)
	}
	reports := make([]Report, len(rows))
	for i, row := range rows {
		reports[i] = row.report()
	}
	return reports, nil
}

// forget keeps what was decided on the reports of a person, but neither their words nor their e-mail.
func (s *store) forget(ctx context.Context, userID, byMail string) error {
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		_, err := s.db.Exec(ctx, `UPDATE moderation_reports SET words = '' WHERE reporter = ?`, userID)
		if err == nil && byMail != "" {
			_, err = s.db.Exec(ctx, `
				UPDATE moderation_reports SET words = '', reporter = 'erased:' || id WHERE reporter = ?`, byMail)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("forget the reports of a person: %w", err)
	}
	return nil
}
