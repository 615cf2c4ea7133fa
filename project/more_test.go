package project_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
	"parley/project"
)

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLoadTakesFilesAsDataPaths(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"domain.yml": plainDomain, "nlu.yml": plainNLU, "notes.txt": "nlu:\n", "other.yml": "nlu:\n- intent: other\n  examples: |\n    - x\n",
		"rules.yml": "rules:\n- rule: r\n  steps:\n  - intent: greet\n  - action: utter_x\n",
	})
	p, err := project.Load(project.Paths{
		Domain: filepath.Join(dir, "domain.yml"),
		Data:   []string{filepath.Join(dir, "rules.yml"), filepath.Join(dir, "nlu.yml"), filepath.Join(dir, "nlu.yml"), filepath.Join(dir, "notes.txt"), filepath.Join(dir, "nowhere")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.NLU.Examples) != 2 || len(p.Steps) != 1 {
		t.Errorf("%d examples, %d steps", len(p.NLU.Examples), len(p.Steps))
	}
}

func TestLoadReadsOneDocumentWithEverything(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{"all.yml": `recipe: default.v1
language: en
assistant_id: x
pipeline: []
policies:
- name: RulePolicy
  core_fallback_threshold: 0.4
intents: [greet]
responses:
  utter_hi: [{text: hi}]
nlu:
- intent: greet
  examples: |
    - hi
rules:
- rule: hi
  steps:
  - intent: greet
  - action: utter_hi
`})
	file := filepath.Join(dir, "all.yml")
	p, err := project.Load(project.Paths{Config: file, Domain: file, Data: []string{file}})
	if err != nil {
		t.Fatal(err)
	}
	if p.Config.Pipeline == nil || len(p.Config.Pipeline) != 0 {
		t.Errorf("an empty pipeline became %v", p.Config.Pipeline)
	}
	if got := p.Config.Policies; len(got) != 1 || got[0].Name != "RulePolicy" || got[0].Options["core_fallback_threshold"] != 0.4 || got[0].Line != 6 {
		t.Errorf("policies %+v", got)
	}
	if len(p.NLU.Examples) != 1 || len(p.Steps) != 1 || len(p.Domain.Responses["utter_hi"]) != 1 {
		t.Errorf("%+v", project.Show(p))
	}
}

func TestDomainFilesOfOldVersionsAreUpgradedTogether(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"domain/slots.yml": "version: \"2.0\"\nentities: [city]\nslots:\n  city: {type: text}\n  tail: {type: text}\n",
		"domain/forms.yml": "version: \"2.0\"\nforms:\n  f:\n    required_slots:\n      tail: [{type: from_text}]\n",
	})
	p, err := project.Load(project.Paths{Domain: filepath.Join(dir, "domain"), Legacy: true})
	if err != nil {
		t.Fatal(err)
	}
	slot, ok := p.Domain.Slot("tail")
	if !ok || len(slot.Mappings) != 1 || slot.Mappings[0].Conditions[0].RequestedSlot != "tail" || *slot.Mappings[0].Conditions[0].ActiveLoop != "f" {
		t.Errorf("slot %+v", slot)
	}
	if form, ok := p.Domain.Form("f"); !ok || !cmp.Equal(form.RequiredSlots, []string{"tail"}) {
		t.Errorf("form %+v", form)
	}
}

func TestMarkdownStoriesHoldTextsEventsAndRules(t *testing.T) {
	t.Parallel()
	p := loadLegacy(t, map[string]string{
		"domain.yml": "intents: [greet, inform]\nslots: {}\n",
		"data/test_stories.md": `## texts
* inform: I live in [Rome](city)
  - action_a
* greet: /greet{"name": "Ann"}
  - slot["old"]
  - reset_slots
  - followup{"name": "action_b"}
  - export{"path": "x"}
  - reminder{"intent": "greet", "date_time": "2020-01-01", "name": "r", "kill_on_user_msg": false}
>> rule
* greet@0.9
- action_c
`,
	})
	var got []string
	for _, s := range p.Steps {
		for _, e := range s.Events {
			text := string(e.Kind())
			switch e := e.(type) {
			case *dialogue.UserUttered:
				text += " " + e.Parse.Intent.Name
				if e.Text != nil {
					text += " " + *e.Text
				}
				for _, entity := range e.Parse.Entities {
					text += " " + entity.Entity
				}
			case *dialogue.ActionExecuted:
				text += " " + e.Name
			case *dialogue.ReminderScheduled:
				text += " " + e.Name + " " + e.DateTime
			}
			got = append(got, text)
		}
	}
	want := []string{
		"user inform I live in Rome city", "action action_a", `user greet /greet{"name": "Ann"} name`, "slot", "reset_slots", "followup", "export",
		"reminder r 2020-01-01", "action ...", "user greet", "action action_c",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !p.Steps[1].Rule {
		t.Error("the rule is no rule")
	}
}

func TestEndpointsNameWhatIsWrong(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "endpoints.yml")
	text := "models:\n  url: http://m\n  wait_time_between_pulls: soon\ntracker_store: redis\naction_endpoint:\n  url: http://a\n  headers: [x]\n  basic_auth: me\nnlg: {type: foo}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := project.LoadEndpoints(path)
	if err == nil {
		t.Fatal("no error")
	}
	want := `endpoints.yml:7: headers must be a mapping, not a list (write name: value below it)
endpoints.yml:8: action_endpoint: basic_auth must be a mapping, not the text "me" (write username: and password: below it)
endpoints.yml:4: tracker_store must be a mapping, not the text "redis" (write url: below it)
endpoints.yml:3: wait_time_between_pulls must be a number of seconds, not the text "soon"
endpoints.yml:9: nlg has the unknown type "foo" (the types are callback and response)`
	if diff := cmp.Diff(want, strings.ReplaceAll(err.Error(), filepath.Dir(path)+"/", "")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := os.WriteFile(path, []byte("models: {url: 'http://m', wait_time_between_pulls: null}\nlock_store: {type: redis, url: r, port: '6380'}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := project.LoadEndpoints(path)
	if err != nil || e.Models.WaitTimeBetweenPulls != 0 || e.LockStore.Type != "redis" || !cmp.Equal(e.LockStore.Options, map[string]any{"url": "r", "port": "6380"}) {
		t.Errorf("%+v %v", e, err)
	}
}

func TestEventBrokerWithoutATypeKeepsItsKeys(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "endpoints.yml")
	if err := os.WriteFile(path, []byte("event_broker: {url: q, username: u, password: p}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := project.LoadEndpoints(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]any{"url": "q", "username": "u", "password": "p"}; e.EventBroker.Type != "" || !cmp.Equal(want, e.EventBroker.Options) {
		t.Errorf("%+v", e.EventBroker)
	}
	want := map[string]any{"event_broker": map[string]any{"url": "q", "token_name": "token", "kwargs": map[string]any{"username": "u", "password": "p"}}}
	if diff := cmp.Diff(want, project.ShowEndpoints(e)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMergeKeysOfYAMLTakeMappingsAndLists(t *testing.T) {
	t.Parallel()
	d, err := project.ParseDomain("domain.yml", []byte(`a: &a {type: text, mappings: []}
b: &b {type: bool, influence_conversation: false}
slots:
  one: {<<: *a}
  two: {<<: [*b, *a]}
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range d.Slots {
		got = append(got, s.Name+" "+string(s.Type))
	}
	if want := []string{"one text", "two bool", "session_started_metadata any"}; !cmp.Equal(want, got) {
		t.Errorf("%v, want %v", got, want)
	}
	if _, err := project.ParseDomain("domain.yml", []byte("slots: {<<: {a: 1}, <<: {b: 1}}")); err == nil || !strings.Contains(err.Error(), "already used") {
		t.Error(err)
	}
	if _, err := project.ParseDomain("domain.yml", []byte("slots: {<<: 5}")); err == nil || !strings.Contains(err.Error(), "<< needs a mapping") {
		t.Error(err)
	}
}
