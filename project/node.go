package project

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// kind is the type of a YAML value after the dialect's rules have been applied.
type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindInt
	kindFloat
	kindString
	kindDate
	kindList
	kindMap
)

// source is a file that nodes come from.
type source struct {
	name string
	size int
}

// node is a YAML or JSON value with its place. The rest of the package never sees the YAML library. Nodes are immutable
// once a document has been read, and shared where the document has aliases.
type node struct {
	kind   kind
	block  bool // a literal block (|)
	quoted bool // written in double quotes
	line   int32
	col    int32
	num    uint64 // bool, int64 or the bits of a float64
	str    string // the string, or the scalar as written
	src    *source
	kids   []*node // list items, or keys and values in turn
}

// pair is an entry of a mapping.
type pair struct{ key, value *node }

// pairs are the entries of a mapping, in order; none for other kinds.
func (n *node) pairs(yield func(key string, p pair) bool) {
	if n == nil || n.kind != kindMap {
		return
	}
	for i := 0; i+1 < len(n.kids); i += 2 {
		if !yield(n.kids[i].text(), pair{n.kids[i], n.kids[i+1]}) {
			return
		}
	}
}

// get is the value of a key of a mapping, nil if there is none.
func (n *node) get(key string) *node {
	if n == nil || n.kind != kindMap {
		return nil
	}
	for i := 0; i+1 < len(n.kids); i += 2 {
		if k := n.kids[i]; k.kind == kindString && k.str == key {
			return n.kids[i+1]
		}
	}
	return nil
}

// has reports whether a mapping has a key.
func (n *node) has(key string) bool { return n.get(key) != nil }

// keyNode is the node of a key of a mapping, for its place; the mapping itself if it lacks the key.
func (n *node) keyNode(key string) *node {
	for k, p := range n.pairs {
		if k == key {
			return p.key
		}
	}
	return n
}

// items are the items of a list; nil for other kinds.
func (n *node) items() []*node {
	if n == nil || n.kind != kindList {
		return nil
	}
	return n.kids
}

// size is the number of items or pairs.
func (n *node) size() int {
	switch {
	case n == nil:
		return 0
	case n.kind == kindMap:
		return len(n.kids) / 2
	default:
		return len(n.kids)
	}
}

// isNull reports whether a value is absent or null.
func (n *node) isNull() bool { return n == nil || n.kind == kindNull }

// isText reports whether a value is a string.
func (n *node) isText() bool { return n != nil && n.kind == kindString }

// isCollection reports whether a value is a list or a mapping.
func (n *node) isCollection() bool { return n != nil && (n.kind == kindList || n.kind == kindMap) }

// bool is the value of a boolean.
func (n *node) bool() bool { return n != nil && n.kind == kindBool && n.num != 0 }

// int is the value of an int; ok is false when it does not fit.
func (n *node) int() (v int64, ok bool) {
	if n.str == bigInt {
		return 0, false
	}
	return int64(n.num), true //nolint:gosec // the bits were stored that way
}

// float is the value of a float.
func (n *node) float() float64 { return math.Float64frombits(n.num) }

// number is the value of an int or float.
func (n *node) number() (v float64, ok bool) {
	if n == nil {
		return 0, false
	}
	switch n.kind {
	case kindInt:
		if i, ok := n.int(); ok {
			return float64(i), true
		}
		return n.float(), true
	case kindFloat:
		return n.float(), true
	default:
		return 0, false
	}
}

// given reports whether there is a value that is not null.
func (n *node) given() bool { return n != nil && n.kind != kindNull }

// truthy is Python's idea of a true value.
func (n *node) truthy() bool {
	if n == nil {
		return false
	}
	switch n.kind {
	case kindNull:
		return false
	case kindBool:
		return n.num != 0
	case kindInt, kindFloat:
		v, _ := n.number()
		return v != 0
	case kindString:
		return n.str != ""
	case kindList, kindMap:
		return len(n.kids) > 0
	default:
		return true
	}
}

// text is the value as Python's str prints it; for strings the string itself.
func (n *node) text() string {
	if n == nil {
		return ""
	}
	switch n.kind {
	case kindNull:
		return "None"
	case kindBool:
		if n.num != 0 {
			return "True"
		}
		return "False"
	case kindInt:
		if v, ok := n.int(); ok {
			return strconv.FormatInt(v, 10)
		}
		return pyFloat(n.float())
	case kindFloat:
		return pyFloat(n.float())
	case kindList:
		parts := make([]string, len(n.kids))
		for i, k := range n.kids {
			parts[i] = k.repr()
		}
		return "(" + strings.Join(parts, ", ") + ")"
	case kindMap:
		return "{…}"
	default:
		return n.str
	}
}

// repr is text with strings in quotes.
func (n *node) repr() string {
	if n.isText() {
		return "'" + n.str + "'"
	}
	return n.text()
}

// describe says in a few words what a value is, for messages.
func (n *node) describe() string {
	if n == nil {
		return "nothing"
	}
	switch n.kind {
	case kindNull:
		return "nothing (null)"
	case kindBool:
		return "the truth value " + strings.ToLower(n.text())
	case kindInt, kindFloat:
		return "the number " + n.text()
	case kindDate:
		return "the date " + n.str
	case kindList:
		return "a list"
	case kindMap:
		return "a mapping"
	default:
		return fmt.Sprintf("the text %q", clip(n.str))
	}
}

// clip shortens a text for a message.
func clip(s string) string {
	const limit = 60
	if r := []rune(s); len(r) > limit {
		return string(r[:limit]) + "…"
	}
	return s
}

// value is the plain value of a node: nil, bool, string, int, float64, []any and map[string]any. Dates become their text.
func (n *node) value() any {
	if n == nil {
		return nil
	}
	switch n.kind {
	case kindNull:
		return nil
	case kindBool:
		return n.num != 0
	case kindInt:
		if v, ok := n.int(); ok {
			return int(v)
		}
		return n.float()
	case kindFloat:
		return n.float()
	case kindList:
		list := make([]any, len(n.kids))
		for i, k := range n.kids {
			list[i] = k.value()
		}
		return list
	case kindMap:
		m := make(map[string]any, len(n.kids)/2)
		for k, p := range n.pairs {
			m[k] = p.value.value()
		}
		return m
	default:
		return n.str
	}
}

// object is the plain value of a mapping; nil for other kinds.
func (n *node) object() map[string]any {
	m, _ := n.value().(map[string]any)
	return m
}

// pyFloat prints a float as Python does: 1.0, 0.5, 1e+16, inf.
func pyFloat(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// newMap and newText build nodes that no file holds; place gives them a line.
func newMap(place *node) *node  { return placed(kindMap, "", place) }
func newList(place *node) *node { return placed(kindList, "", place) }

func newText(s string, place *node) *node { return placed(kindString, s, place) }

func newBool(v bool, place *node) *node {
	n := placed(kindBool, "", place)
	if v {
		n.num = 1
	}
	return n
}

func newInt(v int64, place *node) *node {
	n := placed(kindInt, "", place)
	n.num = uint64(v) //nolint:gosec // bits
	return n
}

func newFloat(v float64, place *node) *node {
	n := placed(kindFloat, "", place)
	n.num = math.Float64bits(v)
	return n
}

func placed(k kind, s string, place *node) *node {
	n := &node{kind: k, str: s}
	if place != nil {
		n.src, n.line, n.col = place.src, place.line, place.col
	}
	return n
}

// with is a copy of a mapping with one key set; a new key comes last.
func (n *node) with(key string, value *node) *node {
	c := *n
	c.kids = append(make([]*node, 0, len(n.kids)+2), n.kids...)
	for i := 0; i+1 < len(c.kids); i += 2 {
		if c.kids[i].isText() && c.kids[i].str == key {
			c.kids[i+1] = value
			return &c
		}
	}
	c.kids = append(c.kids, newText(key, value), value)
	return &c
}

// without is a copy of a mapping that lacks a key.
func (n *node) without(key string) *node {
	c := *n
	c.kids = make([]*node, 0, len(n.kids))
	for k, p := range n.pairs {
		if k != key {
			c.kids = append(c.kids, p.key, p.value)
		}
	}
	return &c
}
