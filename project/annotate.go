package project

import (
	"slices"
	"strings"

	"parley/dialogue"
)

// Annotation is a piece of a text with the entities that it stands for, as training data writes it: [Rome](city), or
// [big apple]{"entity": "city", "value": "New York"}.
func Annotation(surface string, entities ...dialogue.Entity) string {
	return "[" + surface + "]" + annotations(surface, entities)
}

// Annotate is a text with its entities marked in it, as training data does. Entities that leave the text, or begin within one
// that is marked already, are left out; a text such as /inform{"city": "Rome"} names its entities itself.
func Annotate(text string, entities []dialogue.Entity) string {
	if strings.HasPrefix(text, "/") {
		return text
	}
	runes := []rune(text)
	marked := slices.DeleteFunc(slices.Clone(entities), func(e dialogue.Entity) bool {
		return e.Start < 0 || e.End <= e.Start || e.End > len(runes)
	})
	slices.SortStableFunc(marked, func(a, b dialogue.Entity) int { return a.Start - b.Start })
	var b strings.Builder
	last := 0
	for i := 0; i < len(marked); {
		first, n := marked[i], i+1
		for n < len(marked) && marked[n].Start == first.Start && marked[n].End == first.End {
			n++
		}
		if first.Start >= last {
			b.WriteString(string(runes[last:first.Start]))
			b.WriteString(Annotation(string(runes[first.Start:first.End]), marked[i:n]...))
			last = first.End
		}
		i = n
	}
	b.WriteString(string(runes[last:]))
	return b.String()
}

// AppendYAML appends a plain value as it stands behind a key or a dash of a YAML file: a scalar behind a space, or the lines of a
// block. indent is how far the key is indented. Keys of mappings are sorted.
func AppendYAML(dst []byte, v any, indent int) []byte {
	var w yamlWriter
	switch n := plainNode(v); {
	case n.kind == kindMap && len(n.kids) > 0:
		w.b.WriteByte('\n')
		w.mapping(n, indent+2, false)
	case n.kind == kindList && len(n.kids) > 0:
		w.b.WriteByte('\n')
		w.list(n, indent, false)
	default:
		w.scalar(n, indent+2)
	}
	return append(dst, w.b.String()...)
}

// AppendBlock appends a text as it stands behind a key, as a literal block also when it has one line only, or begins with space
// (conformance case http-story); a text that cannot stand in a block is appended as AppendYAML does. indent is how far the key is
// indented.
func AppendBlock(dst []byte, text string, indent int) []byte {
	if text == "" || !isBlockText(text) {
		return AppendYAML(dst, text, indent)
	}
	var w yamlWriter
	w.block(text, indent+2)
	return append(dst, w.b.String()...)
}

// DomainYAML is the serialised form of a domain, as in its Raw, as a YAML document: the version first, the other keys in their order.
func DomainYAML(raw []byte) ([]byte, error) {
	n, err := parseJSON(&source{name: "domain"}, raw)
	if err != nil {
		return nil, err
	}
	return append([]byte("version: '"+latestVersion+"'\n"), writeYAML(n.without("version"))...), nil
}
