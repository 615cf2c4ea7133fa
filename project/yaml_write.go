package project

import (
	"fmt"
	"strings"
	"unicode"
)

// writeYAML writes a mapping as the reference writes YAML: lists not indented below their key, no line wrapped, texts of
// several lines as literal blocks (spec project-files §1.3).
func writeYAML(n *node) []byte {
	w := yamlWriter{}
	w.mapping(n, 0, false)
	return []byte(w.b.String())
}

type yamlWriter struct{ b strings.Builder }

func (w *yamlWriter) indent(n int) { w.b.WriteString(strings.Repeat(" ", n)) }

// mapping writes the pairs of a mapping; inline leaves out the indentation of the first.
func (w *yamlWriter) mapping(n *node, indent int, inline bool) {
	for i := 0; i+1 < len(n.kids); i += 2 {
		if !inline || i > 0 {
			w.indent(indent)
		}
		if key := n.kids[i]; key.isCollection() {
			w.b.WriteString(yamlText(key.text(), false))
		} else {
			w.b.WriteString(yamlScalar(key))
		}
		w.b.WriteByte(':')
		value := n.kids[i+1]
		switch {
		case value.kind == kindMap && len(value.kids) > 0:
			w.b.WriteByte('\n')
			w.mapping(value, indent+2, false)
		case value.kind == kindList && len(value.kids) > 0:
			w.b.WriteByte('\n')
			w.list(value, indent, false)
		default:
			w.scalar(value, indent+2)
		}
	}
}

func (w *yamlWriter) list(n *node, indent int, inline bool) {
	for i, item := range n.kids {
		if !inline || i > 0 {
			w.indent(indent)
		}
		w.b.WriteByte('-')
		switch {
		case item.kind == kindMap && len(item.kids) > 0:
			w.b.WriteByte(' ')
			w.mapping(item, indent+2, true)
		case item.kind == kindList && len(item.kids) > 0:
			w.b.WriteByte(' ')
			w.list(item, indent+2, true)
		default:
			w.scalar(item, indent+2)
		}
	}
}

// scalar writes a value behind its key or dash, and the end of the line.
func (w *yamlWriter) scalar(n *node, indent int) {
	if n.isText() && strings.Contains(n.str, "\n") && canBeBlock(n.str) {
		w.block(n.str, indent)
		return
	}
	w.b.WriteByte(' ')
	w.b.WriteString(yamlScalar(n))
	w.b.WriteByte('\n')
}

// block writes a text as a literal block behind its key or dash.
func (w *yamlWriter) block(s string, indent int) {
	w.b.WriteString(" |")
	if s[0] == ' ' || s[0] == '\n' {
		w.b.WriteByte('2') // or a reader would take the space for a part of the indentation
	}
	text, ended := strings.CutSuffix(s, "\n")
	switch {
	case !ended:
		w.b.WriteByte('-')
	case text == "" || strings.HasSuffix(text, "\n"):
		w.b.WriteByte('+')
	}
	w.b.WriteByte('\n')
	for line := range strings.SplitSeq(text, "\n") {
		if line != "" {
			w.indent(indent)
		}
		w.b.WriteString(line)
		w.b.WriteByte('\n')
	}
}

// canBeBlock reports whether a text comes back from a literal block as it was, whoever reads it.
func canBeBlock(s string) bool {
	return s[0] != ' ' && s[0] != '\n' && s[0] != '\t' && !strings.HasSuffix(s, "\n\n") && isBlockText(s)
}

// isBlockText reports whether a text can be written as a literal block.
func isBlockText(s string) bool {
	if hasEscape(s) {
		return false
	}
	for _, r := range s {
		if r != '\n' && !isPlainRune(r) {
			return false
		}
	}
	return true
}

// hasEscape reports whether the reader could take a part of the text for an escape \uXXXX.
func hasEscape(s string) bool { return strings.Contains(s, `\u`) || strings.Contains(s, `\U`) }

// isPlainRune reports whether a character may stand in YAML without an escape, and does not end a line.
func isPlainRune(r rune) bool {
	switch {
	case r == '\t':
		return true
	case r == unicode.ReplacementChar, r == 0xFEFF, r == 0x85, r == 0x2028, r == 0x2029:
		return false
	}
	return r >= ' ' && r != 0x7F && !(r > 0x7F && r < 0xA0)
}

// yamlScalar is a scalar or an empty collection on one line.
func yamlScalar(n *node) string {
	switch n.kind {
	case kindNull:
		return "null"
	case kindBool:
		return strings.ToLower(n.text())
	case kindList:
		return "[]"
	case kindMap:
		return "{}"
	case kindFloat:
		switch s := n.text(); s {
		case "inf", "nan":
			return "." + s
		case "-inf":
			return "-.inf"
		default:
			return s
		}
	case kindString:
		return yamlText(n.str, n.quoted)
	default:
		return n.text()
	}
}

// yamlText is a text on one line: plain if it stays a text, else in single quotes, in double quotes where these do not do.
func yamlText(s string, quoted bool) string {
	single := true
	for _, r := range s {
		if !isPlainRune(r) || r == '\t' {
			single = false
		}
	}
	switch {
	case quoted || !single || hasEscape(s):
		return doubleQuoted(s)
	case canBePlain(s):
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// canBePlain reports whether a text without control characters needs no quotes.
func canBePlain(s string) bool {
	if s == "" || s == "<<" || s == "=" || s[0] == ' ' || strings.HasSuffix(s, " ") || strings.HasSuffix(s, ":") ||
		strings.Contains(s, ": ") || strings.Contains(s, " #") || strings.Contains(s, "${") ||
		strings.HasPrefix(s, "---") || strings.HasPrefix(s, "...") || strings.ContainsAny(s[:1], ",[]{}#&*!|>'\"%@`") {
		return false
	}
	if strings.ContainsAny(s[:1], "-?:") && (len(s) == 1 || s[1] == ' ') {
		return false
	}
	var n, lower node
	resolvePlain(&n, s)
	resolvePlain(&lower, strings.ToLower(s)) // 0X1F is a text here, but not to every reader
	return n.kind == kindString && lower.kind == kindString
}

func doubleQuoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case isPlainRune(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
