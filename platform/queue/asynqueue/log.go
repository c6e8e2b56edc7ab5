package asynqueue

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hibiken/asynq"
)

const (
	repeatAfter = 30 * time.Second
	maxRecent   = 100
)

// serverLog passes on the log of an asynq server. During an outage the server repeats itself several times a second, so
// each line is written only once in 30 s.
type serverLog struct {
	logger *slog.Logger

	mu     sync.Mutex
	recent map[string]time.Time
}

var _ asynq.Logger = (*serverLog)(nil)

func newServerLog(logger *slog.Logger) *serverLog {
	return &serverLog{logger: logger, recent: map[string]time.Time{}}
}

func (l *serverLog) Debug(args ...any) { l.log(slog.LevelDebug, args) }
func (l *serverLog) Info(args ...any)  { l.log(slog.LevelInfo, args) }
func (l *serverLog) Warn(args ...any)  { l.log(slog.LevelWarn, args) }
func (l *serverLog) Error(args ...any) { l.log(slog.LevelError, args) }

// Fatal only logs: a library must not end the process.
func (l *serverLog) Fatal(args ...any) { l.log(slog.LevelError, args) }

func (l *serverLog) log(level slog.Level, args []any) {
	if text := fmt.Sprint(args...); l.isNew(text) {
		l.logger.Log(context.Background(), level, "asynq", "text", text)
	}
}

func (l *serverLog) isNew(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if now.Sub(l.recent[text]) < repeatAfter {
		return false
	}
	if len(l.recent) >= maxRecent {
		clear(l.recent)
	}
	l.recent[text] = now
	return true
}
