package nlu

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// class translates a bracket expression, whose bracket has been read.
func (t *translation) class() error {
	members := []byte("[")
	if strings.HasPrefix(t.rest(), "^") {
		t.at++
		members = append(members, '^')
	}
	for first := true; ; first = false {
		if t.at == len(t.source) {
			return errors.New("unterminated character set")
		}
		if !first && t.rest()[0] == ']' {
			t.at++
			t.both(string(members) + "]")
			return nil
		}
		low, class, err := t.member()
		if err != nil {
			return err
		}
		high := low
		if rest := t.rest(); strings.HasPrefix(rest, "-") && len(rest) > 1 && rest[1] != ']' {
			t.at++
			var to string
			if high, to, err = t.member(); err != nil {
				return err
			}
			if class != "" || to != "" || high < low {
				return errors.New("bad character range")
			}
		}
		if class != "" {
			members = append(members, class...)
			continue
		}
		members = append(members, quoted(low)...)
		if high > low {
			members = append(append(members, '-'), quoted(high)...)
		}
		members = append(members, t.folds(low, high)...)
	}
}

// folds are the runes that a range covers only because case is ignored, where the engines do not know them.
func (t *translation) folds(low, high rune) string {
	if !t.now.i || t.now.a || high-low > 0x3000 {
		return ""
	}
	var more []rune
	for r := low; r <= high; r++ {
		if folds := foldsOf(r); len(folds) > 2 {
			more = append(more, folds...)
		}
	}
	slices.Sort(more)
	return string(slices.Compact(more))
}

// member reads a member of a bracket expression: a rune, or a class as members.
func (t *translation) member() (r rune, class string, err error) {
	if t.at == len(t.source) {
		return 0, "", errors.New("unterminated character set")
	}
	if r = t.next(); r != '\\' {
		return r, "", nil
	}
	if t.at == len(t.source) {
		return 0, "", errors.New("unterminated character set")
	}
	c := t.rest()[0]
	if class := members(c, t.now.a); class != "" {
		t.at++
		return 0, class, nil
	}
	r, ok, err := t.character(true)
	if err == nil && !ok {
		err = fmt.Errorf(`bad escape \%c`, c)
	}
	return r, "", err
}

// members are what a class such as \w stands for, inside brackets; "" when a letter is none.
func members(c byte, ascii bool) string {
	switch {
	case c == 'd' && ascii:
		return "0-9"
	case c == 'd' || c == 'D' && !ascii:
		return map[byte]string{'d': `\p{Nd}`, 'D': `\P{Nd}`}[c]
	case c == 'w' && ascii:
		return asciiWord
	case c == 'w':
		return wordClass
	case c == 's' && ascii:
		return asciiSpace
	case c == 's':
		return spaceClass
	case c == 'D':
		return others(asciiDigit)
	case c == 'W' && ascii:
		return others(func(r rune) bool { return r < utf8.RuneSelf && wordByte(byte(r)) })
	case c == 'S' && ascii:
		return others(func(r rune) bool { return strings.ContainsRune("\t\n\v\f\r ", r) })
	case c == 'W':
		return notWords()
	case c == 'S':
		return others(pythonSpace)
	}
	return ""
}

var notWords = sync.OnceValue(func() string { return others(pythonWord) })

// others are the runes outside a class, as members of a bracket expression.
func others(inside func(rune) bool) string {
	var b strings.Builder
	for r := rune(0); r <= unicode.MaxRune; r++ {
		from := r
		for r <= unicode.MaxRune && !inside(r) && !utf16.IsSurrogate(r) {
			r++
		}
		if r > from {
			b.WriteString(quoted(from) + "-" + quoted(r-1))
		}
	}
	return b.String()
}

// group translates the opening of a group, whose parenthesis has been read.
func (t *translation) group(begin int) error {
	inside := openGroup{t.now, begin}
	rest := t.rest()
	open := func(s string, n int) error {
		t.both(s)
		t.at += n
		t.open = append(t.open, inside)
		t.atom = -1
		return nil
	}
	if !strings.HasPrefix(rest, "?") {
		t.groups++
		return open("(", 0)
	}
	for _, look := range []string{"?=", "?!", "?<=", "?<!", "?>"} {
		if strings.HasPrefix(rest, look) {
			t.needsFull = true
			return open("("+look, len(look))
		}
	}
	switch {
	case strings.HasPrefix(rest, "?P<"):
		name, _, ok := strings.Cut(rest[3:], ">")
		if !ok || !isIdentifier(name) || t.names[name] != 0 {
			return fmt.Errorf("bad or repeated name of a group %q", name)
		}
		t.groups++
		t.names[name] = t.groups
		return open("(", 4+len(name))
	case strings.HasPrefix(rest, "?P="):
		name, _, ok := strings.Cut(rest[3:], ")")
		if !ok || t.names[name] == 0 {
			return fmt.Errorf("unknown group name %q", name)
		}
		t.at += 4 + len(name)
		t.atom = begin
		return t.referTo(t.names[name])
	case strings.HasPrefix(rest, "?#"):
		end := strings.IndexByte(rest, ')')
		if end < 0 {
			return errors.New("missing ), unterminated comment")
		}
		t.at += end + 1
		return nil
	case strings.HasPrefix(rest, "?("):
		name, _, ok := strings.Cut(rest[2:], ")")
		number, known := t.names[name]
		if n, err := strconv.Atoi(name); err == nil {
			number, known = n, true
		}
		if !ok || !known || number < 1 {
			return fmt.Errorf("unknown group %q", name)
		}
		t.needsFull = true
		return open(fmt.Sprintf("(?(%d)", number), 3+len(name))
	}
	flags, _, ok := strings.Cut(rest[1:], ":")
	on, off, _ := strings.Cut(flags, "-")
	if !ok || strings.Trim(on, "aimsux") != "" || strings.Trim(off, "imsx") != "" {
		return errors.New("unknown extension or bad flags behind (?")
	}
	t.now.set(on, true)
	t.now.set(off, false)
	drop := func(letters string) string { return strings.NewReplacer("a", "", "u", "", "x", "").Replace(letters) }
	letters := drop(on)
	if minus := drop(off); minus != "" {
		letters += "-" + minus
	}
	return open("(?"+letters+":", 2+len(flags))
}

// isIdentifier reports whether a text can be a name in Python.
func isIdentifier(s string) bool {
	for i, r := range s {
		if !pythonWord(r) || i == 0 && asciiDigit(r) {
			return false
		}
	}
	return s != ""
}
