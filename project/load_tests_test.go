package project_test

import (
	"path/filepath"
	"testing"

	"parley/project"
)

// What is sent as test stories: the reference answers 400 to what is no mapping, and evaluates nothing where there are no stories.
func TestLoadTestFile(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		steps int
		fails bool
	}{
		"x": {fails: true}, "5": {fails: true}, "true": {fails: true}, "- a": {fails: true}, `"x"`: {fails: true}, "x: [": {fails: true},
		"## a\n* greet\n - utter_greet": {fails: true}, "stories:\n- a": {fails: true},
		"": {}, " \n": {}, "~": {}, "[]": {}, "{}": {}, "foo: bar": {}, "# only": {}, "stories: []": {}, "version: '3.1'": {},
		"stories:\n- story: a\n  steps:\n  - intent: greet\n  - action: utter_greet\n": {steps: 1},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, map[string]string{"test_data.yml": text})
			steps, _, err := project.LoadTestFile(filepath.Join(dir, "test_data.yml"), nil)
			if (err != nil) != want.fails || len(steps) != want.steps {
				t.Errorf("%d steps, error %v; want %+v", len(steps), err, want)
			}
		})
	}
}
