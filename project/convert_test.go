package project_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/project"
)

func TestConvertAgreesWithTheReference(t *testing.T) {
	t.Parallel()
	needShared(t)
	cases, err := filepath.Glob(filepath.Join(shared, "conformance", "cli", "cases", "convert-*"))
	if err != nil || len(cases) == 0 {
		t.Fatal("no cases", err)
	}
	for _, dir := range cases {
		t.Run(filepath.Base(dir), func(t *testing.T) {
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
			path, format, outName := "", "yaml", ""
			for i, arg := range c.Args {
				switch arg {
				case "--data":
					path = c.Args[i+1]
				case "-f":
					format = c.Args[i+1]
				case "--out":
					outName = c.Args[i+1]
				}
			}
			out, _, err := project.ConvertNLU(filepath.Join(work, path), format, "en")
			want, readErr := os.ReadFile(filepath.Join(dir, "written", outName))
			if readErr != nil {
				if err == nil || !strings.Contains(err.Error(), path) {
					t.Fatalf("expected an error about %s, got: %v", path, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimSpace(string(want)), strings.TrimSpace(string(out))); diff != "" {
				t.Errorf("(-reference +parley):\n%s", diff)
			}
		})
	}
}

func TestConvertTurnsMarkdownIntoYAMLThatReadsTheSame(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "nlu.md")
	markdown := "## intent:a\n- hi [x](t)\n- [Roma](city:Rome) \\u00e9\n## synonym:Rome\n- urbe\n## regex:zip\n- [0-9]{5}\n## lookup:c\n- Oslo\n"
	if err := os.WriteFile(path, []byte(markdown), 0o600); err != nil {
		t.Fatal(err)
	}
	out, warnings, err := project.ConvertNLU(path, "yaml", "")
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	want := `version: "3.1"
nlu:
- intent: a
  examples: "- hi [x](t)\n- [Roma]{\"entity\": \"city\", \"value\": \"Rome\"} \\u00e9\n"
- synonym: Rome
  examples: |
    - Roma
    - urbe
- regex: zip
  examples: |
    - [0-9]{5}
- lookup: c
  examples: |
    - Oslo
`
	if diff := cmp.Diff(want, string(out)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	p, _ := load(t, map[string]string{"domain.yml": plainDomain, "data/nlu.yml": string(out)})
	if got := p.NLU.Examples[1].Text; got != `Roma \u00e9` {
		t.Errorf("read back %q", got)
	}
}
