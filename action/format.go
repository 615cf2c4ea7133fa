package action

import (
	"strings"
	"unicode/utf8"
)

// formatParser splits a format string as Python does (CPython Objects/stringlib/unicode_format.h).
type formatParser struct {
	s  string
	at int
}

// formatField is a replacement field.
type formatField struct {
	name       string
	conversion bool
	spec       string
}

// more reports whether the field asks for more than a plain value.
func (f *formatField) more() bool { return f.conversion || f.spec != "" }

// next returns the literal text up to the next field or escaped brace, and the field; nil when there is none.
func (p *formatParser) next() (literal string, f *formatField, err error) {
	start := p.at
	n := strings.IndexAny(p.s[start:], "{}")
	if n < 0 {
		p.at = len(p.s)
		return p.s[start:], nil, nil
	}
	brace := start + n
	p.at = brace + 1
	c := p.s[brace]
	atEnd := p.at >= len(p.s)
	switch {
	case c == '}' && (atEnd || p.s[p.at] != '}'):
		return "", nil, formatError("single }")
	case atEnd:
		return "", nil, formatError("single {")
	case p.s[p.at] == c:
		p.at++
		return p.s[start : brace+1], nil, nil
	}
	f, err = p.field()
	return p.s[start:brace], f, err
}

// field reads a replacement field after its opening brace.
func (p *formatParser) field() (*formatField, error) {
	f := &formatField{}
	start := p.at
	for p.at < len(p.s) {
		c := p.s[p.at]
		p.at++
		switch c {
		case '{':
			return nil, formatError("unexpected { in a name")
		case '[':
			if n := strings.IndexByte(p.s[p.at:], ']'); n >= 0 {
				p.at += n
			} else {
				p.at = len(p.s)
			}
		case '}':
			f.name = p.s[start : p.at-1]
			return f, nil
		case ':', '!':
			f.name = p.s[start : p.at-1]
			return f, p.tail(f, c)
		}
	}
	return nil, formatError("expected } before the end")
}

// tail reads the conversion and the format of a field.
func (p *formatParser) tail(f *formatField, c byte) error {
	if c == '!' {
		if f.conversion = true; p.at >= len(p.s) {
			return formatError("end while looking for a conversion")
		}
		_, size := utf8.DecodeRuneInString(p.s[p.at:])
		if p.at += size; p.at >= len(p.s) {
			return formatError("unmatched {")
		}
		c = p.s[p.at]
		p.at++
		if c == '}' {
			return nil
		}
		if c != ':' {
			return formatError("expected : after a conversion")
		}
	}
	start, open := p.at, 1
	for ; p.at < len(p.s); p.at++ {
		switch p.s[p.at] {
		case '{':
			open++
		case '}':
			if open--; open == 0 {
				f.spec = p.s[start:p.at]
				p.at++
				return nil
			}
		}
	}
	return formatError("unmatched { in a format")
}
