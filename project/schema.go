package project

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// shape is the type that a schema wants of a value.
type shape uint8

const (
	shapeAny shape = iota
	shapeStr
	shapeBool
	shapeNumber
	shapeText // a string or a number
	shapeList
	shapeMap
)

// schema describes what a file may hold. It has the reference's semantics (spec project-files §1.9): null passes for
// scalars and lists but not for mappings, unknown keys are errors unless the mapping is open, and a list item is right when
// one of the alternatives accepts it.
type schema struct {
	shape    shape
	keys     []schemaKey // known keys of a mapping
	each     *schema     // schema of the values of all other keys
	open     bool        // other keys may hold anything
	items    []*schema   // alternatives for the items of a list
	nullMap  bool        // a mapping may be null
	notNull  bool        // a list or text must not be null
	min      *float64
	hint     string
	required func(n *node) string // a further check; says what is wrong
}

// schemaKey is a known key of a mapping.
type schemaKey struct {
	name     string
	schema   *schema
	required bool
}

var (
	anything = &schema{}
	str      = &schema{shape: shapeStr}
	boolean  = &schema{shape: shapeBool}
	number   = &schema{shape: shapeNumber}
	textList = &schema{shape: shapeList, items: []*schema{str}}
	// scalarList takes numbers for texts.
	scalarList = &schema{shape: shapeList, items: []*schema{{shape: shapeText}}}
)

// violation is one place where a document breaks its schema.
type violation struct {
	place   *node // nearest collection: what the reference names the line of
	exact   *node // where the mistake itself stands
	key     *node // where it stands, if the message names the line
	path    string
	message string
	context string // the item that the mistake stands in
	hint    string
}

// check validates a document against a schema and reports what is wrong; ok tells whether it holds.
func (r *reader) check(n *node, s *schema) bool {
	found := s.violations(n, n, "")
	for _, v := range found {
		message := v.message
		if v.exact != nil && v.exact.line != v.place.line {
			message += fmt.Sprintf(" in line %d", v.exact.line)
		}
		message += v.context
		p := at(v.place, Problem{Severity: SeverityError, Class: classValidation, Code: "schema", Message: message, Path: v.path, Hint: v.hint})
		if exact := cmp.Or(v.exact, v.key); exact != nil {
			p.Mark = exact.mark()
		}
		r.add(p)
	}
	return len(found) == 0
}

// violations lists what is wrong with a value. parent is the nearest collection above it.
func (s *schema) violations(n, parent *node, path string) []violation {
	wrong := func(want string) []violation {
		place := parent
		if n.isCollection() && len(n.kids) > 0 { // the reference finds no line in an empty one
			place = n
		}
		return []violation{{place: place, exact: n, path: path, message: fmt.Sprintf("expected %s, found %s", want, n.describe()), hint: s.hint}}
	}
	switch s.shape {
	case shapeStr:
		if n.kind != kindString && (n.kind != kindNull || s.notNull) {
			return wrong("a text" + quotesHelp(n))
		}
	case shapeBool:
		if n.kind != kindBool && n.kind != kindNull {
			return wrong("true or false")
		}
	case shapeNumber:
		return s.numberViolations(n, parent, path, wrong)
	case shapeText:
		if n.isCollection() || n.kind == kindBool || n.kind == kindNull && s.notNull {
			return wrong("a text or a number")
		}
	case shapeList:
		if n.kind == kindNull && !s.notNull {
			return nil
		}
		if n.kind != kindList {
			return wrong("a list")
		}
		return s.itemViolations(n, path)
	case shapeMap:
		if n.kind == kindNull && s.nullMap {
			return nil
		}
		if n.kind != kindMap {
			return wrong("a mapping")
		}
		return s.mapViolations(n, parent, path)
	}
	return nil
}

// quotesHelp tells how to make a text of a number or truth value.
func quotesHelp(n *node) string {
	switch n.kind {
	case kindInt, kindFloat, kindBool, kindDate:
		return " (put it in quotes)"
	}
	return ""
}

func (s *schema) numberViolations(n, parent *node, path string, wrong func(string) []violation) []violation {
	v, ok := n.number()
	if n.kind == kindString {
		f, err := strconv.ParseFloat(n.str, 64)
		v, ok = f, err == nil
	}
	switch {
	case n.kind == kindNull:
		return nil
	case !ok:
		return wrong("a number")
	case s.min != nil && v < *s.min:
		return []violation{{place: parent, exact: n, path: path, message: fmt.Sprintf("the number must be at least %g, found %s", *s.min, n.text()), hint: s.hint}}
	}
	return nil
}

func (s *schema) itemViolations(n *node, path string) []violation {
	var found []violation
	for i, item := range n.kids {
		found = append(found, s.bestAlternative(item, n, path+"/"+strconv.Itoa(i))...)
	}
	return found
}

// accepts reports whether a value holds to the schema; it is violations without words.
func (s *schema) accepts(n *node) bool {
	switch s.shape {
	case shapeAny:
		return true
	case shapeList:
		if n.kind == kindNull {
			return !s.notNull
		}
		if n.kind != kindList {
			return false
		}
		for _, item := range n.kids {
			if len(s.items) > 0 && !s.acceptsItem(item) {
				return false
			}
		}
		return true
	case shapeMap:
		if n.kind != kindMap {
			return n.kind == kindNull && s.nullMap
		}
		return s.acceptsMap(n)
	case shapeStr:
		return n.kind == kindString || n.kind == kindNull && !s.notNull
	case shapeBool:
		return n.kind == kindBool || n.kind == kindNull
	default:
		return len(s.violations(n, n, "")) == 0
	}
}

// acceptsItem reports whether one of the alternatives accepts an item; an empty mapping is right for any mapping that needs
// nothing.
func (s *schema) acceptsItem(item *node) bool {
	for _, alternative := range s.items {
		if item.kind == kindMap && len(item.kids) == 0 && alternative.shape == shapeMap && !alternative.demanding() || alternative.accepts(item) {
			return true
		}
	}
	return false
}

// demanding reports whether a mapping must hold something.
func (s *schema) demanding() bool {
	return s.required != nil || slices.ContainsFunc(s.keys, func(k schemaKey) bool { return k.required })
}

func (s *schema) acceptsMap(n *node) bool {
	for k, p := range n.pairs {
		switch known := s.key(k); {
		case known != nil:
			if known.required && p.value.kind == kindNull || !known.schema.accepts(p.value) {
				return false
			}
		case s.each != nil:
			if !s.each.accepts(p.value) {
				return false
			}
		case !s.open:
			return false
		}
	}
	for i := range s.keys {
		if s.keys[i].required && !n.has(s.keys[i].name) {
			return false
		}
	}
	return s.required == nil || s.required(n) == ""
}

// bestAlternative checks a list item against the alternatives and gives the complaints of the one that fits best: of those
// of the item's own type the one that knows most of its keys.
func (s *schema) bestAlternative(item, list *node, path string) []violation {
	if len(s.items) == 0 {
		return nil
	}
	if s.acceptsItem(item) {
		return nil
	}
	var best []violation
	bestScore := -1
	for _, alternative := range s.items {
		found := alternative.violations(item, list, path)
		score := alternative.score(item)
		if score > bestScore {
			best, bestScore = found, score
		}
	}
	if len(s.items) == 1 {
		return best
	}
	if bestScore == 0 && !item.isCollection() {
		best[0].message = fmt.Sprintf("expected one of %s, found %s", s.alternatives(), item.describe())
	}
	for k, p := range item.pairs {
		if !p.value.isCollection() {
			for i := range best {
				best[i].context = fmt.Sprintf("; the item is %s: %s", k, clip(p.value.text()))
			}
		}
		break
	}
	return best
}

// score says how well an item fits an alternative that it breaks: by its type, its known keys and their types.
func (s *schema) score(item *node) int {
	if (item.kind != kindMap || s.shape != shapeMap) && (item.kind != kindList || s.shape != shapeList) {
		return 0
	}
	score := 1
	for k, p := range item.pairs {
		known := s.key(k)
		switch {
		case known == nil:
		case known.schema.shape == shapeList && p.value.kind != kindList:
			score++
		case known.schema.shape == shapeStr && p.value.isCollection():
			score++
		default:
			score += 2
		}
	}
	return score
}

// alternatives lists what an item may be, for messages.
func (s *schema) alternatives() string {
	var names []string
	for _, a := range s.items {
		switch a.shape {
		case shapeStr:
			names = append(names, "a text")
		case shapeMap:
			if len(a.keys) == 0 {
				names = append(names, "a mapping")
				continue
			}
			names = append(names, "{"+a.keyNames()+"}")
		case shapeList:
			names = append(names, "a list")
		default:
			names = append(names, "a value")
		}
	}
	return strings.Join(names, ", ")
}

func (s *schema) keyNames() string {
	names := make([]string, len(s.keys))
	for i, k := range s.keys {
		names[i] = k.name
	}
	return strings.Join(names, ", ")
}

func (s *schema) key(name string) *schemaKey {
	for i := range s.keys {
		if s.keys[i].name == name {
			return &s.keys[i]
		}
	}
	return nil
}

func (s *schema) mapViolations(n, parent *node, path string) []violation {
	var found []violation
	whole := n
	if len(n.kids) == 0 {
		whole = parent
	}
	for k, p := range n.pairs {
		at := path + "/" + k
		switch known := s.key(k); {
		case known != nil && known.required && p.value.kind == kindNull:
			found = append(found, violation{place: n, exact: p.key, path: at, message: fmt.Sprintf("%q needs a value", k), hint: s.hint})
		case known != nil:
			found = append(found, known.schema.violations(p.value, n, at)...)
		case s.each != nil:
			found = append(found, s.each.violations(p.value, n, at)...)
		case !s.open:
			found = append(found, violation{place: n, key: p.key, path: path, message: s.unknownKey(n, k, p.key), hint: s.hint})
		}
	}
	for _, k := range s.keys {
		if k.required && !n.has(k.name) {
			found = append(found, violation{place: whole, path: path, message: fmt.Sprintf("the key %q is missing", k.name), hint: s.hint})
		}
	}
	if s.required != nil {
		if message := s.required(n); message != "" {
			found = append(found, violation{place: whole, path: path, message: message, hint: s.hint})
		}
	}
	return found
}

// unknownKey is the message for a key that a mapping must not have, with those it has and those it may have.
func (s *schema) unknownKey(n *node, key string, exact *node) string {
	var others []string
	for k := range n.pairs {
		if k != key {
			others = append(others, k)
		}
	}
	message := fmt.Sprintf("unknown key %q", key)
	if exact.line != n.line {
		message += fmt.Sprintf(" in line %d", exact.line)
	}
	if near := nearest(key, s.names()); near != "" {
		message += fmt.Sprintf(" (is %q meant?)", near)
	}
	if len(others) > 0 {
		message += " beside " + strings.Join(others, ", ")
	}
	return message + "; allowed are: " + s.keyNames()
}

func (s *schema) names() []string {
	names := make([]string, len(s.keys))
	for i, k := range s.keys {
		names[i] = k.name
	}
	return names
}

// nearest is the candidate that differs least from a name, if the difference is a likely typing mistake; else "".
func nearest(name string, candidates []string) string {
	best, bestDistance := "", len(name)/3+1
	for _, c := range candidates {
		if d := distance(name, c); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// distance is the edit distance of two names, in bytes, with transpositions counted as one.
func distance(a, b string) int {
	if d := len(a) - len(b); d > 8 || d < -8 {
		return 99
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
