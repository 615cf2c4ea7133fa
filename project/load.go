package project

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"parley/dialogue"
)

// loaded is what a Project keeps beside its exported fields: where things stand, for Validate and Show.
type loaded struct {
	domain     *node                    // the merged raw domain
	data       *training                // the gathered training data
	empty      bool                     // the domain is empty
	nameless   map[place]bool           // stories whose name is null
	places     map[dialogue.Event]place // where events of stories stand
	domainPath string
}

// place is a line of a file.
type place struct {
	file string
	line int
}

// LoadError is why a project cannot be read, with what was noticed beside it.
type LoadError struct {
	Problems
	Warnings []Problem
}

// Unwrap is the problems.
func (e *LoadError) Unwrap() error { return e.Problems }

// Load reads a project: config, domain and data, merged as the reference's importers do. The error is a LoadError. A domain
// that contradicts itself gives a warning and an empty domain, as in the reference; Validate then says so.
func Load(p Paths) (*Project, error) {
	r := newReader()
	r.legacy = p.Legacy
	project := &Project{}
	if p.Config != "" {
		project.Config = r.config(p.Config)
	}
	before := len(r.errors)
	raw := r.projectDomain(p.Domain)
	unknown := len(r.errors) > before // of the domain nothing is known, so nothing is compared with it
	t := r.newTraining()
	t.language = project.Config.Language
	files := r.find(p.Data)
	for _, f := range files {
		if data, ok := r.dataFile(f.path); ok {
			r.noteIgnored(f.path, data)
			t.readFile(f.path, data)
		}
	}
	r.noteMarkdown(p.Data)
	raw = r.syncResponses(raw, t)
	project.Domain = r.buildDomain(raw)
	if project.Domain == nil {
		return nil, &LoadError{r.errors, r.warnings}
	}
	storiesDomain := project.Domain
	if unknown {
		storiesDomain = nil
	}
	s := r.newStories(storiesDomain, isEmptyDomain(raw))
	for _, f := range files {
		if data, ok := r.dataFile(f.path); ok {
			s.readFile(f.path, data)
		}
	}
	s.checkCheckpoints()
	project.Steps = s.steps
	if texts := botTexts(project.Steps); len(texts) > 0 {
		list := newList(nil)
		for _, text := range texts {
			list.kids = append(list.kids, newText(text, nil))
		}
		raw = r.mergeDomains(asDict(raw), newMap(nil).with("e2e_actions", list), false)
		if d := r.buildDomain(raw); d != nil {
			project.Domain = d
		}
	}
	project.NLU = t.data()
	project.loaded = loaded{domain: asDict(raw), data: t, empty: isEmptyDomain(raw), nameless: s.nameless, places: s.places, domainPath: p.Domain}
	project.Warnings = r.warnings
	r.parsed, r.contents, t.seen, t.earlier = nil, nil, nil, nil // not needed any more
	if len(r.errors) > 0 {
		return nil, &LoadError{r.errors, r.warnings}
	}
	return project, nil
}

// LoadTests reads test stories: of the files below the paths those named test_*. The error is Problems.
func LoadTests(paths []string, d *dialogue.Domain) (steps []dialogue.StoryStep, warnings []Problem, err error) {
	return newReader().stories(paths, d, isTestFile)
}

// LoadTestFile reads the test stories of one file that is meant to hold some: a list with items or a text alone is an error, where
// LoadTests takes it for some other file. An empty one, or one with other keys, has no stories. The error is Problems.
func LoadTestFile(path string, d *dialogue.Domain) (steps []dialogue.StoryStep, warnings []Problem, err error) {
	r := newReader()
	if data, ok := r.dataFile(path); ok && len(bytes.TrimSpace(data)) > 0 {
		root := r.yaml(path)
		if root != nil && root.kind != kindMap && root.kind != kindNull && (root.kind != kindList || len(root.kids) > 0) {
			r.errorAt(root, classValidation, "schema", "", "expected a mapping with stories, found %s", root.describe())
		}
	}
	if err := r.err(); err != nil {
		return nil, r.warnings, err
	}
	return r.stories([]string{path}, d, isTestFile)
}

func isTestFile(path string) bool { return strings.HasPrefix(filepath.Base(path), "test_") }

// LoadStories reads the stories and rules below the paths. The error is Problems.
func LoadStories(paths []string, d *dialogue.Domain) (steps []dialogue.StoryStep, warnings []Problem, err error) {
	return newReader().stories(paths, d, func(string) bool { return true })
}

// stories reads the files below the paths that are wanted.
func (r *reader) stories(paths []string, d *dialogue.Domain, want func(path string) bool) ([]dialogue.StoryStep, []Problem, error) {
	s := r.newStories(d, false)
	for _, f := range r.find(paths) {
		if !want(f.path) {
			continue
		}
		if data, ok := r.dataFile(f.path); ok {
			s.readFile(f.path, data)
		}
	}
	s.checkCheckpoints()
	return s.steps, r.warnings, r.err()
}

func (r *reader) newStories(d *dialogue.Domain, empty bool) *storyReader {
	s := &storyReader{reader: r, names: checkpointNames{}, nameless: map[place]bool{}, places: map[dialogue.Event]place{}, emptyDomain: empty}
	if d != nil {
		s.domain = newStoryDomain(d)
	}
	return s
}

// dataFile reads a file under the data paths, once.
func (r *reader) dataFile(path string) ([]byte, bool) {
	if data, ok := r.contents[path]; ok {
		return data, data != nil
	}
	data, ok := r.file(path)
	r.contents[path] = data
	return data, ok
}

// isNLUFile reports whether a file holds NLU data: JSON of a known format, or YAML with a line that begins with nlu: or
// responses:.
func isNLUFile(path string, data []byte) bool {
	if format := jsonFormat(path, data); format != "" {
		return format != formatUnknown
	}
	return isYAMLName(path) && hasKeyLine(data, "nlu", "responses")
}

// isStoryFile reports whether a file holds stories or rules.
func isStoryFile(path string, data []byte) bool {
	return isYAMLName(path) && hasKeyLine(data, "stories", "rules")
}

// likeKey is a line that a person could take for one of the keys of training data.
var likeKey = regexp.MustCompile(`(?im)^[ \t]*["']?(nlu|stories|rules|responses)["']?[ \t]*:`) //nolint:gochecknoglobals // a constant

// noteIgnored tells of a file that holds no training data, as the reference sees it, although it looks like some: it is UTF-16, a byte
// order mark or a space keeps its keys from being found, it is broken JSON.
func (r *reader) noteIgnored(path string, data []byte) {
	if isNLUFile(path, data) || isStoryFile(path, data) {
		return
	}
	warn := func(code, message, hint string) {
		r.add(Problem{File: path, Line: 1, Severity: SeverityWarning, Code: code, Message: "the file is ignored: " + message, Hint: hint})
	}
	rest, marked := bytes.CutPrefix(data, []byte("\xef\xbb\xbf"))
	switch {
	case isUTF16(data):
		r.isUTF8(path, data)
	case marked && (isNLUFile(path, rest) || isStoryFile(path, rest)):
		warn("byte-order-mark", "a byte order mark stands before its first key",
			"save the file as UTF-8 without a byte order mark, or begin it with a line version: \""+latestVersion+"\"")
	case isYAMLName(path) && likeKey.Match(data):
		warn("hidden-key", "its keys are not found", "write nlu:, stories:, rules: or responses: in lower case, without quotes, the colon right behind")
	case filepath.Ext(path) == ".json" && !json.Valid(data):
		warn("bad-json", "it is no JSON", "check brackets, commas and quotes")
	}
}

// noteMarkdown tells of Markdown files of older versions, which are ignored.
func (r *reader) noteMarkdown(paths []string) {
	if r.legacy {
		return
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || !info.IsDir() {
			continue
		}
		_ = filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error { // find tells of what cannot be read
			if err != nil || d.IsDir() || filepath.Ext(path) != ".md" {
				return nil //nolint:nilerr // see above
			}
			data, err := readFile(path)
			if err != nil {
				return nil //nolint:nilerr // see above
			}
			if kind := markdownKind(path, data); kind != "" {
				command := "parley data convert nlu"
				if kind == "stories" {
					command = "parley data convert stories"
				}
				r.add(Problem{
					File: path, Line: 1, Severity: SeverityWarning, Code: "markdown", Hint: command + " writes it as YAML",
					Message: "the file is ignored: Markdown is the format of Rasa 1 and 2",
				})
			}
			return nil
		})
	}
}

// readFile reads the NLU data of a file, if it has any.
func (t *training) readFile(path string, data []byte) {
	if t.legacy {
		kind := markdownKind(path, data)
		if kind != "" && kind != "stories" && !t.isUTF8(path, data) {
			return
		}
		switch kind {
		case "nlu":
			t.readMarkdown(path, data)
		case "responses":
			t.readMarkdownResponses(path, data)
		}
	}
	if !isNLUFile(path, data) {
		return
	}
	if format := jsonFormat(path, data); format != "" {
		if t.isUTF8(path, data) {
			t.readJSON(path, data, format)
		}
		return
	}
	if n := t.yaml(path); n != nil {
		t.readNLU(n)
	}
}

// readFile reads the stories and rules of a file, if it has any.
func (s *storyReader) readFile(path string, data []byte) {
	if s.legacy && markdownKind(path, data) == "stories" && s.isUTF8(path, data) {
		s.readMarkdown(path, data)
	}
	if !isStoryFile(path, data) {
		return
	}
	if n := s.yaml(path); n != nil {
		s.readStories(n)
	}
}

// projectDomain reads the domain of a project; an InvalidDomain becomes a warning and an empty domain.
func (r *reader) projectDomain(path string) *node {
	if path == "" {
		return emptyDomain()
	}
	before := len(r.errors)
	raw := r.readDomain([]string{domainPathOr(path)})
	if raw != nil {
		r.buildDomain(raw)
	}
	if len(r.errors) == before {
		return raw
	}
	if r.errors[before].Class == classDomain {
		for _, p := range r.errors[before:] {
			p.Severity = SeverityWarning
			r.add(p)
		}
		r.errors = r.errors[:before]
	}
	return emptyDomain()
}

// domainPathOr is the path, or the folder of the same name if domain.yml does not exist but domain/ does.
func domainPathOr(path string) string {
	if _, err := os.Stat(path); err == nil || !isYAMLName(path) {
		return path
	}
	folder := strings.TrimSuffix(path, filepath.Ext(path))
	if info, err := os.Stat(folder); err == nil && info.IsDir() {
		return folder
	}
	return path
}

// syncResponses makes domain and NLU data agree (Rasa: ResponsesSyncImporter): the domain gets the responses of the NLU
// files, its retrieval intents and their actions; the NLU data gets the retrieval responses of the domain.
func (r *reader) syncResponses(raw *node, t *training) *node {
	raw = asDict(raw)
	other := newMap(raw)
	if names := t.retrievalIntents(); len(names) > 0 {
		d := r.buildDomain(raw)
		if d == nil {
			return raw
		}
		intents, actions := newList(raw), newList(raw)
		for _, name := range names {
			intents.kids = append(intents.kids, newMap(raw).with(name, retrievalProperties(raw, d, name)))
			actions.kids = append(actions.kids, newText("utter_"+name, raw))
		}
		other = other.with("intents", intents).with("actions", actions)
	}
	if t.responses.size() > 0 {
		other = other.with("responses", t.responses)
	}
	if other.size() > 0 {
		r.warnOverridden(raw, other)
		raw = asDict(overrideDomain(raw, other))
	}
	r.warnMissingResponses(raw)
	retrieval := newMap(raw)
	for name, p := range raw.get("responses").pairs {
		if strings.Contains(name, "/") {
			retrieval.kids = append(retrieval.kids, p.key, p.value)
		}
	}
	t.addResponses(retrieval)
	return raw
}

// retrievalProperties are the properties of an intent that turned out to be a retrieval intent. The reference keeps the
// list of entities under another key, where it has no effect any more: all entities count beside a retrieval intent.
func retrievalProperties(raw *node, d *dialogue.Domain, name string) *node {
	properties := newMap(raw)
	for _, item := range raw.get("intents").items() {
		if item.kind == kindMap && itemName(item) == name {
			properties = item.get(name).without("use_entities").without("ignore_entities").without("used_entities").without("is_retrieval_intent")
		}
	}
	if i := slices.IndexFunc(d.Intents, func(i dialogue.IntentSpec) bool { return i.Name == name }); i >= 0 {
		used := newList(raw)
		for _, label := range d.Intents[i].UsedEntities {
			used.kids = append(used.kids, newText(label, raw))
		}
		properties = properties.with("used_entities", used)
	}
	return properties.with("is_retrieval_intent", newBool(true, raw))
}

// warnOverridden reports what domain and NLU files both define.
func (r *reader) warnOverridden(raw, other *node) {
	duplicates := map[string][]string{}
	for _, s := range mergedSections {
		duplicates[s.key] = commonNames(raw.get(s.key), other.get(s.key))
	}
	for _, key := range duplicateOrder {
		if names := duplicates[key]; len(names) > 0 {
			r.warnAt(raw, "domain-duplicates", "", "%s that both the domain and the NLU files define, the latter count: %s", key, strings.Join(names, ", "))
		}
	}
}

// warnMissingResponses reports utter_ actions without a response.
func (r *reader) warnMissingResponses(raw *node) {
	names := map[string]bool{}
	for name := range raw.get("responses").pairs {
		base, _, _ := strings.Cut(name, "/")
		names[name], names[base] = true, true
	}
	for _, item := range raw.get("actions").items() {
		if name := itemName(item); strings.HasPrefix(name, "utter_") && !names[name] {
			r.warnAt(item, "missing-response", "add it to the responses", "the action %q has no response", name)
		}
	}
}

// retrievalIntents are the intents of examples with a response key, sorted.
func (t *training) retrievalIntents() []string {
	names := map[string]bool{}
	for i := range t.examples {
		if t.examples[i].ResponseKey != "" {
			names[t.examples[i].Intent] = true
		}
	}
	return sortedKeys(names)
}

// botTexts are the texts that the bot says in end-to-end stories, sorted.
func botTexts(steps []dialogue.StoryStep) []string {
	texts := map[string]bool{}
	for i := range steps {
		for _, e := range steps[i].Events {
			if a, ok := e.(*dialogue.ActionExecuted); ok && a.Text != "" {
				texts[a.Text] = true
			}
		}
	}
	return sortedKeys(texts)
}

// jsonFormat names the format of a JSON document; "" if the data is no JSON.
func jsonFormat(path string, data []byte) string {
	trimmed := bytes.TrimLeft(data, " \t\r\n")
	if len(trimmed) == 0 || !bytes.ContainsRune([]byte("{[\"-0123456789tfn"), rune(trimmed[0])) {
		return ""
	}
	return sniffJSON(path, data)
}
