package project_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/project"
)

// knownDifferences names the goldens, and the keys in them, that the loader answers differently, with the reason. The list
// may only shrink: an entry that no longer differs fails the test.
func knownDifferences(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "known_differences.txt"))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, ok := strings.Cut(line, ": ")
		if !ok {
			t.Fatalf("known_differences.txt: a line without a reason: %s", line)
		}
		known[name] = reason
	}
	return known
}

// normal is a value after a round trip through JSON.
func normal(t *testing.T, v any) any {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func readGolden(t *testing.T, path string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var golden map[string]any
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	return golden
}

// relative cuts the folder off file names.
func relative(v any, dir string) any {
	switch v := v.(type) {
	case map[string]any:
		for k, item := range v {
			v[k] = relative(item, dir)
		}
	case []any:
		for i, item := range v {
			v[i] = relative(item, dir)
		}
	case string:
		return strings.TrimPrefix(v, dir+"/")
	}
	return v
}

var generated = regexp.MustCompile(`^GENR_OR_`)

// numbered gives generated checkpoints numbers in order of appearance: ends and starts of steps.
func numbered(steps any) any {
	list, _ := steps.([]any)
	numbers := map[string]string{}
	rename := func(name string) string {
		if !generated.MatchString(name) {
			return name
		}
		if numbers[name] == "" {
			numbers[name] = fmt.Sprintf("GENR_OR_#%d", len(numbers)+1)
		}
		return numbers[name]
	}
	for _, item := range list {
		step, _ := item.(map[string]any)
		starts, _ := step["start"].([]any)
		for _, s := range starts {
			cp, _ := s.(map[string]any)
			name, _ := cp["name"].(string)
			cp["name"] = rename(name)
		}
		ends, _ := step["end"].([]any)
		for i, e := range ends {
			name, _ := e.(string)
			ends[i] = rename(name)
		}
	}
	return steps
}

// unordered sorts a list by its items' JSON: the reference keeps these as sets.
func unordered(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	text := func(v any) string {
		data, err := json.Marshal(v)
		if err != nil {
			return err.Error()
		}
		return string(data)
	}
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b any) int { return strings.Compare(text(a), text(b)) })
	return list
}

func TestLoadAgreesWithTheReferenceOnWholeBots(t *testing.T) {
	t.Parallel()
	needShared(t)
	known := knownDifferences(t)
	goldens, err := filepath.Glob(filepath.Join(shared, "conformance", "loader", "*.json"))
	if err != nil || len(goldens) == 0 {
		t.Fatal("no goldens", err)
	}
	for _, path := range goldens {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(shared, "conformance", "bots", name)
			if _, err := os.Stat(dir); err != nil {
				dir = filepath.Join(shared, "bots", name)
			}
			golden := readGolden(t, path)
			arguments, _ := golden["arguments"].(map[string]any)
			config, _ := arguments["config"].(string)
			domain, _ := arguments["domain"].(string)
			paths := project.Paths{Config: filepath.Join(dir, config), Domain: filepath.Join(dir, domain)}
			data, _ := arguments["data"].([]any)
			for _, d := range data {
				s, _ := d.(string)
				paths.Data = append(paths.Data, filepath.Join(dir, s))
			}
			p, err := project.Load(paths)
			if err != nil {
				t.Fatal(err)
			}
			got, _ := relative(normal(t, project.Show(p)), dir).(map[string]any)
			if _, ok := golden["test_steps"]; ok {
				steps, _, err := project.LoadTests([]string{filepath.Join(dir, "tests")}, p.Domain)
				if err != nil {
					t.Fatal(err)
				}
				got["test_steps"] = relative(normal(t, project.ShowSteps(steps)), dir)
			}
			for _, key := range []string{"config", "domain", "nlu", "messages_added_from_stories", "steps", "test_steps"} {
				want, have := golden[key], got[key]
				switch key {
				case "messages_added_from_stories":
					want, have = unordered(want), unordered(have)
				case "steps", "test_steps":
					want, have = numbered(want), numbered(have)
				}
				diff := cmp.Diff(want, have)
				id := name + "/" + key
				switch reason, expected := known[id]; {
				case diff != "" && !expected:
					t.Errorf("%s (-reference +parley):\n%s", key, diff)
				case diff == "" && expected:
					t.Errorf("%s agrees now: remove it from known_differences.txt (%s)", id, reason)
				}
			}
		})
	}
}
