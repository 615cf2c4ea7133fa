package project_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/project"
)

func TestConvertedStoriesAreTheSame(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"old/domain.yml": "intents: [greet, bye, inform]\nslots:\n  city: {type: text}\n  n: {type: float}\nforms: [f]\n",
		"old/data/stories.md": `## happy path <!-- a comment -->
* greet{"name": "Ann", "city": ["Rome", "Oslo"]}
  - slot{"city": "Rome", "n": 5}
  - utter_greet
> check{"ignored": "x"}

## two
> check{"city": "Rome"}
* bye OR inform{"city": "yes"}
  - form{"name": "f"}
  - form{"name": null}
  - slot{"city": null}
* inform: I live in [Rome](city)
  - restart
  - utter_a: b
* _inform[city=no,name=Bo]
  - slot["city"]
>> a rule
* greet
- utter_greet
`,
		"old/data/more.md": "## empty\n\n## lost\n* greet\n- reminder{\"name\": \"r\"}\n- utter_greet\n",
	})
	at := func(name string) string { return filepath.Join(dir, name) }
	out, warnings, err := project.ConvertStories(at("old/data"))
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, w := range warnings {
		said = append(said, strings.TrimPrefix(w.Error(), dir+"/"))
	}
	for _, want := range []string{`more.md:5: the event "reminder" cannot stand`, `more.md:1: the story "empty" has no steps`, `stories.md:7: the story "two" runs a form`} {
		if !strings.Contains(strings.Join(said, "\n"), want) {
			t.Errorf("nothing says %q:\n%s", want, strings.Join(said, "\n"))
		}
	}
	write(t, dir, map[string]string{
		"new/domain.yml":       "version: \"3.1\"\nintents: [greet, bye, inform]\nslots:\n  city: {type: text, mappings: []}\n  n: {type: float, mappings: []}\nforms: {f: {}}\n",
		"new/data/stories.yml": string(out),
	})
	steps := map[string][]any{}
	for _, version := range []string{"old", "new"} {
		p, err := project.Load(project.Paths{Domain: at(version + "/domain.yml"), Data: []string{at(version + "/data")}, Legacy: version == "old"})
		if err != nil {
			t.Fatalf("%v in\n%s", err, out)
		}
		for _, step := range project.ShowSteps(p.Steps) {
			step := step.(map[string]any)
			delete(step, "file")
			step["events"] = slices.DeleteFunc(step["events"].([]any), func(e any) bool { return e.(map[string]any)["event"] == "reminder" })
			steps[version] = append(steps[version], step)
		}
	}
	if diff := cmp.Diff(steps["old"], steps["new"]); diff != "" {
		t.Errorf("(-Markdown +YAML):\n%s\n%s", diff, out)
	}
	if _, _, err := project.ConvertStories(at("new")); err == nil || !strings.Contains(err.Error(), "there are no stories in Markdown") {
		t.Error(err)
	}
	if _, _, err := project.ConvertStories(at("nowhere")); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Error(err)
	}
	if _, err := os.Stat(at("old/data/stories.md")); err != nil {
		t.Error(err)
	}
}
