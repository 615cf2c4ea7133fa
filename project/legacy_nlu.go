package project

import (
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"parley/nlu"
)

// markdownSections are the kinds of sections in Markdown training data.
var markdownSections = []string{"intent", "synonym", "regex", "lookup"}

// markdownKind tells what a Markdown file of an older project holds: "nlu", "responses", "stories", or "" for something else.
func markdownKind(path string, data []byte) string {
	if filepath.Ext(path) != ".md" {
		return ""
	}
	text := string(data)
	for _, s := range markdownSections {
		if strings.Contains(text, "## "+s+":") || strings.Contains(text, "##"+s+":") {
			return "nlu"
		}
	}
	users, retrieval, actions := 0, 0, 0
	for line := range markdownLines(text) {
		switch {
		case strings.HasPrefix(line.text, "*"):
			users++
			if name := strings.TrimSpace(line.text[1:]); strings.Contains(name, "/") && !strings.HasPrefix(name, "/") && !strings.ContainsAny(name, "{: ") {
				retrieval++
			}
			if !isTurn(strings.TrimSpace(line.text[1:])) {
				return "" // prose
			}
		case strings.HasPrefix(line.text, "-"):
			actions++
		}
	}
	switch {
	case users == 0 || actions == 0:
		return ""
	case retrieval == users:
		return "responses"
	}
	return "stories"
}

// isTurn reports whether a bullet looks like a user's turn in a story: an intent, with entities or a text behind it.
func isTurn(text string) bool {
	end := strings.IndexFunc(text, func(r rune) bool { return r == '{' || r == '[' || r == '@' || r == ':' || unicode.IsSpace(r) })
	if end < 0 {
		return text != ""
	}
	rest := strings.TrimSpace(text[end:])
	return end > 0 && (rest[0] != ':' || len(rest) > 1 && rest[1] == ' ') && (text[end] != ' ' || strings.HasPrefix(rest, "OR ") || rest[0] == '{')
}

// markdownLine is a line without comments and surrounding white space.
type markdownLine struct {
	text   string
	number int
}

// markdownLines are the lines of a Markdown file that are not empty. Comments <!-- … --> are removed, also across lines.
func markdownLines(text string) func(yield func(markdownLine) bool) {
	return func(yield func(markdownLine) bool) {
		comment, number := false, 0
		for line := range strings.SplitSeq(text, "\n") {
			number++
			var b strings.Builder
			for line != "" {
				if comment {
					_, rest, found := strings.Cut(line, "-->")
					comment, line = !found, rest
					continue
				}
				before, rest, found := strings.Cut(line, "<!--")
				b.WriteString(before)
				comment, line = found, rest
			}
			if s := strings.TrimSpace(b.String()); s != "" && !yield(markdownLine{s, number}) {
				return
			}
		}
	}
}

// readMarkdown reads the training data of an older project's Markdown file (spec project-files §2.15).
func (t *training) readMarkdown(path string, data []byte) {
	src := &source{name: path, size: len(data)}
	section, title := "", ""
	lookups := map[string]int{}
	for line := range markdownLines(string(data)) {
		at := &node{src: src, line: int32(line.number)} //nolint:gosec // files are bounded
		if rest, ok := strings.CutPrefix(line.text, "##"); ok {
			kind, name, found := strings.Cut(strings.TrimSpace(strings.TrimLeft(rest, "#")), ":")
			if !found {
				continue
			}
			section, title = strings.TrimSpace(kind), strings.TrimSpace(name)
			if !knownSection(section) {
				t.errorAt(at, classValue, "unknown-section", "the sections are intent, synonym, regex and lookup", "the section %q does not exist", section)
				section = ""
			}
			continue
		}
		if section == "" {
			continue
		}
		if !strings.ContainsRune("-*+", rune(line.text[0])) {
			if section == "lookup" {
				l := nlu.Lookup{Name: title, File: path, Line: line.number}
				at.kind, at.str = kindString, line.text
				t.lookupFile(&l, at)
			}
			continue
		}
		item := strings.TrimSpace(line.text[1:])
		if item == "" {
			continue
		}
		switch section {
		case "intent":
			base, key, err := splitIntent(title)
			if err != nil {
				t.errorAt(at, classRasa, "bad-intent-name", "a retrieval intent has one slash: intent/response_key", "%s", err)
				continue
			}
			t.example(nlu.Example{Intent: base, ResponseKey: key, File: path, Line: line.number}, item, at)
		case "synonym":
			t.synonym(item, newText(title, at), at, line.number)
		case "regex":
			t.regexes = append(t.regexes, nlu.Regex{Name: title, Pattern: item, File: path, Line: line.number})
		case "lookup":
			i, ok := lookups[title]
			if !ok {
				i = len(t.lookups)
				lookups[title] = i
				t.lookups = append(t.lookups, nlu.Lookup{Name: title, File: path, Line: line.number})
			}
			t.lookups[i].Elements = append(t.lookups[i].Elements, item)
		}
	}
}

func knownSection(name string) bool {
	return slices.Contains(markdownSections, name)
}

// readMarkdownResponses reads retrieval responses: "* intent/key" and below it "- text".
func (t *training) readMarkdownResponses(path string, data []byte) {
	src := &source{name: path, size: len(data)}
	found := newMap(nil)
	name := ""
	for line := range markdownLines(string(data)) {
		at := &node{src: src, line: int32(line.number)} //nolint:gosec // files are bounded
		switch text := strings.TrimSpace(line.text[1:]); line.text[0] {
		case '*':
			name = "utter_" + strings.TrimPrefix(text, "utter_")
			if !found.has(name) {
				found = found.with(name, newList(at))
			}
		case '-':
			if name == "" {
				t.errorAt(at, classValue, "no-intent", "begin with a line like * faq/ask_name", "a response stands before the first intent")
				return
			}
			list := *found.get(name)
			list.kids = append(append([]*node(nil), list.kids...), newMap(at).with("text", newText(strings.ReplaceAll(text, `\n`, "\n"), at)))
			found = found.with(name, &list)
		}
	}
	t.addResponses(found)
}
