package agent_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/agent"
	"parley/dialogue"
	"parley/model"
)

// textConfig is of a bot whose pipeline finds no entities.
const textConfig = `
recipe: default.v1
assistant_id: test
language: en
pipeline:
- name: WhitespaceTokenizer
- name: CountVectorsFeaturizer
- name: KeywordIntentClassifier
policies:
- name: MemoizationPolicy
- name: RulePolicy
- name: TEDPolicy
  max_history: 5
`

const textDomain = `
intents: [greet]
entities: [name, city]
slots:
  name:
    type: text
    mappings: [{type: from_entity, entity: name}]
  city:
    type: text
    influence_conversation: false
    mappings: [{type: from_entity, entity: city}]
responses:
  utter_greet: [{text: Hello}]
  utter_name: [{text: A nice name}]
  utter_city: [{text: A nice city}]
`

// textStories are end-to-end stories with entities in texts, and a story by intents unless the texts are all.
func textStories(onlyTexts bool) string {
	var b strings.Builder
	b.WriteString("stories:\n")
	for i, name := range []string{"Sara", "Tom Miller", "Anna", "Peter", "Mary Ann", "John", "Julia", "Frank"} {
		city := []string{"Berlin", "New York", "Paris", "Rome", "San Francisco", "Oslo", "London", "Vienna"}[i]
		fmt.Fprintf(&b, "- story: name %d\n  steps: [{user: \"my name is [%s](name)\"}, {action: utter_name}, {user: \"I live in [%s](city)\"}, {action: utter_city}]\n", i, name, city)
		fmt.Fprintf(&b, "- story: both %d\n  steps: [{user: \"I am [%s](name) from [%s](city)\"}, {action: utter_name}]\n", i, name, city)
	}
	if !onlyTexts {
		b.WriteString("- story: greet\n  steps: [{intent: greet}, {action: utter_greet}]\n")
	}
	return b.String()
}

// found are the entities that policies found in the conversation, as JSON without their confidences, which are checked.
func (b *bot) found(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, e := range b.tracker(t).Events(0) {
		added, ok := e.(*dialogue.EntitiesAdded)
		if !ok {
			continue
		}
		data := dialogue.AppendEventJSON(nil, added)
		var event struct {
			Event    string           `json:"event"`
			Entities []map[string]any `json:"entities"`
		}
		if err := json.Unmarshal(data, &event); err != nil {
			t.Fatal(err)
		}
		for _, e := range event.Entities {
			if p, ok := e["confidence_entity"].(float64); !ok || p <= 0 || p > 1 {
				t.Errorf("confidence_entity is %v in %s", e["confidence_entity"], data)
			}
			delete(e, "confidence_entity")
			text, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, event.Event+" "+string(text))
		}
	}
	return list
}

func (b *bot) slots(t *testing.T) string {
	t.Helper()
	at := b.tracker(t)
	name, _ := at.Slot("name")
	city, _ := at.Slot("city")
	return fmt.Sprint(name, " ", city)
}

// TestTEDPolicyFindsEntitiesInTexts holds the order of events, and slots. Those of texts only are the reference's, trained on the same
// stories: the action after the first one extracts slots again, from the entities that the first one's event added. With intents too,
// every message to the reference fails.
func TestTEDPolicyFindsEntitiesInTexts(t *testing.T) {
	t.Parallel()
	type line struct{ text, events, slots string }
	const name, city = `entities {"end":17,"entity":"name","extractor":"TEDPolicy","start":11,"value":"Robert"}`,
		`entities {"end":17,"entity":"city","extractor":"TEDPolicy","start":10,"value":"Hamburg"}`
	for _, c := range []struct {
		name      string
		onlyTexts bool
		lines     []line
	}{
		{"texts and intents", false, []line{
			{"my name is Robert", start + "U() EA UF(true) A(utter_name) B A(action_listen)", "<nil> <nil>"},
			{"I live in Hamburg", "U() EA UF(true) A(utter_city) B A(action_listen)", "<nil> <nil>"},
			{"/greet", "U(greet) UF(false) A(utter_greet) B A(action_listen)", "<nil> <nil>"},
		}},
		{"texts only", true, []line{
			{"my name is Robert", start + "U() EA UF(true) A(utter_name) B S(name=Robert) A(action_listen)", "Robert <nil>"},
			{"I live in Hamburg", "U() EA UF(true) A(utter_city) B S(city=Hamburg) A(action_listen)", "Robert Hamburg"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBotWith(t, textConfig, textDomain, textStories(c.onlyTexts), agent.Config{})
			for _, l := range c.lines {
				expect(t, l.text, confidence.ReplaceAllString(b.say(t, l.text), ""), confidence.ReplaceAllString(l.events, ""))
				if got := b.slots(t); got != l.slots {
					t.Errorf("%s: slots %s, want %s", l.text, got, l.slots)
				}
			}
			if diff := cmp.Diff([]string{name, city}, b.found(t)); diff != "" {
				t.Errorf("entities (-want +got):\n%s", diff)
			}
		})
	}
}

// confidence is the part of an action that says who predicted it.
var confidence = regexp.MustCompile(`\[[^\]]*\]`)

func TestTextsWithoutEntityRecognition(t *testing.T) {
	t.Parallel()
	b := newBotWith(t, textConfig+"  entity_recognition: false\n", textDomain, textStories(false), agent.Config{})
	expect(t, "a text", confidence.ReplaceAllString(b.say(t, "my name is Robert"), ""),
		confidence.ReplaceAllString(start, "")+"U() UF(true) A(utter_name) B A(action_listen)")
}

// TestEntitiesOfTextsAreKeptInTheModel saves and loads a model with a tagger, whose bytes two trainings share.
func TestEntitiesOfTextsAreKeptInTheModel(t *testing.T) {
	t.Parallel()
	b := newBotWith(t, textConfig, textDomain, textStories(false), agent.Config{})
	path := filepath.Join(t.TempDir(), "model.tar.gz")
	if err := b.Model().Save(path); err != nil {
		t.Fatal(err)
	}
	loaded, err := model.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Swap(loaded); err != nil {
		t.Fatal(err)
	}
	b.say(t, "my name is Robert")
	want := []string{`entities {"end":17,"entity":"name","extractor":"TEDPolicy","start":11,"value":"Robert"}`}
	if diff := cmp.Diff(want, b.found(t)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	section := func(m *model.Model) (section []byte) {
		if err := m.Policies.Save(func(name string, data []byte) error {
			if name == "policies.2.TEDPolicy" {
				section = data
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return section
	}
	other := newBotWith(t, textConfig, textDomain, textStories(false), agent.Config{})
	if got := section(other.Model()); len(got) == 0 || !bytes.Equal(got, section(loaded)) {
		t.Error("two trainings give different policies")
	}
}
