package project

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

const (
	// maxDepth bounds the nesting of a document.
	maxDepth = 500
	// maxAliasNodes bounds the values that aliases may stand for in one document, so that a few nested aliases cannot
	// expand to billions.
	maxAliasNodes = 1_000_000
)

// env looks environment variables up; nil means none is set.
type env func(name string) (string, bool)

// parseYAML reads one YAML document in the dialect of the reference (spec project-files §1.3 and §1.5). An empty document
// is an empty mapping. The error is a *Problem.
func parseYAML(src *source, data []byte, lookup env) (*node, error) {
	if p := notUTF8(src.name, data); p != nil {
		return nil, p
	}
	if i := bytes.IndexByte(data, 0x7f); i >= 0 {
		return nil, &Problem{
			File: src.name, Line: 1 + bytes.Count(data[:i], []byte("\n")), Severity: SeverityError, Class: classSyntax, Code: "bad-yaml",
			Message: "not YAML: the character U+007F (delete) is not allowed", Hint: "remove it",
		}
	}
	data = unescapeASCII(data)
	if rest, ok := bytes.CutPrefix(data, []byte("%YAML 1.2")); ok { // the version that is read anyway, and the library knows 1.1 only
		data = append([]byte("%YAML 1.1"), rest...)
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		return nil, syntaxProblem(src, err)
	}
	var doc yaml.Node
	switch err := loader.Load(&doc); {
	case errors.Is(err, io.EOF):
		return &node{kind: kindMap, line: 1, col: 1, src: src}, nil
	case err != nil:
		return nil, syntaxProblem(src, err)
	}
	var second yaml.Node
	switch err := loader.Load(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return nil, syntaxProblem(src, err)
	default:
		return nil, &Problem{
			File: src.name, Line: max(second.Line-1, 1), Severity: SeverityError, Class: classSyntax, Code: "several-documents",
			Message: "the file holds more than one YAML document", Hint: "remove the line ---, or split the file in two",
		}
	}
	root := &doc
	if doc.Kind == yaml.DocumentNode {
		if len(doc.Content) == 0 {
			return &node{kind: kindMap, line: 1, col: 1, src: src}, nil
		}
		root = doc.Content[0]
	}
	c := &converter{src: src, env: lookup}
	n := c.convert(root, 0)
	if c.problem != nil {
		return nil, c.problem
	}
	if n.kind == kindNull {
		return &node{kind: kindMap, line: 1, col: 1, src: src}, nil
	}
	return n, nil
}

// syntaxProblem makes a problem of the YAML library's error.
func syntaxProblem(src *source, err error) *Problem {
	p := &Problem{File: src.name, Severity: SeverityError, Class: classSyntax, Code: "bad-yaml"}
	var load *yaml.LoadError
	if !errors.As(err, &load) {
		p.Message = "not YAML: " + err.Error()
		return p
	}
	p.Line, p.Mark = load.Mark.Line, Mark{Column: load.Mark.Column}
	p.Message = "not YAML: " + load.Message
	if load.ContextMsg != "" {
		p.Message += ", " + load.ContextMsg
		if load.ContextMark.Line > 0 && load.ContextMark.Line != p.Line {
			p.Message += fmt.Sprintf(" that begins in line %d", load.ContextMark.Line)
		}
	}
	if p.Line == 0 {
		p.Line = max(load.ContextMark.Line, 1)
	}
	p.Hint = syntaxHint(load.Message)
	return p
}

// syntaxHint says what the usual mistake behind an error of the YAML scanner is.
func syntaxHint(message string) string {
	switch {
	case strings.Contains(message, "cannot start any token"):
		return "indent with spaces, not tabs, and put a text that begins with a special character in quotes"
	case strings.Contains(message, "mapping values are not allowed"):
		return "check the indentation, and put a text that contains a colon and a space in quotes"
	case strings.Contains(message, "did not find expected key"), strings.Contains(message, "block sequence entries"):
		return "check the indentation, and that quotes come in pairs"
	case strings.Contains(message, "',' or"), strings.Contains(message, "expected node content"):
		return "close the bracket or brace"
	case strings.Contains(message, "end of stream"):
		return "close the quotes"
	case strings.Contains(message, "unknown anchor"):
		return "define the anchor with & before using it with *, or put the text in quotes"
	}
	return ""
}

// converter turns the library's nodes into ours.
type converter struct {
	src     *source
	env     env
	problem *Problem
	anchors map[*yaml.Node]*node
	sizes   map[*node]int // values below an anchored node
	aliased int
}

func (c *converter) fail(n *yaml.Node, class, code, hint, format string, args ...any) *node {
	if c.problem == nil {
		c.problem = &Problem{
			File: c.src.name, Line: n.Line, Mark: Mark{Column: n.Column, Text: n.Value}, Severity: SeverityError, Class: class, Code: code,
			Message: fmt.Sprintf(format, args...), Hint: hint,
		}
	}
	return &node{src: c.src}
}

func (c *converter) convert(y *yaml.Node, depth int) *node {
	if c.problem != nil {
		return &node{src: c.src}
	}
	if depth > maxDepth {
		return c.fail(y, classSyntax, "too-deep", "", "the document is nested more than %d levels deep", maxDepth)
	}
	if y.Kind == yaml.AliasNode {
		return c.alias(y)
	}
	n := &node{src: c.src, line: int32(y.Line), col: int32(y.Column)} //nolint:gosec // files are bounded
	if y.Anchor != "" {
		if c.anchors == nil {
			c.anchors, c.sizes = map[*yaml.Node]*node{}, map[*node]int{}
		}
		c.anchors[y] = nil // in the making
	}
	switch y.Kind {
	case yaml.ScalarNode:
		c.scalar(n, y)
	case yaml.SequenceNode:
		n.kind = kindList
		if len(y.Content) > 0 {
			n.kids = make([]*node, len(y.Content))
		}
		for i, item := range y.Content {
			n.kids[i] = c.convert(item, depth+1)
		}
		c.checkTag(y, "!!seq")
	case yaml.MappingNode:
		n.kind = kindMap
		c.mapping(n, y, depth)
		c.checkTag(y, "!!map")
	default:
		return c.fail(y, classSyntax, "bad-yaml", "", "not YAML: unexpected node")
	}
	if y.Anchor != "" && c.problem == nil {
		c.anchors[y] = n
		c.sizes[n] = c.count(n)
	}
	return n
}

// alias resolves an alias to the node it stands for, within a budget.
func (c *converter) alias(y *yaml.Node) *node {
	n := c.anchors[y.Alias]
	if n == nil {
		return c.fail(y, classSyntax, "alias-cycle", "", "the alias *%s stands inside of what it refers to", y.Value)
	}
	c.aliased += c.sizes[n]
	if c.aliased > maxAliasNodes {
		return c.fail(y, classSyntax, "alias-bomb", "write the values out", "the aliases of this file stand for more than %d values", maxAliasNodes)
	}
	return n
}

// count is the number of values at and below a node, following aliases; sizes already known are not counted again.
func (c *converter) count(n *node) int {
	total := 1
	for _, k := range n.kids {
		if s, ok := c.sizes[k]; ok {
			total += s
		} else {
			total += c.count(k)
		}
		if total > maxAliasNodes {
			return total
		}
	}
	return total
}

func (c *converter) scalar(n *node, y *yaml.Node) {
	n.kind, n.str = kindString, y.Value
	if y.Style&yaml.TaggedStyle != 0 {
		c.tagged(n, y)
		return
	}
	if y.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		n.block = y.Style&yaml.LiteralStyle != 0
		return
	}
	resolvePlain(n, y.Value)
	if n.kind == kindString && strings.Contains(y.Value, "${") {
		c.expand(n, y)
	}
}

// tagged types a scalar with an explicit tag.
func (c *converter) tagged(n *node, y *yaml.Node) {
	want := map[string]kind{"!!int": kindInt, "!!float": kindFloat, "!!bool": kindBool, "!!null": kindNull, "!!timestamp": kindDate}
	switch tag := y.ShortTag(); tag {
	case "!!str", "!":
	case "!!int", "!!float", "!!bool", "!!null", "!!timestamp":
		resolvePlain(n, y.Value)
		if n.kind != want[tag] && !(tag == "!!float" && n.kind == kindInt) {
			c.fail(y, classSyntax, "bad-tag", "", "%q is no value of the tag %s", clip(y.Value), tag)
		}
	default:
		c.fail(y, classSyntax, "unknown-tag", "put the text in quotes", "the tag %s is not known", y.Tag)
	}
}

// checkTag refuses tags of collections other than the usual.
func (c *converter) checkTag(y *yaml.Node, usual string) {
	if y.Style&yaml.TaggedStyle != 0 && y.ShortTag() != usual {
		c.fail(y, classSyntax, "unknown-tag", "put the text in quotes", "the tag %s is not known", y.Tag)
	}
}

// mapping converts keys and values, merges what << names and refuses duplicate keys.
func (c *converter) mapping(n *node, y *yaml.Node, depth int) {
	n.kids = make([]*node, 0, len(y.Content))
	var merged []*node
	for i := 0; i+1 < len(y.Content); i += 2 {
		yk := y.Content[i]
		if yk.Kind == yaml.ScalarNode && yk.Value == "<<" && yk.Style == 0 {
			if merged != nil {
				c.fail(yk, classSyntax, "duplicate-key", "merge several with one list: <<: [*a, *b]", "the key << is already used in the same mapping")
				return
			}
			merged = append(merged, c.merge(c.convert(y.Content[i+1], depth+1), yk)...)
			continue
		}
		n.kids = append(n.kids, c.convert(yk, depth+1), c.convert(y.Content[i+1], depth+1))
	}
	if c.problem != nil {
		return
	}
	c.checkDuplicates(n)
	if merged == nil {
		return
	}
	index := map[string]int{}
	var kids []*node
	for _, list := range [][]*node{merged, n.kids} {
		for i := 0; i+1 < len(list); i += 2 {
			id := list[i].identity()
			if at, ok := index[id]; ok {
				kids[at+1] = list[i+1]
				continue
			}
			index[id] = len(kids)
			kids = append(kids, list[i], list[i+1])
		}
	}
	n.kids = kids
}

// merge lists the pairs that << brings: those of a mapping, or of a list of mappings of which the first wins.
func (c *converter) merge(v *node, at *yaml.Node) []*node {
	switch v.kind {
	case kindMap:
		return v.kids
	case kindList:
		var kids []*node
		for _, v0 := range slices.Backward(v.kids) {
			if v0.kind != kindMap {
				break
			}
			kids = append(kids, v0.kids...)
		}
		return kids
	}
	c.fail(at, classSyntax, "bad-merge", "", "<< needs a mapping or a list of mappings, not %s", v.describe())
	return nil
}

// checkDuplicates refuses two keys with the same value: 1 and true are the same, as in Python.
func (c *converter) checkDuplicates(n *node) {
	pairs := len(n.kids) / 2
	if pairs < 2 {
		return
	}
	if pairs <= 8 { // most mappings: compare without a table
		for i := 2; i < len(n.kids); i += 2 {
			for j := 0; j < i; j += 2 {
				if sameKey(n.kids[i], n.kids[j]) {
					c.duplicate(n.kids[i], n.kids[j])
					return
				}
			}
		}
		return
	}
	seen := make(map[string]*node, pairs)
	for i := 0; i < len(n.kids); i += 2 {
		id := n.kids[i].identity()
		if first, ok := seen[id]; ok {
			c.duplicate(n.kids[i], first)
			return
		}
		seen[id] = n.kids[i]
	}
}

func (c *converter) duplicate(key, first *node) {
	c.problem = &Problem{
		File: c.src.name, Line: int(key.line), Mark: key.mark(), Severity: SeverityError, Class: classSyntax, Code: "duplicate-key",
		Message: fmt.Sprintf("the key %s is already used in line %d of the same mapping", key.text(), first.line),
		Hint:    "join the two entries, or remove one",
	}
}

func sameKey(a, b *node) bool {
	if a.kind == kindString && b.kind == kindString {
		return a.str == b.str
	}
	return a.identity() == b.identity()
}

// identity is equal for keys that Python holds for equal.
func (n *node) identity() string {
	switch n.kind {
	case kindString:
		return "s" + n.str
	case kindBool:
		return fmt.Sprintf("n%g", float64(n.num))
	case kindInt, kindFloat:
		v, _ := n.number()
		return fmt.Sprintf("n%g", v)
	default:
		return fmt.Sprintf("%d%s", n.kind, n.text())
	}
}

// expand replaces environment variables in a plain scalar that has ${…} (spec project-files §1.5).
func (c *converter) expand(n *node, y *yaml.Node) {
	open := strings.Index(y.Value, "${")
	if !strings.Contains(y.Value[open:], "}") {
		return
	}
	expanded := expandVariables(y.Value, c.env)
	var missing []string
	for word := range strings.FieldsSeq(expanded) {
		if strings.HasPrefix(word, "$") && strings.Contains(y.Value, word) {
			missing = append(missing, word)
		}
	}
	if missing != nil {
		c.fail(y, classRasa, "unset-variable", "set it, or put the text in quotes if it is meant as it stands",
			"the text %q uses environment variables that are not set: %s", y.Value, strings.Join(missing, ", "))
	}
	n.str = expanded
}

// expandVariables replaces $NAME and ${NAME}; names that are not set stay as they are.
func expandVariables(s string, lookup env) string {
	if lookup == nil {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '$' {
			b.WriteByte(s[i])
			i++
			continue
		}
		end, name := i+1, ""
		if end < len(s) && s[end] == '{' {
			if n := strings.IndexByte(s[end:], '}'); n >= 0 {
				name, end = s[end+1:end+n], end+n+1
			}
		} else {
			for end < len(s) && isWordByte(s[end]) {
				end++
			}
			name = s[i+1 : end]
		}
		if value, ok := lookup(name); ok && name != "" {
			b.WriteString(value)
		} else {
			b.WriteString(s[i:end])
		}
		i = end
	}
	return b.String()
}

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// notUTF8 is the problem of a file that is not UTF-8, nil if it is.
func notUTF8(name string, data []byte) *Problem {
	if isUTF16(data) {
		return &Problem{
			File: name, Line: 1, Severity: SeverityError, Class: classFileIO, Code: "not-utf8",
			Message: "the file is UTF-16", Hint: "save it as UTF-8 without a byte order mark",
		}
	}
	i := invalidUTF8(data)
	if i < 0 {
		return nil
	}
	return &Problem{
		File: name, Line: 1 + bytes.Count(data[:i], []byte("\n")), Severity: SeverityError, Class: classFileIO, Code: "not-utf8",
		Message: "the file is not UTF-8", Hint: "save it as UTF-8 without a byte order mark",
	}
}

// isUTF16 reports whether a text is UTF-16: it begins with the byte order mark, or every other of its first bytes is zero.
func isUTF16(data []byte) bool {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return true
	}
	if len(data) < 8 {
		return false
	}
	return data[0] == 0 && data[2] == 0 && data[4] == 0 && data[6] == 0 || data[1] == 0 && data[3] == 0 && data[5] == 0 && data[7] == 0
}

// isUTF8 reports a file that is not UTF-8.
func (r *reader) isUTF8(name string, data []byte) bool {
	if p := notUTF8(name, data); p != nil {
		r.add(*p)
		return false
	}
	return true
}

// invalidUTF8 is the offset of the first byte that is not UTF-8, -1 if there is none.
func invalidUTF8(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}
