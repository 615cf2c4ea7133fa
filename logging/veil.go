package logging

import (
	"context"
	"log/slog"
	"time"
)

// veil is a handler that hands lines on with private values as far as they may be seen, and with times in UTC to the millisecond.
// (The ReplaceAttr of slog's own handlers could do the same in twice the time.)
type veil struct {
	next    slog.Handler
	private *privacy
}

// Enabled is always true: another handler decides.
func (v *veil) Enabled(context.Context, slog.Level) bool { return true }

// Handle hands a line on.
func (v *veil) Handle(ctx context.Context, r slog.Record) error {
	at := r.Time
	if !at.IsZero() {
		at = at.UTC().Truncate(time.Millisecond)
	}
	shown := slog.NewRecord(at, r.Level, r.Message, r.PC)
	attrs := make([]slog.Attr, 0, 24)
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, v.private.attribute(a))
		return true
	})
	shown.AddAttrs(attrs...)
	return v.next.Handle(ctx, shown) //nolint:wrapcheck // a handler in a handler
}

// WithAttrs adds attributes.
func (v *veil) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &veil{next: v.next.WithAttrs(v.private.attributes(attrs)), private: v.private}
}

// WithGroup puts what follows into a group.
func (v *veil) WithGroup(name string) slog.Handler {
	return &veil{next: v.next.WithGroup(name), private: v.private}
}

func (p *privacy) attributes(attrs []slog.Attr) []slog.Attr {
	shown := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		shown[i] = p.attribute(a)
	}
	return shown
}

// attribute is what is shown of an attribute.
func (p *privacy) attribute(a slog.Attr) slog.Attr {
	a.Value = a.Value.Resolve()
	switch a.Value.Kind() {
	case slog.KindGroup:
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(p.attributes(a.Value.Group())...)}
	case slog.KindDuration:
		return slog.String(a.Key, a.Value.Duration().Round(time.Microsecond).String())
	case slog.KindString:
		if a.Key == keySender {
			return slog.String(keyConv, p.hash(a.Value.String()))
		}
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case hidden:
			if a.Key == keySender {
				a.Key = keyConv
			}
			return slog.Attr{Key: a.Key, Value: p.show(v)}
		case error:
			if a.Key == keyError {
				a.Key = keyErr
			}
			return slog.String(a.Key, p.showError(v))
		}
	}
	return a
}
