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
	if cfg.JSON {
		next = &jsonHandler{out: &lockedWriter{w: cfg.Out}, private: p}
	} else { // read by people, who read slowly
		next = slog.NewTextHandler(cfg.Out, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: p.attribute})
	}
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

// timeFormat is RFC 3339 to the millisecond.
const timeFormat = "2006-01-02T15:04:05.000Z07:00"

// attribute writes times as RFC 3339 in UTC, to the millisecond, and private values as far as they may be seen.
func (p *privacy) attribute(groups []string, attr slog.Attr) slog.Attr {
	switch attr.Value.Kind() {
	case slog.KindTime:
		if len(groups) == 0 && attr.Key == slog.TimeKey {
			return slog.String(slog.TimeKey, attr.Value.Time().UTC().Format(timeFormat))
		}
	case slog.KindDuration:
		return slog.String(attr.Key, attr.Value.Duration().Round(time.Microsecond).String())
	case slog.KindString:
		if attr.Key == keySender {
			return slog.String(keyConv, p.hash(attr.Value.String()))
		}
	case slog.KindAny:
		switch v := attr.Value.Any().(type) {
		case hidden:
			if attr.Key == keySender {
				attr.Key = keyConv
			}
			return slog.Attr{Key: attr.Key, Value: p.show(v)}
		case error:
			if attr.Key == keyError {
				attr.Key = keyErr
			}
			return slog.String(attr.Key, p.showError(v))
		}
	}
	return attr
}

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
	h.count(levelName(r.Level))
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

// levelName is a level as metrics name it.
func levelName(l slog.Level) string {
	switch l {
	case slog.LevelDebug:
		return "debug"
	case slog.LevelInfo:
		return "info"
	case slog.LevelWarn:
		return "warn"
	case slog.LevelError:
		return "error"
	}
	return strings.ToLower(l.String())
}
