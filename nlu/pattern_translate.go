package nlu

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// translation is a pattern of Python's re module in the dialects of both engines: classes cover Unicode, \b and \B stand between
// Python's word characters, groups have numbers only, and what the engines write differently is spelt out.
type translation struct {
	quick, full []byte
	boundary    bool // has \b or \B
	dollar      bool // has $
	needsFull   bool // has look-around, back-references, atomic groups, possessive quantifiers or conditionals

	source string
	at     int
	now    patternFlags
	global patternFlags
	open   []openGroup
	groups int
	names  map[string]int
	atom   int // where in full the last thing begins that can be repeated; -1: there is none
}

// patternFlags are flags of Python's: ASCII classes, ignore case, lines, dot matches all, verbose.
type patternFlags struct{ a, i, m, s, x bool }

type openGroup struct {
	before patternFlags
	atom   int
}

// Classes as members of a bracket expression: those of Python's words and white space.
const (
	wordClass  = `\p{L}\p{N}_`
	spaceClass = `\t-\r\x1c-\x1f \x85\p{Z}`
	asciiWord  = `a-zA-Z0-9_`
	asciiSpace = `\t-\r `
)

func translatePattern(source string, ignoreCase bool) (*translation, error) {
	t := &translation{source: source, names: map[string]int{}, atom: -1}
	t.now.i = ignoreCase
	for more := true; more; { // flags for all of it
		end := 2
		for strings.HasPrefix(t.rest(), "(?") && end < len(t.rest()) && strings.IndexByte("aiLmsux", t.rest()[end]) >= 0 {
			end++
		}
		if more = end > 2 && end < len(t.rest()) && t.rest()[end] == ')'; more {
			t.now.set(t.rest()[2:end], true)
			t.at += end + 1
		}
	}
	t.global = t.now
	t.both(t.flags())
	for t.at < len(t.source) {
		if err := t.step(); err != nil {
			return nil, err
		}
	}
	if len(t.open) > 0 {
		return nil, errors.New("missing ), unterminated group")
	}
	return t, nil
}

// flags are the flags of the whole pattern, as both engines begin one.
func (t *translation) flags() string { return t.global.text("(?", ")") }

func (f patternFlags) text(before, after string) string {
	var letters []byte
	for i, set := range []bool{f.i, f.m, f.s} {
		if set {
			letters = append(letters, "ims"[i])
		}
	}
	if len(letters) == 0 {
		return ""
	}
	return before + string(letters) + after
}

func (f *patternFlags) set(letters string, value bool) {
	for _, l := range letters {
		switch l {
		case 'a':
			f.a = value
		case 'i':
			f.i = value
		case 'm':
			f.m = value
		case 's':
			f.s = value
		case 'x':
			f.x = value
		}
	}
}

func (t *translation) rest() string { return t.source[t.at:] }

func (t *translation) both(s string) {
	t.quick, t.full = append(t.quick, s...), append(t.full, s...)
}

// next reads a rune.
func (t *translation) next() rune {
	r, n := utf8.DecodeRuneInString(t.rest())
	t.at += n
	return r
}

// step translates one thing of the pattern.
func (t *translation) step() error {
	if m := t.repetition(); m != "" {
		return t.repeat(m)
	}
	begin := len(t.full)
	switch r := t.next(); {
	case t.now.x && (r == ' ' || '\t' <= r && r <= '\r'):
		return nil
	case t.now.x && r == '#':
		end := strings.IndexByte(t.rest(), '\n')
		if end < 0 {
			end = len(t.rest())
		}
		t.at += end
		return nil
	case r == '(':
		return t.group(begin)
	case r == ')':
		if len(t.open) == 0 {
			return errors.New("unbalanced parenthesis")
		}
		last := t.open[len(t.open)-1]
		t.open, t.now = t.open[:len(t.open)-1], last.before
		t.both(")")
		begin = last.atom
	case r == '|':
		t.both("|")
		begin = -1
	case r == '[':
		if err := t.class(); err != nil {
			return err
		}
	case r == '\\':
		if rest := t.rest(); rest != "" && strings.IndexByte("AZbB", rest[0]) >= 0 {
			begin = -1
		}
		if err := t.escape(); err != nil {
			return err
		}
	case r == '$':
		t.dollar = true
		t.both("$")
		begin = -1 // places cannot be repeated
	case r == '^':
		t.both("^")
		begin = -1
	case r == '.':
		t.both(".")
	default:
		t.literal(r)
	}
	t.atom = begin
	return nil
}

// repetition gives the quantifier that comes next, "" when there is none. A brace that is no quantifier stands for itself.
func (t *translation) repetition() string {
	rest := t.rest()
	if strings.IndexByte("*+?", rest[0]) >= 0 {
		return rest[:1]
	}
	if rest[0] != '{' || strings.HasPrefix(rest, "{}") {
		return ""
	}
	end := 1
	for end < len(rest) && (asciiDigit(rune(rest[end])) || rest[end] == ',') {
		end++
	}
	if end == len(rest) || rest[end] != '}' || strings.Count(rest[:end], ",") > 1 {
		return ""
	}
	return rest[:end+1]
}

// repeat writes a quantifier behind the last thing.
func (t *translation) repeat(m string) error {
	if t.atom < 0 {
		return errors.New("nothing to repeat, or multiple repeat")
	}
	t.at += len(m)
	if strings.HasPrefix(m, "{,") {
		m = "{0" + m[1:]
	}
	t.both(m)
	switch {
	case strings.HasPrefix(t.rest(), "?"):
		t.at++
		t.both("?")
	case strings.HasPrefix(t.rest(), "+"):
		t.at++
		t.needsFull = true
		t.full = append(slices.Insert(t.full, t.atom, []byte("(?>")...), ')')
	}
	t.atom = -1
	return nil
}

// literal writes a rune that stands for itself.
func (t *translation) literal(r rune) {
	if t.now.i && !t.now.a {
		if others := foldsOf(r); len(others) > 2 { // more than the engines know
			t.both("[" + string(others) + "]")
			return
		}
	}
	t.both(quoted(r))
}

// quoted is a rune with a backslash where it needs one, inside brackets or outside.
func quoted(r rune) string {
	if r < utf8.RuneSelf && r > ' ' && !wordByte(byte(r)) {
		return `\` + string(r)
	}
	return string(r)
}

// foldsOf are the runes that a rune equals when case is ignored. In Python the four i with and without a dot are all equal.
func foldsOf(r rune) []rune {
	if strings.ContainsRune("iIıİ", r) {
		return []rune("iIıİ")
	}
	folds := []rune{r}
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		folds = append(folds, f)
	}
	return folds
}

// escape translates what a backslash begins, outside brackets.
func (t *translation) escape() error {
	if t.at == len(t.source) {
		return errors.New("bad escape (end of pattern)")
	}
	word := members('w', t.now.a)
	switch c := t.rest()[0]; c {
	case 'A':
		t.both(`\A`)
	case 'Z':
		t.both(`\z`)
	case 'b', 'B':
		t.boundary = true
		t.quick = append(t.quick, '\\', c)
		inside, beside := "!", "="
		if c == 'B' {
			inside, beside = "=", "!"
		}
		t.full = fmt.Appendf(t.full, `(?:(?<=[%s])(?%s[%s])|(?<![%s])(?%s[%s]))`, word, inside, word, word, beside, word)
	case 'w', 's', 'd':
		t.both("[" + members(c, t.now.a) + "]")
	case 'W', 'S', 'D':
		t.both("[^" + members(c|0x20, t.now.a) + "]")
	default:
		if r, ok, err := t.character(false); err != nil || ok {
			if err == nil {
				t.literal(r)
			}
			return err
		}
		return t.reference()
	}
	t.at++
	return nil
}

// character reads an escape that stands for one rune.
func (t *translation) character(inClass bool) (r rune, ok bool, err error) {
	rest := t.rest()
	c := rest[0]
	number := func(digits string, base int) (rune, bool, error) {
		n, err := strconv.ParseUint(digits, base, 32)
		if err != nil || n > unicode.MaxRune || base == 8 && n > 0o377 {
			return 0, false, fmt.Errorf(`bad escape \%s`, rest[:1])
		}
		return rune(n), true, nil
	}
	octal := 0
	for octal < min(3, len(rest)) && '0' <= rest[octal] && rest[octal] <= '7' {
		octal++
	}
	switch at := strings.IndexByte("afnrtv", c); {
	case at >= 0:
		t.at++
		return rune("\a\f\n\r\t\v"[at]), true, nil
	case c == 'b' && inClass:
		t.at++
		return '\b', true, nil
	case c == 'x' || c == 'u' || c == 'U':
		n := 1 + map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
		if len(rest) < n {
			return 0, false, fmt.Errorf(`incomplete escape \%s`, rest)
		}
		t.at += n
		return number(rest[1:n], 16)
	case c == '0' || octal == 3 || inClass && octal > 0:
		t.at += octal
		return number(rest[:octal], 8)
	case asciiDigit(rune(c)):
		return 0, false, nil
	case c < utf8.RuneSelf && wordByte(c) && c != '_':
		return 0, false, fmt.Errorf(`bad escape \%c`, c)
	}
	return t.next(), true, nil
}

// reference translates a reference to a group by number.
func (t *translation) reference() error {
	n := 1
	if len(t.rest()) > 1 && asciiDigit(rune(t.rest()[1])) {
		n = 2
	}
	number, _ := strconv.Atoi(t.rest()[:n])
	t.at += n
	return t.referTo(number)
}

func (t *translation) referTo(group int) error {
	if group == 0 || group > t.groups {
		return fmt.Errorf("invalid group reference %d", group)
	}
	t.needsFull = true
	t.full = fmt.Appendf(t.full, `\k<%d>`, group)
	return nil
}
