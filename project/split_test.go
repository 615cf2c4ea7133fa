package project_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/project"
)

func TestSplitNLUKeepsEveryIntentOnBothSides(t *testing.T) {
	t.Parallel()
	needShared(t)
	dir := t.TempDir()
	data := []string{filepath.Join(shared, "conformance", "cli", "bots", "mini", "data")}
	if _, err := project.SplitNLU(data, 0.5, 1, dir); err != nil {
		t.Fatal(err)
	}
	written := filepath.Join(shared, "conformance", "cli", "cases", "split-nlu", "written", "train_test_split")
	want, got := treeOf(t, written), treeOf(t, dir)
	if len(got) != len(want) {
		t.Errorf("files %v", got)
	}
	count := func(text string) (headings string, examples int) {
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "    - ") {
				examples++
			} else {
				headings += line
			}
		}
		return headings, examples
	}
	sortedHeadings := func(text string) map[string]bool {
		headings, _ := count(text)
		set := map[string]bool{}
		for line := range strings.Lines(headings) {
			set[line] = true
		}
		return set
	}
	for name, text := range want {
		_, wantExamples := count(text)
		_, gotExamples := count(got[name])
		if gotExamples != wantExamples {
			t.Errorf("%s: %d examples, want %d:\n%s", name, gotExamples, wantExamples, got[name])
		}
		for heading := range sortedHeadings(text) {
			if !sortedHeadings(got[name])[heading] {
				t.Errorf("%s lacks %q", name, heading)
			}
		}
	}
	again := t.TempDir()
	if _, err := project.SplitNLU(data, 0.5, 1, again); err != nil {
		t.Fatal(err)
	}
	for name, text := range treeOf(t, again) {
		if text != got[name] {
			t.Errorf("the same seed gives another %s", name)
		}
	}
}

// Recorded from the reference (3.6.21): with 16 examples, 13 or 2 are for training, and the only one of an intent is not.
func TestSplitNLUKeepsOneOfEachToTestWith(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "nlu.yml")
	text := "version: \"3.1\"\nnlu:\n- intent: one\n  examples: |\n    - lone\n- intent: a\n  examples: |\n"
	for i := range 10 {
		text += fmt.Sprintf("    - a %d\n", i)
	}
	text += "- intent: b/k\n  examples: |\n"
	for i := range 5 {
		text += fmt.Sprintf("    - b %d\n", i)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for fraction, want := range map[float64]int{0: 2, 1: 13} {
		dir := t.TempDir()
		if _, err := project.SplitNLU([]string{file}, fraction, 1, dir); err != nil {
			t.Fatal(err)
		}
		train, test := treeOf(t, dir)["training_data.yml"], treeOf(t, dir)["test_data.yml"]
		if n := strings.Count(train, "    - "); n != want || strings.Count(test, "    - ") != 16-want || !strings.Contains(test, "lone") {
			t.Errorf("fraction %g: %d for training, want %d:\n%s\n%s", fraction, n, want, train, test)
		}
	}
}

func TestSplitStoriesKeepsRulesWithTheTraining(t *testing.T) {
	t.Parallel()
	dir, out := t.TempDir(), t.TempDir()
	files := map[string]string{
		"one.yml":  "version: \"3.1\"\nstories:\n- story: a\n  steps:\n  - intent: x\n",
		"more.yml": "stories:\n- story: a\n  steps:\n  - intent: x\n- story: b\n  steps:\n  - intent: y\n- story: c\n  steps:\n  - intent: z\nrules:\n- rule: r\n  steps:\n  - intent: x\n",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := project.SplitStories([]string{dir}, 0.8, 1, out); err != nil {
		t.Fatal(err)
	}
	got := treeOf(t, out)
	for name, counts := range map[string][2]int{"train_one.yml": {1, 0}, "test_one.yml": {0, 0}, "train_more.yml": {2, 1}, "test_more.yml": {1, 0}} {
		stories, rules := strings.Count(got[name], "- story:"), strings.Count(got[name], "- rule:")
		if stories != counts[0] || rules != counts[1] {
			t.Errorf("%s has %d stories and %d rules, want %v:\n%s", name, stories, rules, counts, got[name])
		}
	}
}
