package project

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"parley/dialogue"
	"parley/nlu"
)

// The JSON formats of training data.
const (
	formatRasa             = "rasa"
	formatWit              = "wit"
	formatLUIS             = "luis"
	formatDialogflowIntent = "dialogflow intent"
	formatDialogflowEntity = "dialogflow entity"
	formatDialogflowOther  = "dialogflow" // agent, package and the files that belong to an intent or entity
	formatUnknown          = "unknown"
)

// sniffJSON tells the format of a JSON document by its root keys and its file's name, in the reference's order; "" if it is
// no JSON.
func sniffJSON(path string, data []byte) string {
	if !json.Valid(data) {
		return ""
	}
	var root map[string]json.RawMessage
	if err := json.Unmarshal(data, &root); err != nil {
		root = nil // not an object
	}
	has := func(key string) bool { _, ok := root[key]; return ok }
	base := filepath.Base(path)
	switch {
	case has("utterances") && !has("luis_schema_version"):
		return formatWit
	case has("luis_schema_version"):
		return formatLUIS
	case has("rasa_nlu_data"):
		return formatRasa
	case has("supportedLanguages"), has("version") && len(root) == 1:
		return formatDialogflowOther
	case has("responses"):
		return formatDialogflowIntent
	case has("isEnum"):
		return formatDialogflowEntity
	case strings.Contains(base, "_usersays_"), strings.Contains(base, "_entries_"):
		return formatDialogflowOther
	}
	return formatUnknown
}

// readJSON reads training data in a JSON format.
func (t *training) readJSON(path string, data []byte, format string) {
	n, err := parseJSON(&source{name: path, size: len(data)}, data)
	if err != nil {
		t.report.add(*asProblem(err, path))
		return
	}
	switch format {
	case formatRasa:
		t.rasaJSON(n)
	case formatWit:
		t.wit(n)
	case formatLUIS:
		t.luis(n)
	case formatDialogflowIntent, formatDialogflowEntity:
		t.dialogflow(n, format)
	case formatDialogflowOther:
	default:
		t.errorAt(n, classValue, "unknown-format", "convert the file to YAML", "the format of the training data is not known")
	}
}

// rasaSchema is the schema of Rasa's own JSON format. Unlike the files in YAML it takes unknown keys, and no null.
func rasaSchema() *schema {
	text := &schema{shape: shapeStr, notNull: true}
	list := func(item *schema) *schema { return &schema{shape: shapeList, items: []*schema{item}, notNull: true} }
	entity := &schema{shape: shapeMap, open: true, keys: []schemaKey{
		{"start", number, true},
		{"end", number, true},
		{"entity", text, true},
		{"value", &schema{shape: shapeText, notNull: true}, false},
		{"role", text, false},
		{"group", text, false},
	}}
	examples := list(&schema{shape: shapeMap, open: true, keys: []schemaKey{
		{"text", str, false}, {"intent", text, false}, {"entities", list(entity), false},
	}})
	regex := &schema{shape: shapeMap, open: true, keys: []schemaKey{{"name", text, true}, {"pattern", text, true}}}
	lookup := &schema{shape: shapeMap, open: true, keys: []schemaKey{{"name", text, true}, {"elements", anything, true}}}
	synonym := &schema{shape: shapeMap, open: true, keys: []schemaKey{{"value", text, true}, {"synonyms", textList, true}}}
	return &schema{shape: shapeMap, keys: []schemaKey{{"rasa_nlu_data", &schema{shape: shapeMap, open: true, keys: []schemaKey{
		{"common_examples", examples, false},
		{"intent_examples", examples, false},
		{"entity_examples", examples, false},
		{"entity_synonyms", list(synonym), false},
		{"regex_features", list(regex), false},
		{"lookup_tables", list(lookup), false},
	}}, true}}}
}

// rasaJSON reads Rasa's own JSON format.
func (t *training) rasaJSON(n *node) {
	t.warnAt(n, "json-format", "convert it: parley data convert nlu -f yaml", "training data in JSON is deprecated")
	before := len(t.errors)
	if !t.check(n, rasaSchema()) {
		for i := before; i < len(t.errors); i++ {
			t.errors[i].Class = classSchema
		}
		return
	}
	n = n.get("rasa_nlu_data")
	for _, item := range n.get("common_examples").items() {
		t.rasaExample(item)
	}
	for _, item := range n.get("entity_synonyms").items() {
		for _, variant := range item.get("synonyms").items() {
			t.synonym(variant.text(), item.get("value"), variant, int(variant.line))
		}
	}
	for _, item := range n.get("regex_features").items() {
		t.regexes = append(t.regexes, nlu.Regex{Name: keyText(item, "name"), Pattern: keyText(item, "pattern"), File: item.src.name, Line: int(item.line)})
	}
	for _, item := range n.get("lookup_tables").items() {
		l := nlu.Lookup{Name: keyText(item, "name"), File: item.src.name, Line: int(item.line)}
		if elements := item.get("elements"); elements.isText() {
			t.lookupFile(&l, elements)
			continue
		}
		l.Elements = texts(item.get("elements"))
		t.lookups = append(t.lookups, l)
	}
}

func (t *training) rasaExample(item *node) {
	e, ok := t.jsonExample(item)
	if !ok {
		return
	}
	for _, entity := range item.get("entities").items() {
		e.Entities = append(e.Entities, jsonEntity(entity))
	}
	var extra map[string]any
	for key, p := range item.pairs {
		switch key {
		case "text", "intent", "entities":
		default:
			if metadata, ok := p.value.value().(map[string]any); ok && key == "metadata" {
				e.Metadata = metadata
			}
			if extra == nil {
				extra = map[string]any{}
			}
			extra[key] = p.value.value()
		}
	}
	before := len(t.examples)
	t.add(e)
	if extra != nil && len(t.examples) > before {
		t.extra[before] = extra
	}
}

// jsonExample is an example with its text and intent.
func (t *training) jsonExample(item *node) (nlu.Example, bool) {
	e := nlu.Example{Text: plainText(item.get("text")), File: item.src.name, Line: int(item.line)}
	base, key, err := splitIntent(plainText(item.get("intent")))
	if err != nil {
		t.errorAt(item, classRasa, "bad-intent-name", "a retrieval intent has one slash: intent/response_key", "%s", err)
		return e, false
	}
	e.Intent, e.ResponseKey = strings.TrimSpace(base), key
	return e, true
}

// jsonEntity is an entity of an example; keys that are not known stay.
func jsonEntity(n *node) dialogue.Entity {
	e := dialogue.Entity{Entity: keyText(n, "entity"), Role: keyText(n, "role"), Group: keyText(n, "group"), Value: n.get("value").value()}
	start, _ := n.get("start").number()
	end, _ := n.get("end").number()
	e.Start, e.End = int(start), int(end)
	for key, p := range n.pairs {
		switch key {
		case "entity", "role", "group", "value", "start", "end":
		default:
			if e.Extra == nil {
				e.Extra = map[string]any{}
			}
			e.Extra[key] = p.value.value()
		}
	}
	return e
}

// lookupFile reads the elements of a lookup table from the file that it names: one a line, relative to the working
// directory or else to the file that names it.
func (t *training) lookupFile(l *nlu.Lookup, path *node) {
	name := path.str
	if _, err := os.Stat(name); err != nil && !filepath.IsAbs(name) {
		if beside := filepath.Join(filepath.Dir(path.src.name), name); fileExists(beside) {
			name = beside
		}
	}
	data, err := readFile(name)
	if err != nil {
		p := asProblem(err, name)
		t.errorAt(path, p.Class, "lookup-file", p.Hint, "the file %s of the lookup table %q cannot be read: %s", path.str, l.Name, p.Message)
		return
	}
	if i := invalidUTF8(data); i >= 0 {
		t.errorAt(path, classFileIO, "not-utf8", "save it as UTF-8", "the file %s of the lookup table %q is not UTF-8", path.str, l.Name)
		return
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			l.Elements = append(l.Elements, line)
		}
	}
	t.lookupAt[len(t.lookups)] = path.str
	t.lookups = append(t.lookups, *l)
}

func fileExists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// wit reads an export of Wit.ai.
func (t *training) wit(n *node) {
	for _, item := range n.get("utterances").items() {
		entities := item.get("entities")
		if entities == nil {
			continue
		}
		e, ok := t.jsonExample(item)
		if !ok {
			continue
		}
		if e.Intent == "" {
			e.Intent = "out_of_scope"
		}
		e.Entities = []dialogue.Entity{}
		for _, n := range entities.items() {
			entity := jsonEntity(n)
			if i := strings.LastIndexByte(entity.Entity, ':'); i >= 0 {
				entity.Entity, entity.Role = entity.Entity[:i], entity.Entity[i+1:]
			}
			entity.Value = n.get("body").value()
			delete(entity.Extra, "body")
			e.Entities = append(e.Entities, entity)
		}
		t.add(e)
	}
}

// luis reads an export of LUIS.
func (t *training) luis(n *node) {
	version := keyText(n, "luis_schema_version")
	major, _, _ := strings.Cut(version, ".")
	if v, err := strconv.Atoi(major); err != nil || v > 7 {
		t.warnAt(n, "luis-version", "", "the LUIS schema version %q is newer than 7: some data may be lost", version)
	}
	for _, item := range n.get("utterances").items() {
		e, ok := t.jsonExample(item)
		if !ok {
			continue
		}
		e.Entities = []dialogue.Entity{}
		for _, n := range item.get("entities").items() {
			start, _ := n.get("startPos").number()
			end, _ := n.get("endPos").number()
			entity := dialogue.Entity{Entity: keyText(n, "entity"), Start: int(start), End: int(end) + 1, Role: keyText(n, "role")}
			if entity.Role == "" {
				entity.Role = "O"
			}
			entity.Value = runesBetween(e.Text, entity.Start, entity.End)
			e.Entities = append(e.Entities, entity)
		}
		t.add(e)
	}
	for _, r := range n.get("regex_features").items() {
		if r.get("activated").truthy() {
			t.regexes = append(t.regexes, nlu.Regex{Name: keyText(r, "name"), Pattern: keyText(r, "pattern"), File: r.src.name, Line: int(r.line)})
		}
	}
	for _, r := range n.get("regex_entities").items() {
		t.regexes = append(t.regexes, nlu.Regex{Name: keyText(r, "name"), Pattern: keyText(r, "regexPattern"), File: r.src.name, Line: int(r.line)})
	}
}

// dialogflow reads an intent or an entity of Dialogflow with the examples in the file beside it.
func (t *training) dialogflow(n *node, format string) {
	kind := "usersays"
	if format == formatDialogflowEntity {
		kind = "entries"
	}
	language := t.language
	if language == "" {
		language = "en"
	}
	path := strings.Replace(n.src.name, ".json", fmt.Sprintf("_%s_%s.json", kind, language), 1)
	if !fileExists(path) {
		t.warnAt(n, "no-examples", "", "the Dialogflow file has no examples: %s does not exist", path)
		return
	}
	data, ok := t.file(path)
	if !ok {
		return
	}
	examples, err := parseJSON(&source{name: path, size: len(data)}, data)
	if err != nil {
		t.report.add(*asProblem(err, path))
		return
	}
	if format == formatDialogflowIntent {
		t.dialogflowIntent(keyText(n, "name"), examples)
		return
	}
	t.dialogflowEntity(n, examples)
}

func (t *training) dialogflowIntent(intent string, examples *node) {
	for _, item := range examples.items() {
		e := nlu.Example{Intent: intent, File: item.src.name, Line: int(item.line)}
		length := 0
		for _, chunk := range item.get("data").items() {
			text := keyText(chunk, "text")
			size := len([]rune(text))
			name := keyText(chunk, "alias")
			if !chunk.has("alias") {
				name = keyText(chunk, "meta")
			}
			if name != "" && name != "@sys.ignore" {
				e.Entities = append(e.Entities, dialogue.Entity{Entity: name, Value: text, Start: length, End: length + size})
			}
			e.Text += text
			length += size
		}
		t.add(e)
	}
}

func (t *training) dialogflowEntity(n, entries *node) {
	name := keyText(n, "name")
	lookup := nlu.Lookup{Name: name, File: n.src.name, Line: int(n.line)}
	for _, entry := range entries.items() {
		for _, variant := range entry.get("synonyms").items() {
			if value := entry.get("value"); value != nil {
				t.synonym(variant.text(), value, variant, int(variant.line))
			}
			switch {
			case n.get("isRegexp").truthy():
				t.regexes = append(t.regexes, nlu.Regex{Name: name, Pattern: variant.text(), File: entry.src.name, Line: int(variant.line)})
			case !strings.Contains(variant.text(), "@"):
				lookup.Elements = append(lookup.Elements, variant.text())
			}
		}
	}
	if len(lookup.Elements) > 0 {
		t.lookups = append(t.lookups, lookup)
	}
}
