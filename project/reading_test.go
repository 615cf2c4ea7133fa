package project_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
	"parley/project"
)

func TestMetadataIsKeptUnlessItIsNull(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]map[string]any{
		`{}`: {"intent": map[string]any{}}, `""`: {"intent": ""}, `[]`: {"intent": []any{}}, `null`: nil, `{m: 1}`: {"intent": map[string]any{"m": 1}},
	} {
		dir := t.TempDir()
		write(t, dir, map[string]string{"domain.yml": plainDomain, "data/nlu.yml": "nlu:\n- intent: greet\n  metadata: " + in + "\n  examples: |\n    - hello\n"})
		p, err := project.Load(project.Paths{Domain: filepath.Join(dir, "domain.yml"), Data: []string{filepath.Join(dir, "data")}})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, p.NLU.Examples[0].Metadata); diff != "" {
			t.Errorf("metadata: %s (-want +got):\n%s", in, diff)
		}
	}
}

func TestStoriesSkipAnOrWithAnImpossibleSlot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, warnings, p := loadProblems(t, dir, map[string]string{"domain.yml": plainDomain, "data/stories.yml": `stories:
- story: s
  steps:
  - intent: greet
  - or:
    - slot_was_set:
      - a: 1
    - slot_was_set:
      - null
  - action: utter_x
`})
	if !strings.Contains(warnings, "slot_was_set with") {
		t.Errorf("warnings: %s", warnings)
	}
	if len(p.Steps) != 1 || len(p.Steps[0].Events) != 2 {
		t.Errorf("the or is not skipped: %+v", p.Steps)
	}
}

func TestStoriesWarnOfAShortcutThatEndsOddly(t *testing.T) {
	t.Parallel()
	for text, warned := range map[string]bool{"/greet{bad": true, "/greet@0.5x": true, "/greet{}": true, "/greet@0.5": false, "/greet[a=b]": false, `/greet{"a": "b"}`: false} {
		dir := t.TempDir()
		_, warnings, p := loadProblems(t, dir, map[string]string{
			"domain.yml":       plainDomain,
			"data/stories.yml": "stories:\n- story: s\n  steps:\n  - intent: greet\n    user: |\n      " + text + "\n  - action: utter_x\n",
		})
		if got := strings.Contains(warnings, "has a text whose end"); got != warned {
			t.Errorf("%s: warned %t, want %t: %s", text, got, warned, warnings)
		}
		if u, ok := p.Steps[0].Events[0].(*dialogue.UserUttered); !ok || *u.Text != text {
			t.Errorf("%s: the text is lost: %+v", text, p.Steps[0].Events[0])
		}
	}
}

func TestYAMLOfVersionOneTwoIsReadAndDeleteIsNot(t *testing.T) {
	t.Parallel()
	d, err := project.ParseDomain("domain.yml", []byte("%YAML 1.2\n---\nversion: \"3.1\"\nintents: [yes]\n"))
	if err != nil || !d.HasIntent("yes") {
		t.Errorf("the directive of YAML 1.2: %v", err)
	}
	_, err = project.ParseDomain("domain.yml", []byte("version: \"3.1\"\nintents: [a\x7f]\n"))
	if err == nil || !strings.Contains(err.Error(), "domain.yml:2: not YAML: the character U+007F") {
		t.Errorf("U+007F: %v", err)
	}
}

func TestDomainSchemaFollowsTheReference(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{ // what follows version, in line 1
		"entities:\n- e:\n    roles: [1, to]\n    groups: [2.5]\n": "",
		"intents:\n- a: {triggers: 5}\n":                           `domain.yml:3: intent "a" triggers the action "5"`,
		"intents:\n- a\n- []\n":                                    "domain.yml:3: expected a mapping, found a list in line 4 at /intents/1",
		"intents: {}\n":                                            "domain.yml:1: expected a list, found a mapping in line 2",
		"slots:\n  s: {}\n":                                        `domain.yml:3: the key "type" is missing at /slots/s`,
		"slots:\n  s:\n    type: text\n    mappings:\n    - type: from_entity\n      entity: [e]\n": "domain.yml:7: expected a text, found a list at /slots/s/mappings/0/entity",
		"slots:\n  s:\n    type: text\n    mappings:\n    - type: from_entity\n      entity: 5\n":   "domain.yml:6: expected a text (put it in quotes), found the number 5 in line 7 at /slots/s/mappings/0/entity",
		"slots:\n  s:\n    type: any\n    mappings:\n    - type: custom\n      action: true\n":      "domain.yml:6: expected a text (put it in quotes), found the truth value true in line 7 at /slots/s/mappings/0/action",
		"responses:\n  utter_a:\n  - {}\n": "domain.yml:4: a response needs a text or a custom payload at /responses/utter_a/0",
		"entities: [e]\nslots:\n  s:\n    type: text\n    mappings:\n    - type: from_entity\n      entity: e\n      role: {}\n": "domain.yml:7: expected a text, found a mapping in line 9",
	} {
		d, err := project.ParseDomain("domain.yml", []byte("version: \"3.1\"\n"+in))
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", in, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: got %v, want %s", in, err, want)
		}
		if want == "" {
			if e, _ := d.Entity("e"); !cmp.Equal([]string{"1", "to"}, e.Roles) || !cmp.Equal([]string{"2.5"}, e.Groups) {
				t.Errorf("roles %v, groups %v", e.Roles, e.Groups)
			}
		}
	}
}

func TestConfigNamesItsRecipeAndComponents(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"recipe: \"\"\n":                                     `config.yml:1: the recipe "" does not exist`,
		"recipe: 5\n":                                        `config.yml:1: the recipe "5" does not exist`,
		"recipe: default.v1\npipeline:\n- {}\n":              `config.yml:3: the key "name" is missing at /pipeline/0`,
		"recipe: default.v1\npolicies:\n- name: A\n- {}\n":   `config.yml:3: the key "name" is missing at /policies/1`,
		"recipe: default.v1\npipeline: []\npolicies: null\n": "",
	} {
		dir := t.TempDir()
		write(t, dir, map[string]string{"config.yml": in})
		_, err := project.LoadConfig(filepath.Join(dir, "config.yml"))
		if got := fmt.Sprint(err); want == "" && err != nil || !strings.Contains(got, want) {
			t.Errorf("%s: got %v, want %s", in, err, want)
		}
	}
}
