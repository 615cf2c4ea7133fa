package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v4"
)

// The recorded runs of the reference's command line.
const goldens = "../../../shared/conformance/cli"

// goldenCase is one recorded run: facts about messages, not their wording.
type goldenCase struct {
	Base         string
	Args         []string
	Before       [][]string
	Remove       []string
	Exit         int
	Messages     []goldenMessage
	FilesWritten []string `json:"files_written"`
	FilesChanged []string `json:"files_changed"`
	NothingKept  bool     `json:"nothing_kept"`
	Traceback    bool     // the reference died of it
}

type goldenMessage struct {
	Stream, Level, Class string
	Contains             []string
}

func TestCommandLineAnswersAsRecorded(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob(filepath.Join(goldens, "cases", "*", "expected.json"))
	if err != nil || len(cases) == 0 {
		t.Skip("the recorded command lines are not here")
	}
	known := knownDifferences(t)
	for _, file := range cases {
		dir := filepath.Dir(file)
		name := filepath.Base(dir)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reason, differs := known[name]
			problems := replay(t, dir)
			switch {
			case len(problems) > 0 && !differs:
				t.Error(strings.Join(problems, "\n"))
			case len(problems) == 0 && differs:
				t.Errorf("no longer differs, take it off the list: %s", reason)
			}
		})
	}
}

// knownDifferences are the cases that are allowed to differ, each with its reason.
func knownDifferences(t *testing.T) map[string]string {
	t.Helper()
	raw, err := os.ReadFile("testdata/known_differences.txt")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, ok := strings.Cut(line, ": ")
		if !ok {
			t.Fatalf("known_differences.txt: %q has no reason", line)
		}
		known[name] = reason
	}
	return known
}

// replay runs a case in a folder of its own and says what differs.
func replay(t *testing.T, caseDir string) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(caseDir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var c goldenCase
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	copyFiles(t, filepath.Join(goldens, "bots", c.Base), dir)
	copyFiles(t, caseDir, dir)
	for _, path := range append(c.Remove, "expected.json", "written") {
		if err := os.RemoveAll(filepath.Join(dir, path)); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range c.Before {
		if code, out, err := parley(t, dir, args); code != 0 {
			return []string{"before: exit " + out + err}
		}
	}
	before := snapshot(t, dir)
	code, stdout, stderr := parley(t, dir, c.Args)
	var problems []string
	if code != c.Exit {
		problems = append(problems, "exit code: "+cmp.Diff(c.Exit, code))
	}
	problems = append(problems, compareMessages(c, stdout, stderr)...)
	problems = append(problems, compareFiles(t, c, before, snapshot(t, dir))...)
	if !c.NothingKept && !slices.Contains(c.Args, "--random-seed") {
		problems = append(problems, compareWritten(t, filepath.Join(caseDir, "written"), dir)...)
	}
	if len(problems) > 0 {
		problems = append(problems, "stdout: "+stdout, "stderr: "+stderr)
	}
	return problems
}

// parley runs the command in a folder.
func parley(t *testing.T, dir string, args []string) (code int, stdout, stderr string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errs
	cmd.Env = append(os.Environ(), runAsCommand+"=1")
	_ = cmd.Run() // the code says how it ended
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func copyFiles(t *testing.T, from, to string) {
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
			return os.MkdirAll(target, 0o755)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// snapshot is what a folder holds, generated names of models replaced. Trained models are only compared by name.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			return err
		}
		if filepath.Ext(path) == ".db" || strings.HasPrefix(path, ".rasa/") { // the reference opened its stores; caches are left out
			return nil
		}
		files[generatedName.ReplaceAllString(path, "<generated>.tar.gz")] = string(data)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

var generatedName = regexp.MustCompile(`(core-|nlu-)?\d{8}-\d{6}-[a-z]+-[a-z]+\.tar\.gz`)

// compareMessages says which recorded messages have no equal: one on the same stream that names the same things.
func compareMessages(c goldenCase, stdout, stderr string) []string {
	var problems []string
	for _, m := range c.Messages {
		text := stdout
		if m.Stream == "stderr" {
			text = stderr
		}
		switch {
		case m.Class == "UserWarning" || m.Class == "UndefinedMetricWarning" || m.Level == "info": // warned of in other words, sometimes of more, at other moments
			continue
		case m.Level == "usage":
			if !strings.Contains(text, "usage:") {
				problems = append(problems, "no usage on "+m.Stream)
			}
			continue
		case strings.TrimSpace(text) == "" && m.Stream == "stdout":
			problems = append(problems, "nothing on stdout, want "+m.Level)
		}
		words := m.Contains
		if m.Class != "" && !c.Traceback {
			words = append(words, m.Class)
		}
		for _, word := range words {
			if !strings.Contains(stdout+stderr, word) {
				problems = append(problems, "no message names "+word)
			}
		}
	}
	return problems
}

func compareFiles(t *testing.T, c goldenCase, before, after map[string]string) []string {
	t.Helper()
	var written, changed []string
	for path, data := range after {
		old, existed := before[path]
		switch {
		case !existed:
			written = append(written, path)
		case old != data:
			changed = append(changed, path)
		}
	}
	slices.Sort(written)
	slices.Sort(changed)
	c.FilesWritten = slices.DeleteFunc(c.FilesWritten, func(path string) bool { return filepath.Ext(path) == ".db" })
	slices.Sort(c.FilesWritten)
	slices.Sort(c.FilesChanged)
	var problems []string
	if diff := cmp.Diff(strings.Join(c.FilesWritten, " "), strings.Join(written, " ")); diff != "" {
		problems = append(problems, "files written: "+diff)
	}
	if diff := cmp.Diff(strings.Join(c.FilesChanged, " "), strings.Join(changed, " ")); diff != "" {
		problems = append(problems, "files changed: "+diff)
	}
	return problems
}

// sameNumbers lets the last digit of a number differ: averages are sums in some order, and that of the labels is arbitrary.
var sameNumbers = cmpopts.EquateApprox(1e-12, 0)

// compareWritten compares the files that were recorded with those that were written, as data.
func compareWritten(t *testing.T, recorded, dir string) []string {
	t.Helper()
	if _, err := os.Stat(recorded); err != nil {
		return nil
	}
	var problems []string
	for path, want := range snapshot(t, recorded) {
		if slices.Contains([]string{".yml", ".json"}, filepath.Ext(path)) {
			got, err := os.ReadFile(filepath.Join(dir, path))
			if err != nil {
				problems = append(problems, err.Error())
				continue
			}
			if diff := cmp.Diff(asData(t, want), asData(t, string(got)), sameNumbers); diff != "" {
				problems = append(problems, path+": "+diff)
			}
		}
	}
	return problems
}

var generatedID = regexp.MustCompile(`assistant_id: ['"]?(\d{8}-\d{6}-[a-z]+-[a-z]+|<generated>)['"]?`)

// asData reads YAML or JSON; a generated assistant_id is like any other.
func asData(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(generatedID.ReplaceAllString(text, "assistant_id: generated")), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}
