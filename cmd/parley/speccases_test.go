package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestEveryCaseOfTheSpecificationIsShown holds testdata/spec_cases.txt against the specification and against what it names: each of the
// 223 cases is shown by a golden that is there, or by a test that exists.
func TestEveryCaseOfTheSpecificationIsShown(t *testing.T) {
	t.Parallel()
	const shared = "../../../shared"
	spec, err := os.ReadFile(filepath.Join(shared, "spec", "project-files.md"))
	if err != nil {
		t.Skip("the specification is not beside this repository:", err)
	}
	var want []string
	for _, m := range regexp.MustCompile(`(?m)^\| ([A-Z]\d+) \|`).FindAllStringSubmatch(string(spec), -1) {
		want = append(want, m[1])
	}
	list, err := os.ReadFile("testdata/spec_cases.txt")
	if err != nil {
		t.Fatal(err)
	}
	tests := testNames(t)
	var have []string
	for line := range strings.Lines(string(list)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, where, _ := strings.Cut(line, ": ")
		have = append(have, id)
		if where == "" {
			t.Errorf("nothing shows %s", id)
		}
		for name := range strings.FieldsSeq(where) {
			if kind, golden, ok := strings.Cut(name, "/"); ok {
				if _, err := os.Stat(filepath.Join(shared, "conformance", kind, "cases", golden, "expected.json")); err != nil {
					t.Errorf("%s: %v", id, err)
				}
			} else if !slices.Contains(tests, name) {
				t.Errorf("%s: there is no test %s", id, name)
			}
		}
	}
	slices.Sort(want)
	slices.Sort(have)
	if !slices.Equal(want, have) {
		t.Errorf("the specification has %d cases, the list %d", len(want), len(have))
	}
}

// testNames are the names of the tests of all packages.
func testNames(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../*/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	own, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range append(files, own...) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(data), -1) {
			names = append(names, m[1])
		}
	}
	return names
}
