package nlu

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
)

// patternTimeout bounds one match of a pattern that needs backtracking.
const patternTimeout = 100 * time.Millisecond

// pattern is a regular expression written for Python. Go's engine runs it in linear time wherever it means the same; a
// backtracking engine with a time limit takes over for look-around and back-references, and for word boundaries in texts
// that are not ASCII (Go's \b knows ASCII letters only).
type pattern struct {
	quick     *regexp.Regexp  // nil when Go's engine cannot run it
	full      *regexp2.Regexp // nil when it is never needed
	asciiOnly bool            // quick is right for ASCII texts only
}

// compilePattern reads a pattern of Python's re module.
func compilePattern(source string, ignoreCase bool) (*pattern, error) {
	if !utf8.ValidString(source) {
		return nil, fmt.Errorf("pattern %q is not UTF-8", source)
	}
	t := translatePattern(source)
	p := &pattern{asciiOnly: t.boundary}
	flags := ""
	if ignoreCase {
		flags = "(?i)"
	}
	var err error
	if !t.needsFull {
		p.quick, err = regexp.Compile(flags + t.quick)
	}
	if p.quick != nil && !t.boundary {
		return p, nil
	}
	options := regexp2.None
	if ignoreCase {
		options |= regexp2.IgnoreCase
	}
	full, fullErr := regexp2.Compile(t.full, options)
	if fullErr != nil {
		if err == nil {
			err = fullErr
		}
		return nil, fmt.Errorf("pattern %q: %w", source, err)
	}
	full.MatchTimeout = patternTimeout
	p.full = full
	return p, nil
}

// find calls yield with the byte range of every match, left to right, not overlapping.
func (p *pattern) find(text string, yield func(start, end int)) {
	if p.quick != nil && (!p.asciiOnly || isASCII(text)) {
		for _, m := range p.quick.FindAllStringIndex(text, -1) {
			yield(m[0], m[1])
		}
		return
	}
	begin := time.Now()
	m, err := p.full.FindStringMatch(text)
	at := points{text: text}
	for err == nil && m != nil && time.Since(begin) < patternTimeout { // each match has its own limit, and all have one
		start, end := at.of(m.Index), at.of(m.Index+m.Length)
		yield(start, end)
		m, err = p.full.FindNextMatch(m)
	}
}

// matches reports whether a pattern occurs in a text.
func (p *pattern) matches(text string) bool {
	if p.quick != nil && (!p.asciiOnly || isASCII(text)) {
		return p.quick.MatchString(text)
	}
	ok, err := p.full.MatchString(text)
	return err == nil && ok
}

// points turns rising code point offsets into byte offsets.
type points struct {
	text        string
	byte, point int
}

func (p *points) of(point int) int {
	if point < p.point {
		p.byte, p.point = 0, 0
	}
	for p.point < point && p.byte < len(p.text) {
		_, n := decodeRune(p.text[p.byte:])
		p.byte += n
		p.point++
	}
	return p.byte
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// translated is a pattern in the dialects of both engines.
type translated struct {
	quick, full string
	boundary    bool // has \b or \B
	needsFull   bool // has look-around, back-references, atomic groups, or conditionals
}

// translatePattern rewrites what Python writes differently: classes cover Unicode, \Z is the very end, (?P<n>…) and (?P=n).
func translatePattern(source string) translated {
	var t translated
	var quick, full strings.Builder
	both := func(s string) { quick.WriteString(s); full.WriteString(s) }
	inClass := false
	for i := 0; i < len(source); i++ {
		c := source[i]
		switch {
		case c == '\\' && i+1 < len(source):
			i++
			switch e := source[i]; {
			case e == 'd' || e == 'D' || e == 'w' || e == 'W' || e == 's' || e == 'S':
				full.WriteString(`\` + string(e))
				quick.WriteString(unicodeClass(e, inClass))
			case e == 'Z' && !inClass:
				quick.WriteString(`\z`)
				full.WriteString(`\z`)
			case (e == 'b' || e == 'B') && !inClass:
				t.boundary = true
				both(`\` + string(e))
			case e == 'b': // a backspace inside a class
				both(`\x08`)
			case '1' <= e && e <= '9' && !inClass:
				t.needsFull = true
				both(`\` + string(e))
			case e < utf8.RuneSelf && !wordByte(e): // escaped punctuation: safe everywhere
				both(`\` + string(e))
			case strings.IndexByte("aAfnrtvxuU0N", e) >= 0:
				if e == 'u' && i+4 < len(source) {
					quick.WriteString(`\x{` + source[i+1:i+5] + `}`)
					full.WriteString(`\u` + source[i+1:i+5])
					i += 4
					break
				}
				if e == '0' {
					both(`\x00`)
					break
				}
				both(`\` + string(e))
			default: // a rune that needs no escape
				r, n := utf8.DecodeRuneInString(source[i:])
				if r < utf8.RuneSelf {
					both(`\` + string(r)) // an unknown escape: let the engine complain
				} else {
					both(string(r))
				}
				i += n - 1
			}
		case inClass:
			if c == ']' {
				inClass = false
			}
			if c == '[' { // a plain bracket in Python's classes
				both(`\[`)
				break
			}
			both(string(rune0(source, &i)))
		case c == '[':
			inClass = true
			both("[")
			if strings.HasPrefix(source[i+1:], "^") {
				both("^")
				i++
			}
			if strings.HasPrefix(source[i+1:], "]") { // the first bracket is a member
				both(`\]`)
				i++
			}
		case c == '(' && strings.HasPrefix(source[i:], "(?"):
			i = t.group(source, i, &quick, &full)
		case c == '+' && i > 0 && strings.IndexByte("*+?}", source[i-1]) >= 0 && (i < 2 || source[i-2] != '\\'):
			t.needsFull = true // a possessive quantifier
			both("+")
		default:
			both(string(rune0(source, &i)))
		}
	}
	t.quick, t.full = quick.String(), full.String()
	return t
}

// rune0 reads the rune at i and moves i to its last byte.
func rune0(s string, i *int) rune {
	r, n := utf8.DecodeRuneInString(s[*i:])
	*i += n - 1
	return r
}

// group translates the opening of a group that begins with (? and returns the index of its last byte.
func (t *translated) group(source string, i int, quick, full *strings.Builder) int {
	rest := source[i+2:]
	switch {
	case strings.HasPrefix(rest, "P<"):
		quick.WriteString("(?P<")
		full.WriteString("(?<")
		return i + 3
	case strings.HasPrefix(rest, "P="):
		if end := strings.IndexByte(rest, ')'); end > 0 {
			t.needsFull = true
			full.WriteString(`\k<` + rest[2:end] + `>`)
			return i + 2 + end
		}
	case strings.HasPrefix(rest, "=") || strings.HasPrefix(rest, "!") || strings.HasPrefix(rest, "<=") || strings.HasPrefix(rest, "<!") ||
		strings.HasPrefix(rest, ">") || strings.HasPrefix(rest, "("):
		t.needsFull = true
	case strings.HasPrefix(rest, "#"):
		if end := strings.IndexByte(rest, ')'); end > 0 {
			return i + 2 + end
		}
	default:
		end := 0
		for end < len(rest) && strings.IndexByte("aiLmsux-", rest[end]) >= 0 {
			end++
		}
		if end == 0 || end == len(rest) || rest[end] != ')' && rest[end] != ':' {
			break
		}
		flags := strings.Map(func(r rune) rune {
			if strings.ContainsRune("auL", r) {
				return -1
			}
			return r
		}, rest[:end])
		if strings.Contains(flags, "x") {
			t.needsFull = true
		}
		if flags == "" || flags == "-" {
			if rest[end] == ')' {
				return i + 2 + end
			}
			flags = ""
		}
		quick.WriteString("(?" + flags + rest[end:end+1])
		full.WriteString("(?" + flags + rest[end:end+1])
		return i + 2 + end
	}
	quick.WriteString("(?")
	full.WriteString("(?")
	return i + 1
}

// unicodeClass is a class escape for Go's engine, whose own \d, \w and \s know ASCII only.
func unicodeClass(e byte, inClass bool) string {
	body := map[byte]string{'d': `\p{Nd}`, 'w': `\p{L}\p{N}_`, 's': `\s\x0b\x1c-\x1f\x{85}\p{Z}`}[e|0x20]
	switch {
	case e == 'D' && inClass:
		return `\P{Nd}`
	case e >= 'a' && inClass:
		return body
	case e >= 'a':
		return "[" + body + "]"
	case inClass: // a negated class cannot be spelt out inside another: fall back to ASCII
		return `\` + string(e)
	}
	return "[^" + body + "]"
}
