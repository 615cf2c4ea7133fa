package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWriteAssistantIDChangesNothingElse(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ before, after string }{
		"absent":            {"language: en # English\n", "language: en # English\nassistant_id: x\n"},
		"no newline at end": {"language: en", "language: en\nassistant_id: x\n"},
		"empty":             {"", "assistant_id: x\n"},
		"null":              {"assistant_id:\nlanguage: en\n", "assistant_id: x\nlanguage: en\n"},
		"the placeholder":   {"a: 1\nassistant_id: placeholder_default\nb: 2\n", "a: 1\nassistant_id: x\nb: 2\n"},
		"only further down": {"pipeline:\n- name: N\n  assistant_id: y\n", "pipeline:\n- name: N\n  assistant_id: y\nassistant_id: x\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "config.yml")
			if err := os.WriteFile(path, []byte(tc.before), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := writeAssistantID(path, []byte(tc.before), "x"); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.after, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
