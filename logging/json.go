package logging

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"
)

// jsonHandler writes lines of JSON. It does what that of slog does with privacy.attribute in less than half of the time (2.6 instead of
// 5.9 µs of the processor for the line of a turn).
type jsonHandler struct {
	out     *lockedWriter
	private *privacy
	fixed   []byte // attributes that were added, each with a comma before it, and the beginnings of groups
	groups  int    // that are open in fixed
	waiting []string
}

// lockedWriter writes line by line.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

var lines = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}

// maxKeptLine is how long a line may be whose buffer is used again.
const maxKeptLine = 16 << 10

// Enabled is always true: another handler decides.
func (h *jsonHandler) Enabled(context.Context, slog.Level) bool { return true }

// Handle writes a line.
func (h *jsonHandler) Handle(_ context.Context, r slog.Record) error {
	buf, _ := lines.Get().(*[]byte)
	b := (*buf)[:0]
	b = append(b, '{')
	if !r.Time.IsZero() {
		b = append(b, `"time":"`...)
		b = r.Time.UTC().AppendFormat(b, timeFormat)
		b = append(b, `",`...)
	}
	b = append(b, `"level":"`...)
	b = append(b, r.Level.String()...)
	b = append(b, `","msg":`...)
	b = appendString(b, r.Message)
	b = append(b, h.fixed...)
	opened := h.groups
	if r.NumAttrs() > 0 {
		mark := len(b)
		b, opened = h.open(b)
		begun := len(b)
		r.Attrs(func(a slog.Attr) bool {
			b = h.append(b, a)
			return true
		})
		if len(b) == begun { // nothing came of them, nor of their groups
			b, opened = b[:mark], h.groups
		}
	}
	for range opened {
		b = append(b, '}')
	}
	b = append(b, '}', '\n')
	h.out.mu.Lock()
	_, err := h.out.w.Write(b)
	h.out.mu.Unlock()
	if cap(b) <= maxKeptLine {
		*buf = b
		lines.Put(buf)
	}
	if err != nil {
		return fmt.Errorf("write a log line: %w", err)
	}
	return nil
}

// WithAttrs adds attributes.
func (h *jsonHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	b, opened := c.open(slices.Clip(h.fixed))
	begun := len(b)
	for _, a := range attrs {
		b = c.append(b, a)
	}
	if len(b) == begun {
		return h
	}
	c.fixed, c.groups, c.waiting = b, opened, nil
	return &c
}

// WithGroup puts what follows into a group, once something does.
func (h *jsonHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	c := *h
	c.waiting = append(slices.Clip(h.waiting), name)
	return &c
}

// open begins the groups that wait.
func (h *jsonHandler) open(b []byte) (opened []byte, groups int) {
	for _, name := range h.waiting {
		b = appendKey(b, name)
		b = append(b, '{')
	}
	return b, h.groups + len(h.waiting)
}

// append appends an attribute.
func (h *jsonHandler) append(b []byte, a slog.Attr) []byte {
	a.Value = a.Value.Resolve()
	if a.Equal(slog.Attr{}) {
		return b
	}
	a = h.private.attribute(nil, a)
	if a.Value.Kind() == slog.KindGroup {
		return h.appendGroup(b, a)
	}
	b = appendKey(b, a.Key)
	switch v := a.Value; v.Kind() {
	case slog.KindString:
		return appendString(b, v.String())
	case slog.KindInt64:
		return strconv.AppendInt(b, v.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(b, v.Uint64(), 10)
	case slog.KindFloat64:
		return appendFloat(b, v.Float64())
	case slog.KindBool:
		return strconv.AppendBool(b, v.Bool())
	case slog.KindTime:
		return appendString(b, v.Time().Format(time.RFC3339Nano))
	case slog.KindDuration, slog.KindGroup, slog.KindLogValuer, slog.KindAny: // all but the last are gone by now
		return appendAny(b, v.Any())
	}
	return append(b, "null"...)
}

// appendGroup appends the attributes of a group; those of one without a name stand by themselves.
func (h *jsonHandler) appendGroup(b []byte, a slog.Attr) []byte {
	mark := len(b)
	if a.Key != "" {
		b = append(appendKey(b, a.Key), '{')
	}
	begun := len(b)
	for _, in := range a.Value.Group() {
		b = h.append(b, in)
	}
	if len(b) == begun {
		return b[:mark]
	}
	if a.Key != "" {
		b = append(b, '}')
	}
	return b
}

// appendKey appends a key, after a comma unless it is the first of its object.
func appendKey(b []byte, key string) []byte {
	if n := len(b); n > 0 && b[n-1] != '{' || n == 0 { // what is fixed begins with a comma, too
		b = append(b, ',')
	}
	return append(appendString(b, key), ':')
}

// appendAny appends a value of any type: errors as their text, whatever else as JSON, or as fmt has it.
func appendAny(b []byte, v any) []byte {
	if err, ok := v.(error); ok {
		if _, own := v.(json.Marshaler); !own {
			return appendString(b, err.Error())
		}
	}
	text, err := json.Marshal(v)
	if err != nil {
		return appendString(b, "!ERROR:"+err.Error())
	}
	return append(b, text...)
}

// appendFloat appends a number; JSON has none that are infinite.
func appendFloat(b []byte, x float64) []byte {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return appendString(b, strconv.FormatFloat(x, 'g', -1, 64))
	}
	if n := int64(math.Round(x * 1e3)); math.Abs(x) < 1e6 && float64(n)/1e3 == x { // thousandths, as most are: faster, and the same digits
		if n < 0 {
			b, n = append(b, '-'), -n
		}
		b = strconv.AppendInt(b, n/1000, 10)
		if n %= 1000; n > 0 {
			b = append(b, '.', byte('0'+n/100), byte('0'+n/10%10), byte('0'+n%10))
			for b[len(b)-1] == '0' {
				b = b[:len(b)-1]
			}
		}
		return b
	}
	return strconv.AppendFloat(b, x, 'g', -1, 64)
}

const hexDigits = "0123456789abcdef"

// appendString appends a text with its quotes.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && n == 1:
				b = append(append(b, s[start:i]...), `\ufffd`...)
			case r == '\u2028', r == '\u2029': // ends a line for some readers
				b = append(append(b, s[start:i]...), `\u202`...)
				b = append(b, hexDigits[r&0xf])
			case r < 0xa0: // control characters of another age
				b = append(append(b, s[start:i]...), `\u00`...)
				b = append(b, hexDigits[r>>4], hexDigits[r&0xf])
			default:
				i += n
				continue
			}
			i += n
			start = i
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' && c != 0x7f {
			i++
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(append(b, `\u00`...), hexDigits[c>>4], hexDigits[c&0xf])
		}
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}
