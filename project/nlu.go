package project

import (
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"

	"parley/dialogue"
	"parley/nlu"
)

// training gathers NLU data from files.
type training struct {
	*reader
	examples  []nlu.Example
	seen      map[exampleKey]int32   // the last example with a text and intent
	earlier   []int32                // for each example the one before with the same text and intent, -1 for none
	extra     map[int]map[string]any // further keys of JSON examples, by index of the example
	synonyms  map[string]*node       // variant → value, a text or a number
	variants  []string               // of the synonyms, in the order in which they were met
	regexes   []nlu.Regex
	lookups   []nlu.Lookup
	lookupAt  map[int]string // path of the file that a lookup names, by index
	responses *node          // mapping of response lists
	language  string         // of Dialogflow files; "": en
}

type exampleKey struct{ text, intent string }

func (r *reader) newTraining() *training {
	return &training{
		reader: r, seen: map[exampleKey]int32{}, extra: map[int]map[string]any{}, synonyms: map[string]*node{},
		lookupAt: map[int]string{}, responses: newMap(nil),
	}
}

// data is what was gathered, with regexes in the reference's order and response texts looked up.
func (t *training) data() nlu.TrainingData {
	d := nlu.TrainingData{Examples: t.examples, Regexes: t.regexes, Lookups: t.lookups}
	d.Synonyms = make(map[string]string, len(t.synonyms))
	for variant, value := range t.synonyms {
		d.Synonyms[variant] = value.text()
	}
	slices.SortStableFunc(d.Regexes, func(a, b nlu.Regex) int {
		return strings.Compare(a.Name+"+"+a.Pattern, b.Name+"+"+b.Pattern)
	})
	d.Responses = make(map[string][]dialogue.Response, t.responses.size())
	for name, p := range t.responses.pairs {
		d.Responses[name] = responses(p.value)
	}
	return d
}

// readNLU reads the NLU part of a YAML document.
func (t *training) readNLU(n *node) {
	if !t.check(n, nluSchema()) || !t.checkVersion(n) {
		return
	}
	lookups := map[string]int{} // lookups of this file, by name
	for _, item := range n.get("nlu").items() {
		switch {
		case item.has("intent"):
			t.intent(item)
		case item.has("synonym"):
			t.named(item, "synonym", func(_, line string, number int) { t.synonym(line, item.get("synonym"), item, number) })
		case item.has("regex"):
			t.named(item, "regex", func(name, line string, number int) {
				t.regexes = append(t.regexes, nlu.Regex{Name: name, Pattern: line, File: item.src.name, Line: number})
			})
		case item.has("lookup"):
			t.named(item, "lookup", func(name, line string, number int) {
				i, ok := lookups[name]
				if !ok {
					i = len(t.lookups)
					lookups[name] = i
					t.lookups = append(t.lookups, nlu.Lookup{Name: name, File: item.src.name, Line: number})
				}
				t.lookups[i].Elements = append(t.lookups[i].Elements, line)
			})
		default:
			t.warnAt(item, "unknown-item", "the keys are intent, synonym, regex and lookup",
				"an item without a known key is skipped: %s", clip(string(rawJSON(nil, item))))
		}
	}
	t.addResponses(n.get("responses"))
}

// addResponses takes over the responses of an NLU file; a later file replaces the whole list of a name.
func (t *training) addResponses(n *node) {
	if n.size() == 0 {
		return
	}
	t.responses = mergeMaps(t.responses, n)
}

// intent reads an item with examples of an intent.
func (t *training) intent(item *node) {
	name := plainText(item.get("intent"))
	if name == "" {
		t.warnAt(item, "empty-name", "name the intent", "an intent without a name is skipped")
		return
	}
	base, key, err := splitIntent(name)
	if err != nil {
		t.errorAt(item.get("intent"), classRasa, "bad-intent-name", "a retrieval intent has one slash: intent/response_key", "%s", err)
		return
	}
	examples := item.get("examples")
	common := nlu.Example{Intent: strings.TrimSpace(base), ResponseKey: key, File: item.src.name}
	var meta any
	if m := item.get("metadata"); m.given() {
		meta = m.value()
	}
	count := 0
	add := func(text string, place *node, line int, exampleMeta *node) {
		e := common
		e.Line = line
		if meta != nil || exampleMeta.given() {
			e.Metadata = map[string]any{}
			if meta != nil {
				e.Metadata["intent"] = meta
			}
			if exampleMeta.given() {
				e.Metadata["example"] = exampleMeta.value()
			}
		}
		count++
		t.example(e, text, place)
	}
	switch {
	case examples == nil:
	case examples.kind == kindNull:
		t.warnAt(item, "no-examples", "list examples below examples: |", "intent %q has an unexpected block: its examples are null", name)
		return
	case examples.kind == kindString:
		for text, line := range t.lines("intent", name, examples) {
			add(text, examples, line, nil)
		}
	default:
		for _, entry := range examples.items() {
			if entry.size() == 0 {
				continue
			}
			text := entry.get("text")
			if text != nil && text.kind == kindNull {
				t.errorAt(entry, classValidation, "empty-text", "give it a text or remove it", "an example of intent %q has no text", name)
				count++
				continue
			}
			add(strings.Trim(plainText(text), stripped), entry, int(entry.line), entry.get("metadata"))
		}
	}
	if count == 0 {
		t.warnAt(item, "no-examples", "list examples below examples: |", "intent %q has no examples", name)
	}
}

// splitIntent takes a retrieval intent apart: the key is the full name, "" for an ordinary intent.
func splitIntent(name string) (base, key string, err error) {
	base, rest, found := strings.Cut(name, "/")
	switch {
	case !found:
		return name, "", nil
	case strings.Contains(rest, "/"):
		return "", "", fmt.Errorf("the intent name %q has more than one slash", name)
	case rest == "":
		return base, "", nil
	}
	return base, name, nil
}

// example reads the annotations of a text and adds the example.
func (t *training) example(e nlu.Example, text string, place *node) {
	plain, entities, err := parseAnnotations(text)
	if err != nil {
		t.annotationProblem(err, place, e.Line)
		return
	}
	e.Text, e.Entities = plain, entities
	for i := range entities {
		t.entitySynonym(plain, &entities[i], place, e.Line)
	}
	t.add(e)
}

// annotationProblem reports a bad annotation.
func (r *reader) annotationProblem(err error, place *node, line int) {
	var bad *annotationError
	if !errors.As(err, &bad) {
		bad = &annotationError{classSchema, err}
	}
	p := at(place, Problem{
		Severity: SeverityError, Class: bad.class, Code: "bad-annotation", Message: err.Error(),
		Hint: `an annotation looks like [Rome]{"entity": "city", "role": "to"}; its object ends at the first }`,
	})
	p.Line = line
	r.add(p)
}

// entitySynonym registers the annotated text as a synonym of the entity's value when they differ.
func (t *training) entitySynonym(plain string, e *dialogue.Entity, place *node, line int) {
	surface := runesBetween(plain, e.Start, e.End)
	if s, ok := e.Value.(string); ok && s == surface {
		return
	}
	value := newText("", place)
	switch v := e.Value.(type) {
	case string:
		value.str = v
	case int:
		value = newInt(int64(v), place)
	case float64:
		value = newFloat(v, place)
	}
	t.synonym(surface, value, place, line)
}

// runesBetween is the part of a text between two code point offsets.
func runesBetween(s string, start, end int) string {
	from, to, n := len(s), len(s), 0
	for i := range s {
		if n == start {
			from = i
		}
		if n == end {
			to = i
			break
		}
		n++
	}
	if from > to {
		return ""
	}
	return s[from:to]
}

// add adds an example unless an equal one is there: text, intent, entities and metadata all count.
func (t *training) add(e nlu.Example) {
	key := exampleKey{e.Text, e.Intent}
	last, ok := t.seen[key]
	if !ok {
		last = -1
	}
	for i := last; i >= 0; i = t.earlier[i] {
		if sameExample(&t.examples[i], &e) {
			return
		}
	}
	t.seen[key] = int32(len(t.examples)) //nolint:gosec // files are bounded
	t.earlier = append(t.earlier, last)
	t.examples = append(t.examples, e)
}

func sameExample(a, b *nlu.Example) bool {
	if a.ResponseKey != b.ResponseKey || len(a.Entities) != len(b.Entities) || (a.Entities == nil) != (b.Entities == nil) {
		return false
	}
	for i := range a.Entities {
		if !reflect.DeepEqual(a.Entities[i], b.Entities[i]) {
			return false
		}
	}
	return len(a.Metadata) == len(b.Metadata) && (len(a.Metadata) == 0 || reflect.DeepEqual(a.Metadata, b.Metadata))
}

// synonym registers a variant of a value; a different value for the same variant is reported, the later one counts.
func (t *training) synonym(variant string, value, place *node, line int) {
	if old, ok := t.synonyms[variant]; ok && (old.kind != value.kind || old.text() != value.text()) {
		p := at(place, Problem{
			Severity: SeverityWarning, Code: "synonym-conflict", Hint: "give each text one value",
			Message: fmt.Sprintf("the text %q is a synonym of both %q and %q: the latter counts", variant, old.text(), value.text()),
		})
		p.Line = line
		t.report.add(p)
	}
	if _, ok := t.synonyms[variant]; !ok {
		t.variants = append(t.variants, variant)
	}
	t.synonyms[variant] = value
}

// named reads an item that has a name and a block of lines.
func (t *training) named(item *node, key string, each func(name, line string, number int)) {
	name, examples := plainText(item.get(key)), item.get("examples")
	switch {
	case name == "":
		t.warnAt(item, "empty-name", "name it", "a %s without a name is skipped", key)
	case !examples.truthy():
		t.warnAt(item, "no-examples", "list examples below examples: |", "%s: %s has no examples and is skipped", key, name)
	default:
		for line, number := range t.lines(key, name, examples) {
			each(name, line, number)
		}
	}
}

// stripped is what is cut off around an example: no tabs.
const stripped = "\n\r "

// lines are the examples of a block with their lines in the file. Each must begin with a dash in the first column.
func (t *training) lines(key, name string, block *node) iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		number := int(block.line)
		if block.block {
			number++
		}
		for text := range splitLines(block.str) {
			line := number
			if block.block {
				number++
			}
			rest, ok := strings.CutPrefix(text, "-")
			if !ok {
				p := at(block, Problem{
					Severity: SeverityWarning, Code: "no-dash", Hint: "begin each example with a dash in the first column of the block",
					Message: fmt.Sprintf("%s %q has a line that does not begin with a dash; it is skipped: %q", key, name, clip(text)),
				})
				p.Line = line
				t.report.add(p)
				continue
			}
			if !yield(strings.Trim(rest, stripped), line) {
				return
			}
		}
	}
}

// splitLines are the lines of a text by Python's rules: also \v, \f, \x1c to \x1e, \x85, U+2028 and U+2029 end a line.
func splitLines(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		start := 0
		for i := 0; i < len(s); {
			size := 1
			switch c := s[i]; {
			case c == '\r' && i+1 < len(s) && s[i+1] == '\n':
				size = 2
			case c >= '\n' && c <= '\r', c >= 0x1c && c <= 0x1e:
			case c == 0xc2 && i+1 < len(s) && s[i+1] == 0x85:
				size = 2
			case c == 0xe2 && i+2 < len(s) && s[i+1] == 0x80 && (s[i+2] == 0xa8 || s[i+2] == 0xa9):
				size = 3
			default:
				i++
				continue
			}
			if !yield(s[start:i]) {
				return
			}
			i += size
			start = i
		}
		if start < len(s) {
			yield(s[start:])
		}
	}
}
