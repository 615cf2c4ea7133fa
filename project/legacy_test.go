package project_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/project"
)

func loadLegacy(t *testing.T, files map[string]string) *project.Project {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := project.Load(project.Paths{Domain: filepath.Join(dir, "domain.yml"), Data: []string{filepath.Join(dir, "data")}, Legacy: true})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLegacyReadsAProjectOfTheFirstVersions(t *testing.T) {
	t.Parallel()
	p := loadLegacy(t, map[string]string{
		"domain.yml": `intents:
- greet
- inform: {use_entities: false}
entities: [city]
slots:
  zone: {type: unfeaturized}
  city: {type: text}
templates:
  utter_greet: ["hi", {text: "hello"}]
actions: [utter_greet, action_go]
forms: [trip_form]
`,
		"data/nlu.md": "## intent:greet\n- hi\n<!-- - not\n- this -->\n## intent:inform\n- to [Rome](city)\n## intent:chitchat/name\n- who are you\n",
		"data/responses.md": `## name
* chitchat/name
  - I am\nParley
`,
		"data/README.md": "# Notes\n* these are notes, not stories\n- really\n",
		"data/stories.md": `## travel
* greet
  - utter_greet
* inform{"city": "Rome"} OR inform{"city": "Oslo"}
  - slot{"city": "Rome"}
  - trip_form
  - form{"name": "trip_form"}
  - form: asked
  - form{"name": null}
  - action_go
  - restart
`,
	})
	domain := project.ShowDomain(p.Domain)
	slots, _ := domain["slots"].([]any)
	var names []any
	for _, s := range slots {
		slot, _ := s.(map[string]any)
		names = append(names, []any{slot["name"], slot["type"], slot["mappings"]})
	}
	wantSlots := []any{
		[]any{"city", "text", []any{map[string]any{"type": "from_entity", "entity": "city"}}},
		[]any{"zone", "any", []any{map[string]any{"type": "custom"}}},
		[]any{"requested_slot", "text", []any{}},
		[]any{"session_started_metadata", "any", []any{}},
	}
	if diff := cmp.Diff(wantSlots, names); diff != "" {
		t.Errorf("slots (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]any{map[string]any{"text": "hi"}, map[string]any{"text": "hello"}}, domain["responses"].(map[string]any)["utter_greet"]); diff != "" {
		t.Errorf("responses (-want +got):\n%s", diff)
	}
	if got := p.NLU.Responses["utter_chitchat/name"]; len(got) != 1 || got[0].Body["text"] != "I am\nParley" {
		t.Errorf("retrieval responses: %v", p.NLU.Responses)
	}
	if len(p.NLU.Examples) != 3 || p.NLU.Examples[2].ResponseKey != "chitchat/name" {
		t.Errorf("examples: %+v", p.NLU.Examples)
	}
	if len(p.Steps) != 3 || len(p.Steps[2].Events) != 6 {
		t.Errorf("steps: %v", project.ShowSteps(p.Steps))
	}
}

func TestLegacyMovesFormMappingsToSlots(t *testing.T) {
	t.Parallel()
	p := loadLegacy(t, map[string]string{"domain.yml": `version: "2.0"
intents: [greet, inform]
entities: [city, name]
slots:
  city: {type: text, influence_conversation: false}
  name: {type: text, auto_fill: false}
  people: {type: float}
forms:
  book_form:
    ignored_intents: [greet]
    required_slots:
      city:
      - {type: from_entity, entity: city}
      people:
      - {type: from_entity, entity: city}
      - {type: from_text, intent: inform}
  other_form:
    people:
    - {type: from_text, intent: inform}
    name:
    - {type: from_trigger_intent, intent: greet, value: bob}
`})
	domain := project.ShowDomain(p.Domain)
	raw, _ := domain["as_dict"].(map[string]any)
	condition := func(form, slot string) map[string]any {
		if slot == "" {
			return map[string]any{"active_loop": form}
		}
		return map[string]any{"active_loop": form, "requested_slot": slot}
	}
	want := map[string]any{
		"city": map[string]any{"type": "text", "influence_conversation": false, "mappings": []any{
			map[string]any{"type": "from_entity", "entity": "city", "conditions": []any{condition("book_form", "")}},
			map[string]any{"type": "from_entity", "entity": "city"},
		}},
		"name": map[string]any{"type": "text", "mappings": []any{
			map[string]any{"type": "from_trigger_intent", "intent": "greet", "value": "bob", "conditions": []any{condition("other_form", "")}},
		}},
		"people": map[string]any{"type": "float", "mappings": []any{
			map[string]any{"type": "from_entity", "entity": "city", "conditions": []any{condition("book_form", "")}},
			map[string]any{"type": "from_text", "intent": "inform", "conditions": []any{condition("book_form", "people"), condition("other_form", "people")}},
		}},
	}
	if diff := cmp.Diff(want, raw["slots"]); diff != "" {
		t.Errorf("slots (-want +got):\n%s", diff)
	}
	wantForms := map[string]any{
		"book_form":  map[string]any{"required_slots": []any{"city", "people"}, "ignored_intents": []any{"greet"}},
		"other_form": map[string]any{"required_slots": []any{"people", "name"}},
	}
	if diff := cmp.Diff(wantForms, raw["forms"]); diff != "" {
		t.Errorf("forms (-want +got):\n%s", diff)
	}
}
