package project_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"parley/project"
)

// loadProblems writes files, loads them and gives the errors and warnings as texts, without the folder.
func loadProblems(t *testing.T, dir string, files map[string]string) (failures, warnings string, p *project.Project) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := project.Load(project.Paths{Domain: filepath.Join(dir, "domain.yml"), Data: []string{filepath.Join(dir, "data")}})
	if err != nil {
		return strings.ReplaceAll(err.Error(), dir+"/", ""), "", nil
	}
	return "", strings.ReplaceAll(project.Problems(p.Warnings).Error(), dir+"/", ""), p
}

const (
	plainDomain = "version: \"3.1\"\nintents: [greet]\n"
	plainNLU    = "version: \"3.1\"\nnlu:\n- intent: greet\n  examples: |\n    - hi\n    - hello\n"
)

func TestLoadReportsSeveralProblemsAtOnce(t *testing.T) {
	t.Parallel()
	failures, _, _ := loadProblems(t, t.TempDir(), map[string]string{
		"domain.yml":      "version: \"3.1\"\nintents: [greet]\nslots:\n  a: {type: text}\n  b: {type: txt, mappings: []}\n",
		"data/nlu.yml":    "version: \"3.1\"\nnlu:\n- intent: greet\n  exampels: |\n    - hi\n- lookup: 5\n",
		"data/broken.yml": "nlu:\n- intent: [a\n",
		"data/rules.yml":  "rules:\n- rule: r\n  steps:\n  - intent: a\n    action: b\n  - bot: hi\n",
	})
	want := `domain.yml:4: the key "mappings" is missing at /slots/a (a domain of Rasa 2.x must be migrated first: slot mappings belong under the slots since 3.0)
data/broken.yml:3: not YAML: did not find expected ',' or ']', while parsing a flow sequence that begins in line 2 (close the bracket or brace)
data/nlu.yml:3: unknown key "exampels" in line 4 (is "examples" meant?) beside intent; allowed are: intent, metadata, examples; the item is intent: greet at /nlu/0
data/nlu.yml:6: expected a text (put it in quotes), found the number 5; the item is lookup: 5 at /nlu/1/lookup
data/rules.yml:4: unknown key "action" in line 5 beside intent; allowed are: intent, user, entities; the item is intent: a at /rules/0/steps/0
data/rules.yml:6: unknown key "bot"; allowed are: intent, user, entities; the item is bot: hi at /rules/0/steps/1`
	if failures != want {
		t.Errorf("got:\n%s\nwant:\n%s", failures, want)
	}
}

func TestLoadTakesWindowsLineEndsAndByteOrderMarks(t *testing.T) {
	t.Parallel()
	_, warnings, p := loadProblems(t, t.TempDir(), map[string]string{
		"domain.yml":       "\xef\xbb\xbf" + strings.ReplaceAll(plainDomain, "\n", "\r\n"),
		"data/nlu.yml":     "\xef\xbb\xbf" + strings.ReplaceAll(plainNLU, "\n", "\r\n"),
		"data/ignored.yml": "\xef\xbb\xbfnlu:\n- intent: other\n  examples: |\n    - x\n",
	})
	if p == nil || len(p.NLU.Examples) != 2 || p.NLU.Examples[1].Text != "hello" || p.NLU.Examples[1].Line != 6 {
		t.Fatalf("%+v", p)
	}
	if !strings.HasPrefix(warnings, "data/ignored.yml:1: the file is ignored: a byte order mark stands before its first key") {
		t.Error(warnings)
	}
}

func TestLoadRefusesAliasBombs(t *testing.T) {
	t.Parallel()
	var bomb strings.Builder
	bomb.WriteString("version: \"3.1\"\na: &a [x, x, x, x, x, x, x, x, x, x]\n")
	for c := 'b'; c < 'k'; c++ {
		fmt.Fprintf(&bomb, "%c: &%c [*%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c]\n", c, c, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1)
	}
	failures, _, _ := loadProblems(t, t.TempDir(), map[string]string{"domain.yml": bomb.String()})
	if !strings.HasPrefix(failures, "domain.yml:7: the aliases of this file stand for more than 1000000 values") {
		t.Error(failures)
	}
	failures, _, _ = loadProblems(t, t.TempDir(), map[string]string{"domain.yml": "intents: &a [*a]\n"})
	if !strings.HasPrefix(failures, "domain.yml:1: the alias *a stands inside of what it refers to") {
		t.Error(failures)
	}
	failures, _, _ = loadProblems(t, t.TempDir(), map[string]string{"domain.yml": "intents: " + strings.Repeat("[", 100_000)})
	if !strings.HasPrefix(failures, "domain.yml:1: ") {
		t.Error(failures)
	}
}

func TestLoadFollowsLinksButNotInCircles(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "more.yml"), []byte("nlu:\n- intent: greet\n  examples: |\n    - linked\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "data", "sub"), 0o750); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"data/link": other, "data/sub/up": filepath.Join(dir, "data"), "data/gone.yml": filepath.Join(dir, "nowhere.yml")} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Skip("no links here:", err)
		}
	}
	_, warnings, p := loadProblems(t, dir, map[string]string{"domain.yml": plainDomain, "data/nlu.yml": plainNLU})
	if p == nil || len(p.NLU.Examples) != 3 {
		t.Fatalf("%+v", p)
	}
	for _, want := range []string{"data/sub/up: the link leads back", "data/gone.yml: the link leads nowhere"} {
		if !strings.Contains(warnings, want) {
			t.Errorf("nothing says %q: %s", want, warnings)
		}
	}
}

func TestLoadNamesFilesThatItCannotRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := map[string]string{"domain.yml": plainDomain, "data/latin.yml": "nlu:\n- intent: gr\xfc\xdf\n"}
	failures, _, _ := loadProblems(t, dir, files)
	if !strings.HasPrefix(failures, "data/latin.yml:2: the file is not UTF-8") {
		t.Error(failures)
	}
	if os.Getuid() != 0 && runtime.GOOS != "windows" {
		if err := os.Chmod(filepath.Join(dir, "data", "latin.yml"), 0); err != nil {
			t.Fatal(err)
		}
		failures, _, _ = loadProblems(t, dir, nil)
		if !strings.HasPrefix(failures, "data/latin.yml: cannot open the file: permission denied") {
			t.Error(failures)
		}
	}
	huge := filepath.Join(dir, "data", "huge.yml")
	f, err := os.Create(huge)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(1<<30), f.Close()); err != nil {
		t.Fatal(err)
	}
	failures, _, _ = loadProblems(t, dir, nil)
	if !strings.Contains(failures, "data/huge.yml: the file has 1024 MB; the limit is 64 MB") {
		t.Error(failures)
	}
	if _, err := project.LoadConfig(filepath.Join(dir, "config.yml")); err == nil || !strings.Contains(err.Error(), "config.yml: the file does not exist") {
		t.Error(err)
	}
	if _, err := project.LoadCredentials(dir); err == nil || !strings.Contains(err.Error(), "this is a directory") {
		t.Error(err)
	}
	if e, err := project.LoadEndpoints(filepath.Join(dir, "endpoints.yml")); err != nil || e.Action != nil {
		t.Error(e, err)
	}
}

func TestLoadTellsOfFilesThatItIgnores(t *testing.T) {
	t.Parallel()
	_, warnings, p := loadProblems(t, t.TempDir(), map[string]string{
		"domain.yml": plainDomain, "data/nlu.yml": plainNLU, "data/old.md": "## intent:greet\n- hi\n", "data/sub/stories.md": "## s\n* greet\n- utter\n",
		"data/README.md": "# Notes\n\nSee there.\n", "data/quoted.yml": "\"nlu\":\n- intent: greet\n", "data/space.yml": "stories :\n- story: a\n",
		"data/broken.json": "{\"rasa_nlu_data\": {", "data/other.json": "{\"a\": 1}", "data/other.yml": "a: b\n",
	})
	if p == nil {
		t.Fatal("not loaded")
	}
	want := `data/broken.json:1: the file is ignored: it is no JSON (check brackets, commas and quotes)
data/quoted.yml:1: the file is ignored: its keys are not found (write nlu:, stories:, rules: or responses: in lower case, without quotes, the colon right behind)
data/space.yml:1: the file is ignored: its keys are not found (write nlu:, stories:, rules: or responses: in lower case, without quotes, the colon right behind)
data/old.md:1: the file is ignored: Markdown is the format of Rasa 1 and 2 (parley data convert nlu writes it as YAML)
data/sub/stories.md:1: the file is ignored: Markdown is the format of Rasa 1 and 2 (parley data convert stories writes it as YAML)`
	if warnings != want {
		t.Errorf("got:\n%s\nwant:\n%s", warnings, want)
	}
}

func TestLoadRefusesUTF16(t *testing.T) {
	t.Parallel()
	utf16 := func(s, mark string, high bool) string {
		var b strings.Builder
		b.WriteString(mark)
		for _, c := range []byte(s) {
			if high {
				b.WriteByte(0)
			}
			b.WriteByte(c)
			if !high {
				b.WriteByte(0)
			}
		}
		return b.String()
	}
	for name, content := range map[string]string{
		"little endian": utf16(plainNLU, "\xff\xfe", false), "big endian": utf16(plainNLU, "\xfe\xff", true), "without a mark": utf16(plainNLU, "", false),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failures, _, _ := loadProblems(t, t.TempDir(), map[string]string{"domain.yml": plainDomain, "data/nlu.yml": content})
			if want := "data/nlu.yml:1: the file is UTF-16 (save it as UTF-8 without a byte order mark)"; failures != want {
				t.Errorf("got %s, want %s", failures, want)
			}
		})
	}
}

func TestLoadComparesNothingWithADomainThatCannotBeRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{"domain.yml": "intents: [greet\n", "rules.yml": "rules:\n- rule: r\n  steps:\n  - intent: greet\n  - action: utter_x\n"})
	_, err := project.Load(project.Paths{Domain: filepath.Join(dir, "domain.yml"), Data: []string{filepath.Join(dir, "rules.yml")}})
	load, ok := errors.AsType[*project.LoadError](err)
	if !ok || len(load.Problems) != 1 || len(load.Warnings) != 0 {
		t.Errorf("%v", err)
	}
}

func TestLoadWarnsOfAMissingDomainAndGoesOn(t *testing.T) {
	t.Parallel()
	_, warnings, p := loadProblems(t, t.TempDir(), map[string]string{"data/nlu.yml": plainNLU})
	if !strings.Contains(warnings, "domain.yml: the domain does not exist") || len(p.NLU.Examples) != 2 {
		t.Error(warnings)
	}
	problems := project.Validate(p)
	if len(problems) != 1 || problems[0].Code != "empty-domain" {
		t.Error(problems)
	}
}

func TestLoadUsesTheFolderWhenTheDomainFileIsMissing(t *testing.T) {
	t.Parallel()
	_, warnings, p := loadProblems(t, t.TempDir(), map[string]string{"domain/a.yml": plainDomain, "data/nlu.yml": plainNLU})
	if warnings != "" || p.Domain.ActionIndex("action_listen") != 0 || !strings.Contains(string(p.Domain.Raw), "greet") {
		t.Error(warnings, string(p.Domain.Raw))
	}
}
