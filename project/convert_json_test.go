package project_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/project"
)

// Rasa's JSON keeps what the reference keeps on its way through a conversion, and is refused where it refuses.
func TestConvertRasaJSON(t *testing.T) {
	t.Parallel()
	data := func(example, rest string) string {
		return `{"rasa_nlu_data": {"common_examples": [` + example + `]` + rest + `}}`
	}
	for name, tc := range map[string]struct{ in, format, want, err string }{
		"metadata to YAML": {
			data(`{"text": "hi", "intent": "greet", "metadata": {"intent": {"a": 1}, "example": {"b": 2}}}`, ""), "yaml",
			"nlu:\n- intent: greet\n  metadata:\n    a: 1\n  examples:\n  - text: |\n      hi\n    metadata:\n      b: 2\n", "",
		},
		"spaces around a text": {
			data(`{"text": "hi\nyou", "intent": "greet"}, {"text": "  hi  ", "intent": "greet"}`, ""), "yaml",
			"nlu:\n- intent: greet\n  examples:\n  - text: |\n      hi\n      you\n  - text: |\n      hi\n", "",
		},
		"unknown keys": {data(`{"text": "hi", "intent": "greet"}`, `, "ghost": [1]`), "yaml", "nlu:\n- intent: greet\n  examples: |\n    - hi\n", ""},
		"a synonym of itself": {
			data("", `, "entity_synonyms": [{"value": "A", "synonyms": ["A", "b"]}]`), "json",
			"\"synonyms\": [\n          \"b\"\n        ]", "",
		},
		"metadata to JSON": {data(`{"text": "hi", "metadata": {"b": 2}}`, ""), "json", "\"metadata\": {\n          \"b\": 2\n        }", ""},
		"unknown keys of an entity": {
			data(`{"text": "Rome", "entities": [{"start": 0, "end": 4, "entity": "city", "value": "Rome", "confidence": 0.5}]}`, ""), "json",
			`"confidence": 0.5`, "",
		},
		"an intent that is null":   {data(`{"text": "hi", "intent": null}`, ""), "yaml", "", "SchemaValidationError"},
		"a role that is null":      {data(`{"text": "hi", "entities": [{"start": 0, "end": 2, "entity": "e", "role": null}]}`, ""), "yaml", "", "SchemaValidationError"},
		"examples that are null":   {`{"rasa_nlu_data": {"common_examples": null}}`, "yaml", "", "SchemaValidationError"},
		"unknown keys beside data": {`{"rasa_nlu_data": {}, "ghost": 1}`, "yaml", "", "SchemaValidationError"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, map[string]string{"in.json": tc.in})
			out, _, err := project.ConvertNLU(filepath.Join(dir, "in.json"), tc.format, "en")
			class := ""
			if problems := project.Problems(nil); errors.As(err, &problems) {
				class = problems[0].Class
			}
			if class != tc.err {
				t.Fatalf("error class %q, want %q: %v", class, tc.err, err)
			}
			if !strings.Contains(string(out), tc.want) {
				t.Error(cmp.Diff(tc.want, string(out)))
			}
		})
	}
}

// A file of stories in a folder is of an unknown format, as in the reference, unless it is Markdown, which the reference never reads.
func TestConvertFolderWithStories(t *testing.T) {
	t.Parallel()
	for name, wantErr := range map[string]bool{"stories.yml": true, "stories.md": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			stories := "version: \"3.1\"\nstories:\n- story: s\n  steps:\n  - intent: greet\n  - action: utter_greet\n"
			if strings.HasSuffix(name, ".md") {
				stories = "## s\n* greet\n  - utter_greet\n"
			}
			write(t, dir, map[string]string{"nlu.yml": "version: \"3.1\"\nnlu:\n- intent: greet\n  examples: |\n    - hi\n", name: stories})
			_, _, err := project.ConvertNLU(dir, "yaml", "en")
			if (err != nil) != wantErr || err != nil && !strings.Contains(err.Error(), name) {
				t.Errorf("error %v, want one: %v", err, wantErr)
			}
		})
	}
}
