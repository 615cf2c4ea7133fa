package project_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/project"
)

// message is a fact that the reference's command line prints.
type message struct {
	Level    string   `json:"level"`
	Class    string   `json:"class"`
	Contains []string `json:"contains"`
}

// commandCase is a run of the command line.
type commandCase struct {
	Base     string    `json:"base"`
	Args     []string  `json:"args"`
	Remove   []string  `json:"remove"`
	Exit     int       `json:"exit"`
	Messages []message `json:"messages"`
}

// asksOthers are the validations that other packages or the command line answer.
func asksOthers(name string) bool {
	for _, part := range []string{"conflict", "max-history", "data-dir-missing", "domain-missing-file", "config-missing"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o750)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestValidateAgreesWithTheReferencesCommandLine(t *testing.T) {
	t.Parallel()
	needShared(t)
	cases, err := filepath.Glob(filepath.Join(shared, "conformance", "cli", "cases", "validate-*"))
	if err != nil || len(cases) == 0 {
		t.Fatal("no cases", err)
	}
	for _, dir := range cases {
		name := filepath.Base(dir)
		if asksOthers(name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(filepath.Join(dir, "expected.json"))
			if err != nil {
				t.Fatal(err)
			}
			var c commandCase
			if err := json.Unmarshal(data, &c); err != nil {
				t.Fatal(err)
			}
			work := t.TempDir()
			copyTree(t, filepath.Join(shared, "conformance", "cli", "bots", c.Base), work)
			copyTree(t, dir, work)
			for _, path := range c.Remove {
				if err := os.RemoveAll(filepath.Join(work, path)); err != nil {
					t.Fatal(err)
				}
			}
			var found []project.Problem
			p, err := project.Load(project.Paths{
				Config: filepath.Join(work, "config.yml"), Domain: filepath.Join(work, "domain.yml"), Data: []string{filepath.Join(work, "data")},
			})
			if problems, ok := errors.AsType[project.Problems](err); ok {
				found = problems
			} else {
				found = append(slices.Clone(p.Warnings), project.Validate(p)...)
			}
			exit := 0
			for i := range found {
				inLoad := p != nil && slices.Contains(p.Warnings, found[i])
				strict := slices.Contains(c.Args, "--fail-on-warnings")
				if found[i].Severity == project.SeverityError || strict && !inLoad && found[i].Severity == project.SeverityWarning {
					exit = 1
				}
			}
			if exit != c.Exit {
				t.Errorf("exit %d, want %d: %s", exit, c.Exit, project.Problems(found).Error())
			}
			for _, m := range c.Messages {
				said := func(p project.Problem) bool {
					text := p.Error()
					if m.Class != "UserWarning" && m.Class != "" && p.Class != m.Class {
						return false
					}
					return !slices.ContainsFunc(m.Contains, func(s string) bool { return !strings.Contains(text, s) })
				}
				if m.Level != "info" && len(m.Contains) > 0 && !slices.ContainsFunc(found, said) {
					t.Errorf("nothing says %+v; said was:\n%s", m, project.Problems(found).Error())
				}
			}
		})
	}
}

// load writes files into a folder and loads them as a project.
func load(t *testing.T, files map[string]string) (*project.Project, string) {
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
	p, err := project.Load(project.Paths{Domain: filepath.Join(dir, "domain.yml"), Data: []string{filepath.Join(dir, "data")}})
	if err != nil {
		t.Fatal(err)
	}
	return p, dir
}

func TestValidateNamesFileLineAndWhatToDo(t *testing.T) {
	t.Parallel()
	p, dir := load(t, map[string]string{
		"domain.yml": `version: "3.1"
intents: [greet, inform, idle]
entities: [city]
slots:
  city:
    type: text
    mappings:
    - type: from_entity
      entity: citty
  age:
    type: float
    mappings: []
responses:
  utter_greet: [{text: hi}]
  utter_extra: [{text: extra}]
  extra: [{text: of another name}]
forms:
  trip:
    required_slots: [city, gost]
`,
		"data/nlu.yml": `version: "3.1"
nlu:
- intent: greet
  examples: |
    - hi
    - hello there
- intent: inform
  examples: |
    - hello there
    - rome
`,
		"data/stories.yml": `version: "3.1"
stories:
- story: one
  steps:
  - intent: greet
  - action: utter_gret
  - action: action_go
  - intent: inform
  - slot_was_set:
    - town: Rome
`,
	})
	var got []string
	for _, problem := range project.Validate(p) {
		got = append(got, problem.Severity+" "+problem.Code+" "+strings.TrimPrefix(problem.Error(), dir+"/"))
	}
	want := []string{
		`error unknown-action data/stories.yml:7: "one" uses the action "action_go", which the domain does not list (add it to the actions of the domain)`,
		`error unknown-slot domain.yml:19: the form "trip" requires the slot "gost", which the domain does not have (add it to the slots of the domain)`,
		`warning duplicate-example data/nlu.yml:6: the example "hello there" belongs to several intents: greet, inform (keep it for one of them)`,
		`warning unknown-response data/stories.yml:6: "one" uses the response "utter_gret", which does not exist (is utter_greet meant? otherwise add it to the responses of the domain)`,
		`note no-examples domain.yml:2: the intent "idle" has no examples (add examples, or remove it from the domain)`,
		`note unknown-slot data/stories.yml:10: "one" sets the slot "town", which the domain does not have (add it to the slots of the domain)`,
		`note unused-intent domain.yml:2: no story or rule uses the intent "idle" (write a story or rule that answers it)`,
		`note unused-response domain.yml:14: no story or rule uses the response "utter_greet" (use it in a story or rule, unless a custom action does)`,
		`note unused-response domain.yml:15: no story or rule uses the response "utter_extra" (use it in a story or rule, unless a custom action does)`,
		`note unused-response domain.yml:16: no story or rule uses the response "extra" (use it in a story or rule, unless a custom action does)`,
		`note no-question domain.yml:19: the form "trip" asks no question for the slot "city" (add the response utter_ask_trip_city or utter_ask_city)`,
		`note unknown-entity domain.yml:9: the slot "city" is filled from the entity "citty", which the domain does not list: the mapping is ignored (is city meant? otherwise add it to the entities of the domain)`,
		`note unfilled-slot domain.yml:5: nothing fills the slot "city": its mappings name what the domain does not have (give it a mapping, or remove it)`,
		`note unfilled-slot domain.yml:10: nothing fills the slot "age": it has no mappings (give it a mapping, or remove it)`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	training := project.CheckTraining(p)
	if len(training) != 1 || training[0].Severity != project.SeverityError || training[0].Code != "unknown-slot" {
		t.Errorf("training checks: %v", training)
	}
}
