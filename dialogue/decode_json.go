package dialogue

import (
	"fmt"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxJSONDepth is how deep lists and objects may be nested.
const maxJSONDepth = 1000

// JSONError says why and where a text is no JSON.
type JSONError struct {
	Offset int    // byte offset in the text
	Reason string // what is wrong there
}

// Error implements error.
func (e *JSONError) Error() string {
	return fmt.Sprintf("invalid JSON at byte %d: %s", e.Offset, e.Reason)
}

// DecodeJSON reads one JSON value into the plain values of this package. It refuses trailing data, nesting deeper than 1000, NaN
// and numbers that do not fit a float64. Of duplicate keys the last counts. Bytes that are no UTF-8 and lone surrogates become
// U+FFFD. Errors are of type *JSONError.
func DecodeJSON(data []byte) (any, error) {
	p := jsonParser{data: data}
	return p.whole()
}

// DecodeBody reads one JSON value that a client sent, as the reference's parser of request bodies does: unlike DecodeJSON it takes
// control characters (but NUL) in strings, a line break above all, and refuses bytes that are no UTF-8.
func DecodeBody(data []byte) (any, error) {
	p := jsonParser{data: data, body: true}
	return p.whole()
}

// whole reads the one value that the data are.
func (p *jsonParser) whole() (any, error) {
	p.space()
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	return v, p.end()
}

// jsonParser reads JSON from data. Short strings that come again are allocated once.
type jsonParser struct {
	data    []byte
	at      int
	short   [512]string
	room    []byte   // for strings with escapes
	values  []any    // items of the lists that are being read
	members []member // of the objects that are being read, when they are not read as maps
	brief   *briefObjects
	body    bool // as DecodeBody
}

func (p *jsonParser) fail(reason string) error { return &JSONError{Offset: p.at, Reason: reason} }

// end refuses anything but space.
func (p *jsonParser) end() error {
	if p.space(); p.at < len(p.data) {
		return p.fail("unexpected data after the value")
	}
	return nil
}

func (p *jsonParser) space() {
	for p.at < len(p.data) {
		switch p.data[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// peek is the next byte, 0 at the end.
func (p *jsonParser) peek() byte {
	if p.at < len(p.data) {
		return p.data[p.at]
	}
	return 0
}

func (p *jsonParser) value(depth int) (any, error) {
	switch c := p.peek(); {
	case c == '"':
		return p.string()
	case c == '{':
		return p.object(depth + 1)
	case c == '[':
		return p.array(depth + 1)
	case c == '-' || '0' <= c && c <= '9':
		return p.number()
	case c == 't':
		return true, p.word("true")
	case c == 'f':
		return false, p.word("false")
	case c == 'n':
		return nil, p.word("null")
	case p.at >= len(p.data):
		return nil, p.fail("unexpected end")
	}
	return nil, p.fail("expected a value")
}

func (p *jsonParser) word(w string) error {
	if len(p.data)-p.at < len(w) || string(p.data[p.at:p.at+len(w)]) != w {
		return p.fail("expected a value")
	}
	p.at += len(w)
	return nil
}

func (p *jsonParser) array(depth int) (any, error) {
	if depth > maxJSONDepth {
		return nil, p.fail("nested too deeply")
	}
	p.at++ // [
	if p.space(); p.peek() == ']' {
		p.at++
		return []any{}, nil
	}
	base := len(p.values)
	for {
		p.space()
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		p.values = append(p.values, v)
		p.space()
		switch p.peek() {
		case ',':
			p.at++
		case ']':
			p.at++
			list := slices.Clone(p.values[base:])
			p.values = p.values[:base]
			return list, nil
		default:
			return nil, p.fail("expected , or ]")
		}
	}
}

func (p *jsonParser) object(depth int) (any, error) {
	if depth > maxJSONDepth {
		return nil, p.fail("nested too deeply")
	}
	p.at++ // {
	var m map[string]any
	if p.brief == nil {
		m = map[string]any{}
	}
	base := len(p.members)
	if p.space(); p.peek() == '}' {
		p.at++
		return p.finish(m, base), nil
	}
	for {
		if p.space(); p.peek() != '"' {
			return nil, p.fail("expected a key")
		}
		key, err := p.string()
		if err != nil {
			return nil, err
		}
		if p.space(); p.peek() != ':' {
			return nil, p.fail("expected :")
		}
		p.at++
		p.space()
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		switch {
		case p.brief == nil:
			m[key] = v
		case m != nil:
			m[key] = plain(v)
		default:
			m = p.addMember(base, key, v)
		}
		p.space()
		switch p.peek() {
		case ',':
			p.at++
		case '}':
			p.at++
			return p.finish(m, base), nil
		default:
			return nil, p.fail("expected , or }")
		}
	}
}

func (p *jsonParser) number() (any, error) {
	start := p.at
	if p.peek() == '-' {
		p.at++
	}
	whole := true
	if p.peek() == '0' {
		p.at++
	} else if !p.digits() {
		return nil, p.fail("expected a digit")
	}
	if p.peek() == '.' {
		p.at++
		if whole = false; !p.digits() {
			return nil, p.fail("expected a digit")
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.at++
		if c := p.peek(); c == '+' || c == '-' {
			p.at++
		}
		if whole = false; !p.digits() {
			return nil, p.fail("expected a digit")
		}
	}
	text := string(p.data[start:p.at])
	if whole {
		if i, err := strconv.Atoi(text); err == nil {
			return i, nil
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		p.at = start
		return nil, p.fail("number out of range")
	}
	return f, nil
}

func (p *jsonParser) digits() bool {
	start := p.at
	for c := p.peek(); '0' <= c && c <= '9'; c = p.peek() {
		p.at++
	}
	return p.at > start
}

func (p *jsonParser) string() (string, error) {
	p.at++ // "
	start, ascii := p.at, true
	for p.at < len(p.data) {
		switch c := p.data[p.at]; {
		case c == '"':
			s := p.data[start:p.at]
			p.at++
			if ascii || utf8.Valid(s) {
				return p.intern(s), nil
			}
			return p.repaired(s)
		case c == '\\':
			return p.escaped(start)
		case c < ' ' && (c == 0 || !p.body):
			return "", p.fail("control character in a string")
		case c >= utf8.RuneSelf:
			ascii = false
		}
		p.at++
	}
	return "", p.fail("unexpected end of a string")
}

// repaired is a string whose bytes are no UTF-8.
func (p *jsonParser) repaired(b []byte) (string, error) {
	if p.body {
		return "", p.fail("the string is no UTF-8")
	}
	return string([]rune(string(b))), nil
}

// escaped reads the rest of a string that has escapes.
func (p *jsonParser) escaped(start int) (string, error) {
	out := append(p.room[:0], p.data[start:p.at]...)
	for p.at < len(p.data) {
		switch c := p.data[p.at]; {
		case c == '"':
			p.at++
			p.room = out
			if !utf8.Valid(out) {
				return p.repaired(out)
			}
			return p.intern(out), nil
		case c < ' ' && (c == 0 || !p.body):
			return "", p.fail("control character in a string")
		case c != '\\':
			out = append(out, c)
			p.at++
		default:
			p.at++
			r, ok := p.escape()
			if !ok {
				return "", p.fail("invalid escape")
			}
			out = utf8.AppendRune(out, r)
		}
	}
	return "", p.fail("unexpected end of a string")
}

// escape reads what follows a backslash.
func (p *jsonParser) escape() (rune, bool) {
	c := p.peek()
	p.at++
	switch c {
	case '"', '\\', '/':
		return rune(c), true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'u':
		r, ok := p.hex4(p.at)
		if !ok {
			return 0, false
		}
		p.at += 4
		if utf16.IsSurrogate(r) {
			if low, ok := p.hex4(p.at + 2); ok && p.data[p.at] == '\\' && p.data[p.at+1] == 'u' {
				if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
					p.at += 6
					return pair, true
				}
			}
			return utf8.RuneError, true
		}
		return r, true
	}
	return 0, false
}

func (p *jsonParser) hex4(at int) (rune, bool) {
	if at+4 > len(p.data) {
		return 0, false
	}
	var r rune
	for _, c := range p.data[at : at+4] {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// intern returns bytes as a string, the same one for a short text that was read before.
func (p *jsonParser) intern(b []byte) string {
	if len(b) == 0 || len(b) > 32 {
		return string(b)
	}
	slot := &p.short[(len(b)*31+int(b[0])*7+int(b[len(b)-1]))%len(p.short)]
	if *slot != string(b) {
		*slot = string(b)
	}
	return *slot
}
