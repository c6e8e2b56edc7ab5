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

// serverLog hands on what an asynq server says. During an outage that is the same again and again, several
// times a second: each line is written once in 30 s.
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

// Fatal is not for a library to carry out.
func (l *serverLog) Fatal(args ...any) { l.log(slog.LevelError, args) }

func (l *serverLog) log(level slog.Level, args []any) {
	if text := fmt.Sprint(args...); l.isNews(text) {
		l.logger.Log(context.Background(), level, "asynq", "text", text)
	}
}

func (l *serverLog) isNews(text string) bool {
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
