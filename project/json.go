package project

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// parseJSON reads one JSON document into nodes, with their lines. Duplicate keys: the last counts, as in Python. The error
// is a *Problem.
func parseJSON(src *source, data []byte) (*node, error) {
	p := &jsonParser{src: src, data: data, line: 1}
	n, err := p.value(0)
	if err == nil {
		if p.space(); p.pos < len(p.data) {
			err = errors.New("there is something behind the end of the document")
		}
	}
	if err != nil {
		return nil, &Problem{
			File: src.name, Line: p.line, Severity: SeverityError, Class: classValue, Code: "bad-json", Message: "not JSON: " + err.Error(),
		}
	}
	return n, nil
}

type jsonParser struct {
	src  *source
	data []byte
	pos  int
	line int
}

var errEarlyEnd = errors.New("the document ends too early")

// space skips white space.
func (p *jsonParser) space() {
	for p.pos < len(p.data) {
		switch p.data[p.pos] {
		case '\n':
			p.line++
		case ' ', '\t', '\r':
		default:
			return
		}
		p.pos++
	}
}

// peek is the next byte behind white space; ok is false at the end.
func (p *jsonParser) peek() (c byte, ok bool) {
	p.space()
	if p.pos == len(p.data) {
		return 0, false
	}
	return p.data[p.pos], true
}

func (p *jsonParser) unexpected(want string) error {
	c, ok := p.peek()
	if !ok {
		return errEarlyEnd
	}
	return fmt.Errorf("expected %s, found %q", want, rune(c))
}

func (p *jsonParser) value(depth int) (*node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested more than %d levels deep", maxDepth)
	}
	c, ok := p.peek()
	if !ok {
		return nil, errEarlyEnd
	}
	n := &node{src: p.src, line: int32(p.line)} //nolint:gosec // files are bounded
	var err error
	switch {
	case c == '{':
		n.kind = kindMap
		err = p.object(n, depth)
	case c == '[':
		n.kind = kindList
		err = p.array(n, depth)
	case c == '"':
		n.kind = kindString
		n.str, err = p.text()
	case c == '-' || c >= '0' && c <= '9':
		err = p.number(n)
	default:
		err = p.word(n)
	}
	return n, err
}

// word reads true, false or null.
func (p *jsonParser) word(n *node) error {
	for _, w := range []struct {
		text string
		kind kind
		num  uint64
	}{{"null", kindNull, 0}, {"true", kindBool, 1}, {"false", kindBool, 0}} {
		if strings.HasPrefix(string(p.data[p.pos:min(len(p.data), p.pos+len(w.text))]), w.text) {
			n.kind, n.num = w.kind, w.num
			p.pos += len(w.text)
			return nil
		}
	}
	return p.unexpected("a value")
}

func (p *jsonParser) array(n *node, depth int) error {
	p.pos++
	if c, ok := p.peek(); ok && c == ']' {
		p.pos++
		return nil
	}
	for {
		item, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		n.kids = append(n.kids, item)
		if more, err := p.more(']'); !more {
			return err
		}
	}
}

// more reads the comma behind an item, or the closing bracket.
func (p *jsonParser) more(closing byte) (bool, error) {
	switch c, _ := p.peek(); c {
	case ',':
		p.pos++
		return true, nil
	case closing:
		p.pos++
		return false, nil
	}
	return false, p.unexpected(fmt.Sprintf("a comma or %q", rune(closing)))
}

func (p *jsonParser) object(n *node, depth int) error {
	p.pos++
	if c, ok := p.peek(); ok && c == '}' {
		p.pos++
		return nil
	}
	var index map[string]int // of keys, once there are many
	for {
		if c, _ := p.peek(); c != '"' {
			return p.unexpected("a key in double quotes")
		}
		key := &node{kind: kindString, src: p.src, line: int32(p.line)} //nolint:gosec // files are bounded
		var err error
		if key.str, err = p.text(); err != nil {
			return err
		}
		if c, _ := p.peek(); c != ':' {
			return p.unexpected("a colon")
		}
		p.pos++
		value, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		index = n.putKey(key, value, index)
		if more, err := p.more('}'); !more {
			return err
		}
	}
}

// putKey sets a text key of a mapping in the making; index holds the places of keys once there are many.
func (n *node) putKey(key, value *node, index map[string]int) map[string]int {
	const many = 16
	if index == nil && len(n.kids) >= 2*many {
		index = make(map[string]int, 2*many)
		for i := 0; i < len(n.kids); i += 2 {
			index[n.kids[i].str] = i
		}
	}
	if index != nil {
		if i, ok := index[key.str]; ok {
			n.kids[i+1] = value
			return index
		}
		index[key.str] = len(n.kids)
	} else {
		for i := 0; i < len(n.kids); i += 2 {
			if n.kids[i].str == key.str {
				n.kids[i+1] = value
				return index
			}
		}
	}
	n.kids = append(n.kids, key, value)
	return index
}

// text reads a string.
func (p *jsonParser) text() (string, error) {
	p.pos++
	start := p.pos
	for p.pos < len(p.data) {
		switch c := p.data[p.pos]; {
		case c == '"':
			s := string(p.data[start:p.pos])
			p.pos++
			return s, nil
		case c == '\\':
			return p.escapedText(start)
		case c < ' ':
			return "", errors.New("a text must not hold control characters")
		}
		p.pos++
	}
	return "", errEarlyEnd
}

// escapedText goes on reading a string at its first backslash.
func (p *jsonParser) escapedText(start int) (string, error) {
	b := append([]byte(nil), p.data[start:p.pos]...)
	for p.pos < len(p.data) {
		c := p.data[p.pos]
		p.pos++
		switch {
		case c == '"':
			return string(b), nil
		case c < ' ':
			return "", errors.New("a text must not hold control characters")
		case c != '\\':
			b = append(b, c)
			continue
		}
		if p.pos == len(p.data) {
			break
		}
		c = p.data[p.pos]
		p.pos++
		if c == 'u' {
			r, ok := p.unicodeEscape()
			if !ok {
				return "", errors.New(`\u needs four hexadecimal digits`)
			}
			b = utf8.AppendRune(b, r)
			continue
		}
		i := strings.IndexByte(`"\/bfnrt`, c)
		if i < 0 {
			return "", fmt.Errorf(`\%c is no escape of JSON`, rune(c))
		}
		b = append(b, "\"\\/\b\f\n\r\t"[i])
	}
	return "", errEarlyEnd
}

// unicodeEscape reads the digits of \uXXXX and joins surrogates; a lone one becomes the replacement character.
func (p *jsonParser) unicodeEscape() (rune, bool) {
	hex := func(at int) (rune, bool) {
		if at+4 > len(p.data) {
			return 0, false
		}
		v, err := strconv.ParseUint(string(p.data[at:at+4]), 16, 16)
		return rune(v), err == nil
	}
	r, ok := hex(p.pos)
	if !ok {
		return 0, false
	}
	p.pos += 4
	if !utf16.IsSurrogate(r) {
		return r, true
	}
	if p.pos+6 <= len(p.data) && p.data[p.pos] == '\\' && p.data[p.pos+1] == 'u' {
		if low, ok := hex(p.pos + 2); ok {
			if joined := utf16.DecodeRune(r, low); joined != utf8.RuneError {
				p.pos += 6
				return joined, true
			}
		}
	}
	return utf8.RuneError, true
}

// number reads a number: whole numbers without a fraction are ints.
func (p *jsonParser) number(n *node) error {
	start := p.pos
	digits := func() int {
		from := p.pos
		for p.pos < len(p.data) && p.data[p.pos] >= '0' && p.data[p.pos] <= '9' {
			p.pos++
		}
		return p.pos - from
	}
	at := func(chars string) bool { return p.pos < len(p.data) && strings.IndexByte(chars, p.data[p.pos]) >= 0 }
	if at("-") {
		p.pos++
	}
	zero, whole := at("0"), true
	good := digits()
	if good == 0 || zero && good > 1 {
		return errors.New("a number is written in a way that JSON does not know")
	}
	if at(".") {
		p.pos++
		whole = false
		good = min(good, digits())
	}
	if at("eE") {
		p.pos++
		whole = false
		if at("+-") {
			p.pos++
		}
		good = min(good, digits())
	}
	if good == 0 {
		return errors.New("a number is written in a way that JSON does not know")
	}
	text := string(p.data[start:p.pos])
	if whole {
		n.kind = kindInt
		if v, err := strconv.ParseInt(text, 10, 64); err == nil {
			n.num = uint64(v) //nolint:gosec // bits
			return nil
		}
		n.str = bigInt
	} else {
		n.kind = kindFloat
	}
	f, _ := strconv.ParseFloat(text, 64) // too large: infinite, as in Python
	n.num = math.Float64bits(f)
	return nil
}
