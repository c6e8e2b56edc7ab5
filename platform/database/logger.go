package database

import (
	"context"
	"log/slog"
	"time"

	"gorm.io/gorm/logger"
)

// queryLogger reports slow queries and nothing else. Errors are returned, and the caller that handles them logs them.
type queryLogger struct {
	log  *slog.Logger
	slow time.Duration
}

// mostLogged bounds how much of a slow statement is logged, in bytes. One that inserts many rows is very long.
const mostLogged = 16 << 10

func newQueryLogger(log *slog.Logger, slow time.Duration) logger.Interface {
	if slow <= 0 {
		slow = 500 * time.Millisecond
	}
	return &queryLogger{log: log, slow: slow}
}

func (l *queryLogger) LogMode(logger.LogLevel) logger.Interface { return l }

func (l *queryLogger) Info(context.Context, string, ...any)  {}
func (l *queryLogger) Warn(context.Context, string, ...any)  {}
func (l *queryLogger) Error(context.Context, string, ...any) {}

func (l *queryLogger) Trace(ctx context.Context, begin time.Time, statement func() (string, int64), _ error) {
	if took := time.Since(begin); took > l.slow {
		sql, rows := statement()
		if len(sql) > mostLogged {
			sql = sql[:mostLogged] + " …"
		}
		l.log.WarnContext(ctx, "slow query", "sql", sql, "rows", rows, "duration_ms", took.Milliseconds())
	}
}

// ParamsFilter keeps values out of the log, because they are personal data.
func (l *queryLogger) ParamsFilter(_ context.Context, sql string, _ ...any) (string, []any) {
	return sql, nil
}
