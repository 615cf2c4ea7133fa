package project

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Span is the part of a line that a problem is about, in characters from 1; End is the one behind it.
type Span struct{ Line, Start, End int }

// Excerpts shows the places of problems in their files, each of which is read once.
type Excerpts struct {
	lines map[string][]string
}

// maxExcerpt bounds the characters of a line that an excerpt shows.
const maxExcerpt = 160

// Span is the exact place of a problem; ok is false if its file has no such line.
func (x *Excerpts) Span(p *Problem) (s Span, ok bool) {
	s.Line = p.Line
	if p.Mark.Line > 0 {
		s.Line = p.Mark.Line
	}
	line, ok := x.line(p.File, s.Line)
	if !ok {
		return s, false
	}
	start, length := markedPart(line, p.Mark)
	s.Start, s.End = 1+start, 1+start+length
	return s, true
}

// Excerpt is the line of a problem and a line with a caret under its place, each behind the line's number or a blank of its width;
// "" if there is no such line.
func (x *Excerpts) Excerpt(p *Problem) string {
	s, ok := x.Span(p)
	if !ok {
		return ""
	}
	text, _ := x.line(p.File, s.Line)
	line := []rune(text)
	start, end := s.Start-1, s.End-1
	cut, more := 0, ""
	if start > maxExcerpt/2 {
		cut = start - maxExcerpt/4
		more = "…"
	}
	shown := line[cut:]
	if len(shown) > maxExcerpt {
		shown = append(append([]rune{}, shown[:maxExcerpt]...), '…')
	}
	end = max(min(end, cut+len(shown)), start+1)
	var under strings.Builder
	under.WriteString(strings.Repeat(" ", utf8.RuneCountInString(more)))
	for _, r := range line[cut:start] {
		under.WriteString(blank(r))
	}
	under.WriteByte('^')
	for _, r := range line[min(start+1, len(line)):min(end, len(line))] {
		under.WriteString(strings.Repeat("~", len(blank(r))))
	}
	number := fmt.Sprint(s.Line)
	return fmt.Sprintf("  %s | %s%s\n  %s | %s", number, more, printable(shown), strings.Repeat(" ", len(number)), under.String())
}

// line is a line of a file, from 1.
func (x *Excerpts) line(file string, number int) (string, bool) {
	if file == "" || number < 1 {
		return "", false
	}
	if x.lines == nil {
		x.lines = map[string][]string{}
	}
	lines, ok := x.lines[file]
	if !ok {
		if data, err := readFile(file); err == nil {
			data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
			lines = strings.Split(strings.ReplaceAll(strings.ToValidUTF8(string(data), "�"), "\r\n", "\n"), "\n")
		}
		x.lines[file] = lines
	}
	if number > len(lines) {
		return "", false
	}
	return lines[number-1], true
}

// markedPart finds a mark in its line, as an offset and a length in characters: at the column, else the text as a word, else all of
// the line from the column on.
func markedPart(text string, m Mark) (start, length int) {
	line := []rune(strings.TrimRightFunc(text, unicode.IsSpace))
	column := m.Column - 1
	if column >= len(line) {
		column = max(len(line)-1, 0)
	}
	want := []rune(m.Text)
	if column >= 0 && len(want) > 0 {
		for _, at := range []int{column, column + 1} { // behind a quote, perhaps
			if hasPrefixAt(line, at, want) {
				return at, len(want)
			}
		}
	}
	if len(want) > 0 {
		for at := range line {
			if hasPrefixAt(line, at, want) && (at == 0 || !isNameRune(line[at-1])) && (at+len(want) == len(line) || !isNameRune(line[at+len(want)])) {
				return at, len(want)
			}
		}
	}
	if column < 0 {
		column = 0
		for column < len(line) && unicode.IsSpace(line[column]) {
			column++
		}
		if column+1 < len(line) && line[column] == '-' && line[column+1] == ' ' {
			column += 2
		}
	}
	return column, max(len(line)-column, 1)
}

func hasPrefixAt(line []rune, at int, want []rune) bool {
	return at+len(want) <= len(line) && string(line[at:at+len(want)]) == string(want)
}

func isNameRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// blank is the space that a character takes on a terminal: a tab, two columns, one or none.
func blank(r rune) string {
	switch {
	case r == '\t':
		return "\t"
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return ""
	case isWide(r):
		return "  "
	}
	return " "
}

// isWide reports whether a terminal gives a character two columns: East Asian scripts and pictures.
func isWide(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) || r >= 0xff01 && r <= 0xff60 || r >= 0x1f300 && r <= 0x1faff
}

// printable is a text without what would move the cursor.
func printable(line []rune) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && unicode.IsControl(r) {
			return '·'
		}
		return r
	}, string(line))
}
