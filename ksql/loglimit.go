package ksql

import (
	"context"
	"log/slog"
	"sync"
)

// The lines of one message at warning level that pass whole, and how many pass afterwards.
const (
	warningsWhole = 100
	warningsEvery = 1000
)

// limitHandler keeps a query that fails on every record from filling the disk with its log: of each warning the first
// hundred lines pass, then every thousandth.
type limitHandler struct {
	slog.Handler
	counts *warningCounts
}

type warningCounts struct {
	mu sync.Mutex
	n  map[string]int // by message; guarded by mu
}

func newLimitHandler(h slog.Handler) slog.Handler {
	return limitHandler{h, &warningCounts{n: map[string]int{}}}
}

// Handle implements slog.Handler.
func (h limitHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level == slog.LevelWarn {
		n := h.counts.add(r.Message)
		if n > warningsWhole && n%warningsEvery != 0 {
			return nil
		}
		if n > warningsWhole {
			r.AddAttrs(slog.Int("count", n))
		}
	}
	return h.Handler.Handle(ctx, r)
}

func (c *warningCounts) add(message string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[message]++
	return c.n[message]
}

// WithAttrs implements slog.Handler.
func (h limitHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return limitHandler{h.Handler.WithAttrs(attrs), h.counts}
}

// WithGroup implements slog.Handler.
func (h limitHandler) WithGroup(name string) slog.Handler {
	return limitHandler{h.Handler.WithGroup(name), h.counts}
}
