package project

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"parley/dialogue"
	"parley/nlu"
)

// ConvertNLU reads training data in any format that is known, of a file or of all files below a folder, and gives it as
// "yaml" or "json". The language chooses among Dialogflow's files; "" is en. Warnings is what was noticed; the error is
// Problems.
func ConvertNLU(path, format, language string) (out []byte, warnings []Problem, err error) {
	r := newReader()
	r.legacy = true
	t := r.newTraining()
	t.language = language
	t.convertible(path)
	if err := r.err(); err != nil {
		return nil, r.warnings, err
	}
	d := t.data()
	switch format {
	case "yaml":
		out = t.writeNLU(d.Examples, t.responses)
	case "json":
		out = t.writeJSON(&d)
	default:
		return nil, nil, fmt.Errorf("training data cannot be written in the format %q: it is yaml or json", format)
	}
	return out, r.warnings, r.err()
}

// convertible reads the training data of a path; a file of an unknown format is an error.
func (t *training) convertible(path string) {
	info, err := os.Stat(path)
	if err != nil {
		t.report.add(*asProblem(fileError(path, err), path))
		return
	}
	files := []dataFile{{path: path}}
	if info.IsDir() {
		files = t.find([]string{path})
	}
	for _, f := range files {
		data, ok := t.dataFile(f.path)
		if !ok {
			continue
		}
		if info.IsDir() && markdownKind(f.path, data) == "stories" {
			t.report.add(Problem{
				File: f.path, Severity: SeverityWarning, Code: "no-training-data", Message: "the file holds stories and is left out",
				Hint: "parley data convert stories reads those in Markdown",
			})
			continue
		}
		if !isNLUFile(f.path, data) && !slices.Contains([]string{"nlu", "responses"}, markdownKind(f.path, data)) {
			t.report.add(Problem{
				File: f.path, Severity: SeverityError, Class: classValue, Code: "unknown-format", Message: "the format of the training data is not known",
				Hint: "YAML with nlu:, JSON of Rasa, LUIS, Wit.ai or Dialogflow, and Markdown can be read",
			})
			continue
		}
		t.readFile(f.path, data)
	}
}

// fileError is the problem of a path that cannot be read.
func fileError(path string, err error) error {
	if _, readErr := readFile(path); readErr != nil {
		return readErr
	}
	return err
}

// writeNLU writes examples with all synonyms, regexes and lookups as YAML (spec project-files §2.7); nothing to write gives
// an empty file.
func (t *training) writeNLU(examples []nlu.Example, responses *node) []byte {
	list := newList(nil)
	list.kids = append(list.kids, t.intentItems(examples)...)
	list.kids = append(list.kids, t.synonymItems()...)
	list.kids = append(list.kids, t.patternItems()...)
	if len(list.kids) == 0 && responses.size() == 0 {
		return nil
	}
	version := newText(latestVersion, nil)
	version.quoted = true
	root := newMap(nil).with("version", version)
	if len(list.kids) > 0 {
		root = root.with("nlu", list)
	}
	if responses.size() > 0 {
		root = root.with("responses", responses)
	}
	return writeYAML(root)
}

// block is the text of a block of examples.
func block(lines []string) *node {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString("- " + line + "\n")
	}
	return newText(b.String(), nil)
}

// intentItems are the examples by intent, in the order in which the intents come first.
func (t *training) intentItems(examples []nlu.Example) []*node {
	byIntent := map[string][]*nlu.Example{}
	var order []string
	for i := range examples {
		e := &examples[i]
		name := e.Intent
		if e.ResponseKey != "" {
			name = e.ResponseKey
		}
		if name == "" {
			continue // end-to-end data has no place in NLU files
		}
		if byIntent[name] == nil {
			order = append(order, name)
		}
		byIntent[name] = append(byIntent[name], e)
	}
	var items []*node
	for _, name := range order {
		items = append(items, t.intentItem(name, byIntent[name]))
	}
	return items
}

func (t *training) intentItem(name string, examples []*nlu.Example) *node {
	item := newMap(nil).with("intent", newText(name, nil))
	long := false
	lines := make([]string, len(examples))
	for i, e := range examples {
		lines[i] = strings.Trim(t.annotated(e), "\n\r ")
		long = long || len(e.Metadata) > 0 || strings.ContainsAny(lines[i], "\b\f\n\r\t")
	}
	if meta, ok := examples[0].Metadata["intent"]; ok {
		item = item.with("metadata", plainNode(meta))
	}
	if !long {
		return item.with("examples", block(lines))
	}
	list := newList(nil)
	for i, e := range examples {
		entry := newMap(nil).with("text", newText(lines[i]+"\n", nil))
		if meta, ok := e.Metadata["example"]; ok {
			entry = entry.with("metadata", plainNode(meta))
		}
		list.kids = append(list.kids, entry)
	}
	return item.with("examples", list)
}

// plainNode is a plain value as a node; keys of mappings are sorted.
func plainNode(v any) *node {
	switch v := v.(type) {
	case nil:
		return &node{kind: kindNull}
	case bool:
		return newBool(v, nil)
	case int:
		return newInt(int64(v), nil)
	case float64:
		return newFloat(v, nil)
	case []any:
		list := newList(nil)
		for _, item := range v {
			list.kids = append(list.kids, plainNode(item))
		}
		return list
	case map[string]any:
		m := newMap(nil)
		for _, k := range sortedKeys(v) {
			m.kids = append(m.kids, newText(k, nil), plainNode(v[k]))
		}
		return m
	default:
		return newText(fmt.Sprint(v), nil)
	}
}

// trainedElsewhere are extractors whose entities are found without training: they are not written.
var trainedElsewhere = []string{"DucklingEntityExtractor", "SpacyEntityExtractor"}

// annotated is the text of an example with its annotations.
func (t *training) annotated(e *nlu.Example) string {
	entities := slices.DeleteFunc(slices.Clone(e.Entities), func(x dialogue.Entity) bool { return slices.Contains(trainedElsewhere, x.Extractor) })
	slices.SortStableFunc(entities, func(a, b dialogue.Entity) int { return a.Start - b.Start })
	runes := []rune(e.Text)
	var b strings.Builder
	last := 0
	for i := 0; i < len(entities); {
		first := entities[i]
		n := i + 1
		for n < len(entities) && entities[n].Start == first.Start {
			n++
		}
		for _, other := range entities[i:n] {
			if other.End != first.End || other.Start < last || other.End > len(runes) || other.End <= other.Start {
				p := Problem{
					File: e.File, Line: e.Line, Severity: SeverityError, Class: classValue, Code: "overlapping-entities",
					Message: fmt.Sprintf("the entities of %q overlap or leave the text", clip(e.Text)), Hint: "correct start and end of the entities",
				}
				t.report.add(p)
				return e.Text
			}
		}
		b.WriteString(string(runes[last:first.Start]))
		surface := string(runes[first.Start:first.End])
		b.WriteString("[" + surface + "]" + annotations(surface, entities[i:n]))
		last = first.End
		i = n
	}
	b.WriteString(string(runes[last:]))
	return b.String()
}

// annotations is what stands behind an annotated surface.
func annotations(surface string, entities []dialogue.Entity) string {
	dicts := make([]string, len(entities))
	for i := range entities {
		e := &entities[i]
		same := e.Value == nil || e.Value == any(surface)
		if len(entities) == 1 && same && e.Role == "" && e.Group == "" {
			return "(" + e.Entity + ")"
		}
		dict := newMap(nil).with("entity", newText(e.Entity, nil))
		if e.Role != "" {
			dict = dict.with("role", newText(e.Role, nil))
		}
		if e.Group != "" {
			dict = dict.with("group", newText(e.Group, nil))
		}
		if !same {
			dict = dict.with("value", plainNode(e.Value))
		}
		dicts[i] = string(rawJSON(nil, dict))
	}
	if len(dicts) == 1 {
		return dicts[0]
	}
	return "[" + strings.Join(dicts, ", ") + "]"
}

// grouped collects lines by name, in the order in which the names come first.
type grouped struct {
	order []string
	lines map[string][]string
}

func (g *grouped) add(name, line string) {
	if g.lines == nil {
		g.lines = map[string][]string{}
	}
	if _, ok := g.lines[name]; !ok {
		g.order = append(g.order, name)
	}
	g.lines[name] = append(g.lines[name], line)
}

func (g *grouped) items(key string) []*node {
	var items []*node
	for _, name := range g.order {
		items = append(items, newMap(nil).with(key, newText(name, nil)).with("examples", block(g.lines[name])))
	}
	return items
}

// synonymItems are the synonyms by value, in the order in which they were met.
func (t *training) synonymItems() []*node {
	var g grouped
	for _, variant := range t.variants {
		g.add(t.synonyms[variant].text(), variant)
	}
	return g.items("synonym")
}

// patternItems are regexes and lookup tables.
func (t *training) patternItems() []*node {
	var regexes, lookups grouped
	for _, r := range t.regexes {
		regexes.add(r.Name, r.Pattern)
	}
	for i, l := range t.lookups {
		if _, ok := t.lookupAt[i]; ok {
			t.report.add(Problem{
				File: l.File, Line: l.Line, Severity: SeverityWarning, Code: "lookup-file", Hint: "remove the other file",
				Message: fmt.Sprintf("the lookup table %q stood in a file of its own: its elements are written out", l.Name),
			})
		}
		for _, element := range l.Elements {
			lookups.add(l.Name, element)
		}
	}
	return append(regexes.items("regex"), lookups.items("lookup")...)
}

// writeJSON writes training data in Rasa's JSON format.
func (t *training) writeJSON(d *nlu.TrainingData) []byte {
	examples, regexes, lookups, synonyms := newList(nil), newList(nil), newList(nil), newList(nil)
	for i := range d.Examples {
		e := &d.Examples[i]
		item := newMap(nil).with("text", newText(e.Text, nil))
		if name := e.Intent; name != "" {
			if e.ResponseKey != "" {
				name = e.ResponseKey
			}
			item = item.with("intent", newText(name, nil))
		}
		if e.Entities != nil {
			item = item.with("entities", jsonEntities(e))
		}
		if len(e.Metadata) > 0 {
			item = item.with("metadata", plainNode(e.Metadata))
		}
		examples.kids = append(examples.kids, item)
	}
	for _, r := range t.regexes {
		regexes.kids = append(regexes.kids, newMap(nil).with("name", newText(r.Name, nil)).with("pattern", newText(r.Pattern, nil)))
	}
	for _, l := range t.lookups {
		elements := newList(nil)
		for _, s := range l.Elements {
			elements.kids = append(elements.kids, newText(s, nil))
		}
		lookups.kids = append(lookups.kids, newMap(nil).with("name", newText(l.Name, nil)).with("elements", elements))
	}
	var g grouped
	for _, variant := range t.variants {
		g.add(t.synonyms[variant].text(), variant)
	}
	for _, value := range g.order {
		variants := newList(nil)
		for _, s := range g.lines[value] {
			if s == value {
				continue
			}
			variants.kids = append(variants.kids, newText(s, nil))
		}
		synonyms.kids = append(synonyms.kids, newMap(nil).with("value", newText(value, nil)).with("synonyms", variants))
	}
	root := newMap(nil).with("rasa_nlu_data", newMap(nil).with("common_examples", examples).with("regex_features", regexes).
		with("lookup_tables", lookups).with("entity_synonyms", synonyms))
	var b bytes.Buffer
	if err := json.Indent(&b, rawJSON(nil, root), "", "  "); err != nil {
		t.report.add(Problem{Severity: SeverityError, Class: classValue, Code: "bad-json", Message: "the data cannot be written as JSON: " + err.Error()})
	}
	return b.Bytes()
}

func jsonEntities(e *nlu.Example) *node {
	list := newList(nil)
	for i := range e.Entities {
		x := &e.Entities[i]
		entity := newMap(nil).with("start", newInt(int64(x.Start), nil)).with("end", newInt(int64(x.End), nil))
		if x.Value != nil {
			entity = entity.with("value", plainNode(x.Value))
		}
		entity = entity.with("entity", newText(x.Entity, nil))
		if x.Role != "" {
			entity = entity.with("role", newText(x.Role, nil))
		}
		if x.Group != "" {
			entity = entity.with("group", newText(x.Group, nil))
		}
		for _, key := range sortedKeys(x.Extra) {
			entity = entity.with(key, plainNode(x.Extra[key]))
		}
		list.kids = append(list.kids, entity)
	}
	return list
}
