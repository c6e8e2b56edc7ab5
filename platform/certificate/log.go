package certificate

import (
	"context"
	"log/slog"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// bridge returns certmagic's logger. What an operator should know we say ourselves, so all of it is for level debug.
func bridge(to *slog.Logger) *zap.Logger { return zap.New(bridgeCore{to}) }

type bridgeCore struct{ to *slog.Logger }

// Enabled is for zapcore.
func (b bridgeCore) Enabled(zapcore.Level) bool {
	return b.to.Enabled(context.Background(), slog.LevelDebug)
}

// With is for zapcore.
func (b bridgeCore) With(fields []zapcore.Field) zapcore.Core {
	return bridgeCore{b.to.With(attrs(fields)...)}
}

// Check is for zapcore.
func (b bridgeCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if b.Enabled(entry.Level) {
		return checked.AddCore(entry, b)
	}
	return checked
}

// Write is for zapcore.
func (b bridgeCore) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	b.to.With(attrs(fields)...).Debug("certificates: " + entry.Message)
	return nil
}

// Sync is for zapcore.
func (bridgeCore) Sync() error { return nil }

func attrs(fields []zapcore.Field) []any {
	values := zapcore.NewMapObjectEncoder()
	for _, f := range fields {
		f.AddTo(values)
	}
	all := make([]any, 0, 2*len(values.Fields))
	for name, value := range values.Fields {
		all = append(all, name, value)
	}
	return all
}
