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

	"parley/dialogue"
	"parley/project"
)

// treeOf are the files below a folder with their contents.
func treeOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		files[name] = string(data)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return files
}

func TestMigrateAgreesWithTheReference(t *testing.T) {
	t.Parallel()
	needShared(t)
	cases, err := filepath.Glob(filepath.Join(shared, "conformance", "cli", "cases", "migrate-*"))
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
			if err := errors.Join(os.RemoveAll(filepath.Join(work, "written")), os.Remove(filepath.Join(work, "expected.json"))); err != nil {
				t.Fatal(err)
			}
			before := treeOf(t, work)
			domain, out := filepath.Join(work, "domain.yml"), ""
			for i, arg := range c.Args {
				switch arg {
				case "-d":
					domain = filepath.Join(work, c.Args[i+1])
				case "--out":
					out = filepath.Join(work, c.Args[i+1])
				}
			}
			_, warnings, err := project.MigrateDomain(domain, out)
			after := treeOf(t, work)
			if c.Exit != 0 {
				checkRefusal(t, err, c.Messages)
				if diff := cmp.Diff(before, after); diff != "" {
					t.Errorf("files changed (-before +after):\n%s", diff)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range treeOf(t, filepath.Join(dir, "written")) {
				if strings.HasPrefix(name, "original_domain") {
					want = before[strings.Replace(strings.Replace(name, "original_domain/", "dom/", 1), "original_domain", "domain", 1)]
				}
				if diff := cmp.Diff(want, after[name]); diff != "" {
					t.Errorf("%s (-reference +parley):\n%s", name, diff)
				}
			}
			for _, m := range c.Messages {
				if m.Level == "warning" && !slices.ContainsFunc(warnings, func(p project.Problem) bool { return strings.Contains(p.Error(), m.Contains[0]) }) {
					t.Errorf("no warning about %s: %v", m.Contains, warnings)
				}
			}
		})
	}
}

// checkRefusal checks the class and the names of an error.
func checkRefusal(t *testing.T, err error, messages []message) {
	t.Helper()
	var problems project.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("expected an error, got %v", err)
	}
	for _, m := range messages {
		if m.Class != "" && problems[0].Class != m.Class {
			t.Errorf("class %s, want %s", problems[0].Class, m.Class)
		}
		for _, s := range m.Contains {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%q is not in: %v", s, err)
			}
		}
	}
}

func TestMigrateDomainOfRasa1(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{"domain.yml": `intents: [greet]
entities: [name]
slots:
  name: {type: unfeaturized}
forms: [f]
topics: [x]
templates:
  utter_greet:
  - hello
  - text: hi {name}
`})
	done, _, err := project.MigrateDomain(filepath.Join(dir, "domain.yml"), "")
	if err != nil {
		t.Fatal(err)
	}
	d, warnings, err := project.LoadDomain(done.Domain)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	slot, _ := d.Slot("name")
	if slot.Type != dialogue.SlotAny || len(slot.Mappings) != 1 || len(d.Responses["utter_greet"]) != 2 || len(d.Forms) != 1 {
		t.Errorf("%s", d.Raw)
	}
}

// What a domain in an odd state becomes, in the reference's words.
func TestMigrateOddDomains(t *testing.T) {
	t.Parallel()
	const head, tail = "version: '2.0'\nentities: [city]\n", "forms:\n  f:\n    required_slots:\n      city:\n      - type: from_text\n"
	const moved = "      conditions:\n      - active_loop: f\n        requested_slot: city\n"
	for name, tc := range map[string]struct{ domain, want, class string }{
		"a slot's own mappings come first": {
			head + "slots:\n  city:\n    type: text\n    mappings:\n    - type: from_intent\n      value: 1\n      intent: x\n" + tail,
			"    mappings:\n    - type: from_intent\n      value: 1\n      intent: x\n    - type: from_text\n" + moved + "    - type: from_entity\n      entity: city\n", "",
		},
		"a mapping that the slot has gets the condition": {
			head + "slots:\n  city:\n    type: text\n    mappings:\n    - type: from_text\n" + tail,
			"    mappings:\n    - type: from_text\n" + moved + "    - type: from_entity\n", "",
		},
		"a form's slot that is not there is made":    {head + "slots:\n  n:\n    type: float\n" + tail, "  city:\n    mappings:\n    - type: from_text\n" + moved, ""},
		"a slot with an empty list gets one mapping": {head + "slots:\n  n:\n    type: float\n    mappings: []\n", "    mappings:\n    - type: custom\n", ""},
		"a domain of 3.0": {
			"version: '3.0'\nslots:\n  n:\n    type: float\n",
			"version: \"3.1\"\nslots:\n  n:\n    type: float\n    mappings:\n    - type: custom\n", "",
		},
		"no version is not made up":  {"slots:\n  n:\n    type: float\n", "slots:\n  n:", ""},
		"a file that is no domain":   {"{}\n", "", "RasaException"},
		"a file that does not exist": {"", "", "FileNotFoundException"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if tc.domain != "" {
				write(t, dir, map[string]string{"domain.yml": tc.domain})
			}
			done, _, err := project.MigrateDomain(filepath.Join(dir, "domain.yml"), "")
			var problems project.Problems
			if errors.As(err, &problems) != (tc.class != "") || len(problems) > 0 && problems[0].Class != tc.class {
				t.Fatalf("error %v, want class %q", err, tc.class)
			}
			if err != nil {
				return
			}
			got, err := os.ReadFile(done.Domain)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(got), tc.want) || strings.HasPrefix(tc.want, "slots") && strings.Contains(string(got), "version") {
				t.Error(cmp.Diff(tc.want, string(got)))
			}
		})
	}
}
