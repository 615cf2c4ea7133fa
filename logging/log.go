package logging

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"time"
)

// Config is what a log is made of.
type Config struct {
	Out      io.Writer
	JSON     bool // lines are JSON; otherwise text
	Levels   *Levels
	HashKey  []byte // under which senders and texts are hashed
	UserText UserTextRule
	Redactor *Redactor // nil: without patterns of its own
	Sample   bool      // errors and warnings that repeat are left out, but for the first and some
	// Count is told the level of every line, also of those that sampling leaves out.
	Count func(level string)
	// Always are attributes of every line: version, pod.
	Always []slog.Attr
	// Now is the clock of sampling; nil: time.Now.
	Now func() time.Time
}

// New returns a log; its lines belong to no logger.
func New(cfg Config) *slog.Logger {
	p := newPrivacy(cfg.HashKey, cfg.UserText, cfg.Redactor)
	var next slog.Handler
	if options := (&slog.HandlerOptions{Level: slog.LevelDebug}); cfg.JSON {
		next = slog.NewJSONHandler(cfg.Out, options)
	} else {
		next = slog.NewTextHandler(cfg.Out, options)
	}
	next = &veil{next: next, private: p}
	if len(cfg.Always) > 0 {
		next = next.WithAttrs(cfg.Always)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Count == nil {
		cfg.Count = func(string) {}
	}
	h := &handler{next: next, levels: cfg.Levels, level: cfg.Levels.of(""), count: cfg.Count}
	if cfg.Sample {
		h.sampler = newSampler(cfg.Now)
	}
	return slog.New(h)
}

// For is the log of a logger: lines with its name, from its level on.
func For(log *slog.Logger, name string) *slog.Logger {
	return log.With(slog.String(keyLogger, name))
}

// Keys that have a meaning to the log.
const (
	keyLogger = "logger"
	keySender = "sender_id" // becomes keyConv, and its value a hash
	keyConv   = "conv"
	keyError  = "error" // becomes keyErr
	keyErr    = "err"
)

// handler decides which lines are written, counts them and hands them on.
type handler struct {
	next    slog.Handler
	levels  *Levels
	logger  string
	level   slog.Level
	grouped bool
	count   func(level string)
	sampler *sampler // nil: all lines are written
}

// Enabled reports whether the logger writes lines of a level.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level || h.levels.IsVerbose()
}

// Handle counts a line and writes it, unless it is one of too many.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	h.count(strings.ToLower(r.Level.String()))
	if r.Level >= slog.LevelWarn && h.logger != Audit && h.sampler != nil {
		suppressed, ok := h.sampler.admit(h.logger, r)
		if !ok {
			return nil
		}
		if suppressed > 0 {
			r = r.Clone()
			r.AddAttrs(slog.Int("suppressed", suppressed))
		}
	}
	return h.next.Handle(ctx, r) //nolint:wrapcheck // a handler in a handler
}

// WithAttrs adds attributes. One that names the logger changes the level to that logger's.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.next = h.next.WithAttrs(attrs)
	for _, a := range attrs {
		if a.Key == keyLogger && !h.grouped {
			c.logger = a.Value.String()
			c.level = h.levels.of(c.logger)
		}
	}
	return &c
}

// WithGroup puts what follows into a group.
func (h *handler) WithGroup(name string) slog.Handler {
	c := *h
	c.next, c.grouped = h.next.WithGroup(name), c.grouped || name != ""
	return &c
}
