package evaluate

import (
	"os"
	"path/filepath"
	"testing"

	"parley/model"
	"parley/project"
)

// travel is a bot without a learned part.
var travel = map[string]string{
	"config.yml": `recipe: default.v1
assistant_id: travel
language: en
pipeline:
- name: WhitespaceTokenizer
- name: RegexEntityExtractor
  use_lookup_tables: true
- name: KeywordIntentClassifier
- name: EntitySynonymMapper
policies:
- name: MemoizationPolicy
- name: RulePolicy
`,
	"domain.yml": `version: "3.1"
intents: [greet, inform, ask, stop]
entities:
- city:
    roles: [from, to]
slots:
  city:
    type: text
    mappings:
    - type: from_entity
      entity: city
forms:
  trip_form:
    required_slots: [city]
responses:
  utter_greet:
  - text: Hello
  utter_city:
  - text: Noted
  utter_ask_city:
  - text: Where to?
  utter_answer:
  - text: An answer
  utter_done:
  - text: Done
`,
	"data/nlu.yml": `version: "3.1"
nlu:
- intent: greet
  examples: |
    - hello
    - hi
- intent: inform
  examples: |
    - to [Rome](city)
    - from [Oslo](city)
- intent: ask
  examples: |
    - why
    - how
- intent: stop
  examples: |
    - stop
- lookup: city
  examples: |
    - Rome
    - Oslo
    - big apple
- synonym: New York
  examples: |
    - big apple
`,
	"data/rules.yml": `version: "3.1"
rules:
- rule: greet
  steps:
  - intent: greet
  - action: utter_greet
- rule: ask for a trip
  steps:
  - intent: ask
  - action: trip_form
  - active_loop: trip_form
- rule: trip is known
  condition:
  - active_loop: trip_form
  steps:
  - action: trip_form
  - active_loop: null
  - slot_was_set:
    - requested_slot: null
  - action: utter_done
`,
	"data/stories.yml": `version: "3.1"
stories:
- story: city
  steps:
  - intent: inform
    entities:
    - city: Rome
  - slot_was_set:
    - city: Rome
  - action: utter_city
`,
}

// loadBot reads a bot's files, some of them replaced.
func loadBot(t *testing.T, replaced map[string]string) *project.Project {
	t.Helper()
	dir := t.TempDir()
	write := func(files map[string]string) {
		for name, text := range files {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(travel)
	write(replaced)
	p, err := project.Load(project.Paths{
		Config: filepath.Join(dir, "config.yml"), Domain: filepath.Join(dir, "domain.yml"), Data: []string{filepath.Join(dir, "data")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// trainBot trains it.
func trainBot(t *testing.T, replaced map[string]string) *model.Model {
	t.Helper()
	m, err := model.Train(t.Context(), loadBot(t, replaced), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// writeFile writes a file into a folder of its own and gives its path.
func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
