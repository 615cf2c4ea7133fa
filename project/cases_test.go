package project

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
	"parley/nlu"
	"parley/policy"
)

// expectation is the expected.json of a loader case.
type expectation struct {
	Load    string `json:"load"`
	Options struct {
		Paths     any      `json:"paths"`
		Tests     bool     `json:"tests"`
		Sections  []string `json:"sections"`
		Build     []string `json:"build"`
		Connector string   `json:"connector"`
		Training  string   `json:"training_type"`
		Runs      int      `json:"runs"`
	} `json:"options"`
	Env      map[string]*string `json:"env"`
	Expect   map[string]any     `json:"expect"`
	Error    *complaint         `json:"error"`
	Warnings []complaint        `json:"warnings"`
}

// complaint is what an error or warning must say.
type complaint struct {
	Class    string   `json:"class"`
	File     string   `json:"file"`
	Lines    []int    `json:"lines_any"`
	Paths    []string `json:"paths_any"`
	Contains []string `json:"contains"`
	Crash    bool     `json:"crash"`
}

// matches reports whether a problem says all that it must.
func (c *complaint) matches(p *Problem) bool {
	text := p.Error()
	if c.File != "" && filepath.Base(p.File) != c.File {
		return false
	}
	if len(c.Lines) > 0 && !slices.Contains(c.Lines, p.Line) {
		return false
	}
	if len(c.Paths) > 0 && !slices.ContainsFunc(c.Paths, func(path string) bool { return strings.Contains(text, path) }) {
		return false
	}
	return !slices.ContainsFunc(c.Contains, func(s string) bool { return !strings.Contains(text, s) })
}

func TestLoaderCases(t *testing.T) { //nolint:paralleltest // the cases set the working directory and the environment
	cases := filepath.Join("..", "..", "shared", "conformance", "loader", "cases")
	cases, err := filepath.Abs(cases)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(cases)
	if err != nil {
		t.Skip("the shared conformance data is not beside this repository:", err)
	}
	known := map[string]string{}
	data, err := os.ReadFile(filepath.Join("testdata", "known_differences.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if name, reason, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && strings.HasPrefix(name, "cases/") {
			known[strings.TrimPrefix(name, "cases/")] = reason
		}
	}
	passed := 0
	for _, entry := range entries {
		name := entry.Name()
		t.Run(name, func(t *testing.T) {
			t.Chdir(filepath.Join(cases, name))
			var e expectation
			data, err := os.ReadFile("expected.json")
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(data, &e); err != nil {
				t.Fatal(err)
			}
			for key, value := range e.Env {
				if value != nil {
					t.Setenv(key, *value)
				}
			}
			differences := runCase(t, &e)
			switch reason, expected := known[name]; {
			case len(differences) > 0 && !expected:
				t.Errorf("%s", strings.Join(differences, "\n"))
			case len(differences) == 0 && expected:
				t.Errorf("cases/%s agrees now: remove it from known_differences.txt (%s)", name, reason)
			case len(differences) == 0:
				passed++
			}
		})
	}
	t.Logf("%d of %d loader cases agree", passed, len(entries))
}

// outcome is what loading a case gave.
type outcome struct {
	value    map[string]any
	errors   Problems
	warnings []Problem
}

func runCase(t *testing.T, e *expectation) []string {
	t.Helper()
	var out outcome
	switch e.Load {
	case "yaml":
		out = loadYAMLCase()
	case "nlu":
		out = loadNLUCase()
	case "domain":
		out = loadDomainCase(e)
	case "stories":
		out = loadStoriesCase(e)
	case "discovery":
		out = loadDiscoveryCase()
	case "project":
		out = loadProjectCase(e)
	case "config":
		out = loadConfigCase()
	case "train_checks":
		out = loadRecipeCase(e)
	case "endpoints":
		out = loadEndpointsCase()
	case "credentials":
		out = loadCredentialsCase(e)
	case "rewrite":
		out = loadRewriteCase(t, e)
	case "legacy":
		out = loadLegacyCase()
	default:
		return []string{"unknown kind of case: " + e.Load}
	}
	return compareCase(t, e, &out)
}

func compareCase(t *testing.T, e *expectation, out *outcome) []string {
	t.Helper()
	var differences []string
	switch {
	case e.Error != nil && len(out.errors) == 0 && !e.Error.Crash:
		differences = append(differences, fmt.Sprintf("expected an error %+v, got none", *e.Error))
	case e.Error != nil && len(out.errors) > 0 && !e.Error.Crash:
		first := out.errors[0]
		if e.Error.Class != "" && first.Class != e.Error.Class {
			differences = append(differences, fmt.Sprintf("expected an error of class %s, got %s: %s", e.Error.Class, first.Class, first.Error()))
		}
		if !slices.ContainsFunc(out.errors, func(p Problem) bool { return e.Error.matches(&p) }) {
			differences = append(differences, fmt.Sprintf("expected an error that says %+v, got:\n%s", *e.Error, out.errors.Error()))
		}
	case e.Error == nil && len(out.errors) > 0:
		differences = append(differences, "unexpected error: "+out.errors.Error())
	case e.Error == nil:
		want, got := dropped(e.Expect, e), roundTrip(t, out.value)
		if diff := cmp.Diff(want, got); diff != "" {
			differences = append(differences, "(-reference +parley):\n"+diff)
		}
	}
	for _, w := range e.Warnings {
		if strings.HasPrefix(w.Class, "log:") && (e.Load == "endpoints" || e.Load == "train_checks") {
			continue // said by who builds the stores, or about the reference's own automatic configuration
		}
		if !slices.ContainsFunc(out.warnings, func(p Problem) bool { return w.matches(&p) }) && e.Load != "endpoints" {
			differences = append(differences, fmt.Sprintf("expected a warning that says %+v, got:\n%s", w, Problems(out.warnings).Error()))
		}
	}
	if len(e.Warnings) == 0 && len(out.warnings) > 0 && e.Error == nil {
		differences = append(differences, "unexpected warnings:\n"+Problems(out.warnings).Error())
	}
	return differences
}

// dropped leaves out of the expectation what other packages answer: training trackers and what is built from endpoints.
func dropped(expect map[string]any, e *expectation) map[string]any {
	delete(expect, "trackers")
	delete(expect, "built")
	steps, _ := expect["steps"].([]any)
	for _, s := range steps {
		if step, ok := s.(map[string]any); ok {
			delete(step, "explicit_events")
		}
	}
	if list, ok := expect["messages_added_from_stories"].([]any); ok {
		expect["messages_added_from_stories"] = sortedList(list)
	}
	if e.Load == "credentials" {
		channels, _ := expect["channels"].([]any)
		for _, c := range channels {
			if channel, ok := c.(map[string]any); ok {
				delete(channel, "settings")
				delete(channel, "route")
			}
		}
	}
	return expect
}

func sortedList(list []any) []any {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b any) int {
		return strings.Compare(string(dialogue.AppendJSON(nil, a)), string(dialogue.AppendJSON(nil, b)))
	})
	return list
}

func roundTrip(t *testing.T, v map[string]any) map[string]any {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func (r *reader) outcome(value map[string]any) outcome {
	return outcome{value: value, errors: r.errors, warnings: r.warnings}
}

// testValue is a node with dates and special floats marked as in the recordings.
func testValue(n *node) any {
	switch n.kind {
	case kindDate:
		return map[string]any{"<date>": n.str[:len("2000-01-01")]}
	case kindFloat:
		if s := n.text(); s == "inf" || s == "-inf" || s == "nan" {
			return map[string]any{"<float>": s}
		}
	case kindList:
		list := []any{}
		for _, k := range n.kids {
			list = append(list, testValue(k))
		}
		return list
	case kindMap:
		m := map[string]any{}
		for k, p := range n.pairs {
			m[k] = testValue(p.value)
		}
		return m
	}
	return n.value()
}

func loadYAMLCase() outcome {
	r := newReader()
	n := r.yaml("input.yml")
	if n == nil {
		return r.outcome(nil)
	}
	return r.outcome(map[string]any{"value": testValue(n)})
}

// reducedNLU is training data without what is empty.
func reducedNLU(p *Project) map[string]any {
	shown := p.showNLU()
	reduced := map[string]any{"examples": shown["examples"]}
	for _, key := range []string{"synonyms", "regexes", "lookups", "responses"} {
		switch v := shown[key].(type) {
		case map[string]any:
			if len(v) > 0 {
				reduced[key] = v
			}
		case []any:
			if len(v) > 0 {
				reduced[key] = v
			}
		}
	}
	return reduced
}

func loadNLUCase() outcome {
	r := newReader()
	t := r.newTraining()
	for _, f := range r.find([]string{"data"}) {
		if data, ok := r.dataFile(f.path); ok {
			t.readFile(f.path, data)
		}
	}
	p := &Project{NLU: t.data()}
	p.loaded.data = t
	return r.outcome(reducedNLU(p))
}

// reducedDomain is a domain without what every domain has.
func reducedDomain(d *dialogue.Domain) map[string]any {
	shown := ShowDomain(d)
	if shown["empty"] == true {
		return map[string]any{"empty": true}
	}
	reduced := map[string]any{"as_dict": shown["as_dict"]}
	keep := func(key string, list []any) {
		if len(list) > 0 {
			reduced[key] = list
		}
	}
	list := func(key string) []any { l, _ := shown[key].([]any); return l }
	isDefault := func(name any) bool {
		s, _ := name.(string)
		return slices.Contains(dialogue.DefaultIntents, s) && !slices.Contains(list("overridden_default_intents"), name)
	}
	properties, _ := shown["intent_properties"].(map[string]any)
	var intents []any
	for _, name := range list("intents") {
		if isDefault(name) {
			delete(properties, name.(string))
			continue
		}
		intents = append(intents, name)
	}
	keep("intents", intents)
	for key, value := range map[string]any{
		"intent_properties": properties, "forms": shown["forms"], "entity_roles": shown["entity_roles"], "entity_groups": shown["entity_groups"],
	} {
		if m, _ := value.(map[string]any); len(m) > 0 {
			reduced[key] = m
		}
	}
	for _, key := range []string{"overridden_default_intents", "entities", "non_featurized_entities", "action_texts", "actions_that_need_the_domain"} {
		keep(key, list(key))
	}
	keep("slots", slices.DeleteFunc(list("slots"), func(s any) bool {
		m, _ := s.(map[string]any)
		return m["name"] == dialogue.SlotSessionMetadata
	}))
	keep("actions_after_defaults", list("actions")[len(dialogue.DefaultActions):])
	if d.SessionExpiration != defaultExpiration || !d.CarryOverSlots {
		reduced["session"] = shown["session"]
	}
	if !d.StoreEntitiesAsSlots {
		reduced["store_entities_as_slots"] = false
	}
	return reduced
}

func domainCasePath() string {
	if _, err := os.Stat("domain.yml"); err == nil {
		return "domain.yml"
	}
	return "domain"
}

func loadDomainCase(e *expectation) outcome {
	paths := []string{domainCasePath()}
	switch p := e.Options.Paths.(type) {
	case string:
		paths = []string{p}
	case []any:
		paths = nil
		for _, s := range p {
			paths = append(paths, s.(string))
		}
	}
	d, warnings, err := LoadDomain(paths...)
	out := outcome{warnings: warnings}
	if errors.As(err, &out.errors) {
		return out
	}
	out.value = reducedDomain(d)
	return out
}

func loadStoriesCase(e *expectation) outcome {
	d, _, err := LoadDomain("domain.yml")
	var out outcome
	if errors.As(err, &out.errors) {
		return out
	}
	load := LoadStories
	if e.Options.Tests {
		load = LoadTests
	}
	steps, warnings, err := load([]string{"data"}, d)
	out.warnings = warnings
	if errors.As(err, &out.errors) {
		return out
	}
	out.value = map[string]any{"steps": numberedSteps(ShowSteps(steps))}
	return out
}

// numberedSteps numbers generated checkpoints in order of appearance.
func numberedSteps(steps []any) []any {
	names := map[string]string{}
	rename := func(name string) string {
		if !strings.HasPrefix(name, orPrefix) {
			return name
		}
		if names[name] == "" {
			names[name] = fmt.Sprintf("%s#%d", orPrefix, len(names)+1)
		}
		return names[name]
	}
	for _, s := range steps {
		step, _ := s.(map[string]any)
		starts, _ := step["start"].([]any)
		for _, cp := range starts {
			m, _ := cp.(map[string]any)
			m["name"] = rename(m["name"].(string))
		}
		ends, _ := step["end"].([]any)
		for i := range ends {
			ends[i] = rename(ends[i].(string))
		}
	}
	return steps
}

func loadDiscoveryCase() outcome {
	r := newReader()
	value := map[string]any{"nlu": []any{}, "stories": []any{}, "test_stories": []any{}}
	add := func(key, path string) { value[key] = append(value[key].([]any), path) }
	for _, f := range r.find([]string{"data"}) {
		data, ok := r.dataFile(f.path)
		if !ok {
			continue
		}
		if isNLUFile(f.path, data) {
			add("nlu", f.path)
		}
		if isStoryFile(f.path, data) {
			add("stories", f.path)
			if strings.HasPrefix(filepath.Base(f.path), "test_") {
				add("test_stories", f.path)
			}
		}
	}
	return r.outcome(value)
}

func loadProjectCase(e *expectation) outcome {
	p, err := Load(Paths{Config: "config.yml", Domain: domainCasePath(), Data: []string{"data"}})
	var out outcome
	if errors.As(err, &out.errors) {
		return out
	}
	out.warnings = p.Warnings
	out.value = map[string]any{}
	for _, section := range e.Options.Sections {
		switch section {
		case "domain":
			out.value["domain"] = reducedDomain(p.Domain)
		case "nlu":
			out.value["nlu"] = reducedNLU(p)
		case "steps":
			out.value["steps"] = numberedSteps(ShowSteps(p.Steps))
		case "messages":
			out.value["messages_added_from_stories"] = sortedList(showMessages(p.Steps)[len(dialogue.DefaultActions):])
		}
	}
	return out
}

func loadConfigCase() outcome {
	c, err := LoadConfig("config.yml")
	var out outcome
	errors.As(err, &out.errors)
	out.value = ShowConfig(c)
	return out
}

// loadRecipeCase makes the checks before a training and lists the parts that it would train.
func loadRecipeCase(e *expectation) outcome {
	p, err := Load(Paths{Config: "config.yml", Domain: "domain.yml", Data: []string{"data"}})
	var out outcome
	if errors.As(err, &out.errors) {
		return out
	}
	out.warnings = p.Warnings
	for _, problem := range CheckRecipe(p, Training{NLU: e.Options.Training != "CORE", Core: e.Options.Training != "NLU"}) {
		if problem.Severity == SeverityError {
			out.errors = append(out.errors, problem)
			continue
		}
		out.warnings = append(out.warnings, problem)
	}
	pipeline, policies, automatic := p.Config.Pipeline, p.Config.Policies, []any{}
	if pipeline == nil {
		pipeline, automatic = nlu.DefaultPipeline(), append(automatic, "pipeline")
	}
	if policies == nil {
		policies, automatic = policy.DefaultPolicies(), append(automatic, "policies")
	}
	nodes := []any{}
	for i, c := range pipeline {
		name := c.Name[strings.LastIndexByte(c.Name, '.')+1:]
		if !slices.Contains([]string{"WhitespaceTokenizer", "FallbackClassifier", "DucklingEntityExtractor"}, name) {
			nodes = append(nodes, fmt.Sprintf("train_%s%d", name, i))
		}
	}
	for i, c := range policies {
		nodes = append(nodes, fmt.Sprintf("train_%s%d", c.Name, i))
	}
	out.value = map[string]any{"trained_nodes": nodes, "auto_configured": automatic, "language": p.Config.Language}
	return out
}

func loadEndpointsCase() outcome {
	e, err := LoadEndpoints("endpoints.yml")
	var out outcome
	if errors.As(err, &out.errors) {
		return out
	}
	out.value = ShowEndpoints(e)
	return out
}

func loadCredentialsCase(e *expectation) outcome {
	list, err := LoadCredentials("credentials.yml")
	var out outcome
	if errors.As(err, &out.errors) {
		return out
	}
	channels := []any{}
	for _, c := range list {
		if e.Options.Connector == "" || e.Options.Connector == c.Channel {
			channels = append(channels, map[string]any{"name": c.Channel})
		}
	}
	out.value = map[string]any{"channels": channels}
	return out
}

func loadRewriteCase(t *testing.T, e *expectation) outcome {
	t.Helper()
	data, err := os.ReadFile("config.yml")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "config.yml")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	var out outcome
	runs := []any{}
	for range max(e.Options.Runs, 1) {
		warnings, err := CompleteConfig(path, Training{NLU: true, Core: true}, func() string { return "<generated-id>" })
		if errors.As(err, &out.errors) {
			return out
		}
		out.warnings = append(out.warnings, warnings...)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, string(data))
	}
	out.value = map[string]any{"file_after_run": runs}
	return out
}

func loadLegacyCase() outcome {
	r := newReader()
	r.legacy = true
	if _, err := os.Stat("domain.yml"); err == nil {
		raw := r.readDomain([]string{"domain.yml"})
		if raw == nil {
			return r.outcome(nil)
		}
		d := r.buildDomain(raw)
		if d == nil {
			return r.outcome(nil)
		}
		return r.outcome(map[string]any{"responses": ShowDomain(d)["responses"]})
	}
	t := r.newTraining()
	s := r.newStories(nil, false)
	for _, f := range r.find([]string{"data"}) {
		if data, ok := r.dataFile(f.path); ok {
			t.readFile(f.path, data)
			s.readFile(f.path, data)
		}
	}
	if len(s.steps) > 0 {
		steps := numberedSteps(ShowSteps(s.steps))
		for _, step := range steps {
			delete(step.(map[string]any), "file")
		}
		return r.outcome(map[string]any{"steps": steps})
	}
	p := &Project{NLU: t.data()}
	p.loaded.data = t
	return r.outcome(reducedNLU(p))
}
