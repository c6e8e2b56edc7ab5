package identity

import (
	"context"
	"fmt"
	"strings"

	"risingstars/platform/database"
)

type recordRow struct {
	ID          string `gorm:"primaryKey"`
	At          int64
	Actor       string
	Act         string
	Subject     string
	StateBefore string
	StateAfter  string
	Reason      string
}

func (recordRow) TableName() string { return "identity_log" }

func (s *store) insertRecord(ctx context.Context, r Record) error {
	_, err := s.db.Exec(ctx, `
		INSERT INTO identity_log (id, at, actor, act, subject, state_before, state_after, reason)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, database.Micros(r.At), r.Actor, r.Act, r.Subject, r.Before, r.After, r.Reason)
	if err != nil {
		return fmt.Errorf("add %s to the log: %w", r.Act, err)
	}
	return nil
}

func (s *store) records(ctx context.Context, f LogFilter, offset, limit int) ([]Record, int, error) {
	where, values := []string{"1 = 1"}, []any{}
	add := func(wanted bool, condition string, more ...any) {
		if wanted {
			where, values = append(where, condition), append(values, more...)
		}
	}
	add(f.Actor != "", `actor = ?`, f.Actor)
	add(f.Act != "", `(act = ? OR act LIKE ? ESCAPE '\')`, f.Act, patternEscaper.Replace(f.Act)+".%")
	add(f.Subject != "", `subject = ?`, f.Subject)
	add(!f.From.IsZero(), `at >= ?`, database.Micros(f.From))
	add(!f.Until.IsZero(), `at < ?`, database.Micros(f.Until))
	condition := strings.Join(where, " AND ")
	var count struct{ N int }
	err := s.db.Query(ctx, &count, `SELECT COUNT(*) AS n FROM identity_log WHERE `+condition, values...)
	if err != nil {
		return nil, 0, fmt.Errorf("count the log's acts: %w", err)
	}
	var rows []recordRow
	err = s.db.Query(ctx, &rows, `SELECT * FROM identity_log WHERE `+condition+`
		ORDER BY at DESC, id DESC LIMIT ? OFFSET ?`, append(values, limit, offset)...)
	if err != nil {
		return nil, 0, fmt.Errorf("read the log: %w", err)
	}
	actors := make([]string, len(rows))
	for i, row := range rows {
		actors[i] = row.Actor
	}
	names, err := s.names(ctx, actors)
	if err != nil {
		return nil, 0, err
	}
	records := make([]Record, len(rows))
	for i, row := range rows {
		records[i] = Record{
			ID: row.ID, At: database.FromMicros(row.At), Actor: row.Actor, Act: row.Act, Subject: row.Subject,
			Before: row.StateBefore, After: row.StateAfter, Reason: row.Reason, Name: names[row.Actor],
		}
	}
	return records, count.N, nil
}

// names returns the player names of those accounts that exist.
func (s *store) names(ctx context.Context, ids []string) (map[string]string, error) {
	var rows []userRow
	if err := s.db.Gorm(ctx).Where("id IN ? AND left_at = 0", ids).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read the names of accounts: %w", err)
	}
	names := make(map[string]string, len(rows))
	for _, row := range rows {
		names[row.ID] = row.user().PlayerName()
	}
	return names, nil
}
