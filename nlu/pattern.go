package nlu

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
)

// What bounds a pattern that needs backtracking. A match that takes too long is tried again, for it may have lacked nothing but a
// processor: what a pattern finds must not depend on what else the machine does.
const (
	patternTimeout = 100 * time.Millisecond // one attempt
	patternTries   = 3
	patternLimit   = time.Second // all matches in a text, between two of them
)

// pattern is a regular expression written for Python. Go's engine runs it in linear time wherever it means the same; a
// backtracking engine with a time limit takes over for look-around, back-references and possessive quantifiers, for empty matches,
// for word boundaries in texts that are not ASCII (Go's \b knows ASCII letters only) and for $ before a line break at the end.
type pattern struct {
	quick    *regexp.Regexp  // nil when Go's engine cannot run it
	full     *regexp2.Regexp // nil when it is never needed
	onward   *regexp2.Regexp // full behind an empty match: it does not match emptily at the same place again
	boundary bool            // has \b or \B
	dollar   bool            // has $
	empty    bool            // can match nothing
	groups   int             // that capture
}

// compilePattern reads a pattern of Python's re module.
func compilePattern(source string, ignoreCase bool) (*pattern, error) {
	if !utf8.ValidString(source) {
		return nil, fmt.Errorf("pattern %q is not UTF-8", source)
	}
	t, err := translatePattern(source, ignoreCase)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", source, err)
	}
	p := &pattern{boundary: t.boundary, dollar: t.dollar, groups: t.groups}
	if !t.needsFull {
		p.quick, err = regexp.Compile(string(t.quick))
		tree, _ := syntax.Parse(string(t.quick), syntax.Perl)
		p.empty = tree == nil || canBeEmpty(tree)
	}
	if p.quick != nil && !p.boundary && !p.dollar && !p.empty {
		return p, nil
	}
	full, fullErr := regexp2.Compile(string(t.full), regexp2.None)
	if fullErr != nil {
		if err == nil {
			err = fullErr
		}
		return nil, fmt.Errorf("pattern %q: %w", source, err)
	}
	p.full = full
	p.onward, err = regexp2.Compile(t.flags()+`(?:`+string(t.full[len(t.flags()):])+`)(?!\G)`, regexp2.None)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", source, err)
	}
	p.full.MatchTimeout, p.onward.MatchTimeout = patternTimeout, patternTimeout
	return p, nil
}

// canBeEmpty reports whether an expression can match nothing.
func canBeEmpty(e *syntax.Regexp) bool {
	switch e.Op {
	case syntax.OpLiteral, syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL, syntax.OpNoMatch:
		return false
	case syntax.OpCapture, syntax.OpPlus:
		return canBeEmpty(e.Sub[0])
	case syntax.OpRepeat:
		return e.Min == 0 || canBeEmpty(e.Sub[0])
	case syntax.OpConcat:
		return !slices.ContainsFunc(e.Sub, func(s *syntax.Regexp) bool { return !canBeEmpty(s) })
	case syntax.OpAlternate:
		return slices.ContainsFunc(e.Sub, canBeEmpty)
	default:
		return true
	}
}

// isQuick reports whether Go's engine finds in a text what Python's does.
func (p *pattern) isQuick(text string) bool {
	return p.quick != nil && (!p.boundary || isASCII(text)) && (!p.dollar || !strings.HasSuffix(text, "\n"))
}

// find calls yield with the byte range of every match, left to right, not overlapping. As in Python an empty match may lie at the
// end of another one, but not two at one place.
func (p *pattern) find(text string, yield func(start, end int)) { p.findGroup(text, 0, yield) }

// findGroup is find for what a group of each match holds; matches in which it holds nothing are left out.
func (p *pattern) findGroup(text string, group int, yield func(start, end int)) {
	if !p.empty && p.isQuick(text) {
		for _, m := range p.quick.FindAllStringSubmatchIndex(text, -1) {
			if m[2*group] >= 0 {
				yield(m[2*group], m[2*group+1])
			}
		}
		return
	}
	begin := time.Now()
	runes := []rune(text)
	at := points{text: text}
	for re, from := p.full, 0; time.Since(begin) < patternLimit; {
		m, err := steady(func() (*regexp2.Match, error) { return re.FindRunesMatchStartingAt(runes, from) })
		if err != nil || m == nil {
			return
		}
		if g := m.GroupByNumber(group); len(g.Captures) > 0 {
			yield(at.of(g.Index), at.of(g.Index+g.Length))
		}
		from, re = m.Index+m.Length, p.full
		if m.Length == 0 {
			re = p.onward
		}
	}
}

// steady tries a match again that took too long.
func steady[T any](match func() (T, error)) (m T, err error) {
	for range patternTries {
		if m, err = match(); err == nil {
			break
		}
	}
	return m, err
}

// matches reports whether a pattern occurs in a text.
func (p *pattern) matches(text string) bool {
	if p.isQuick(text) {
		return p.quick.MatchString(text)
	}
	ok, err := steady(func() (bool, error) { return p.full.MatchString(text) })
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
