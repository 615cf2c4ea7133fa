package project

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// seeds adds the files of the loader cases with an extension, and some texts.
func seeds(f *testing.F, ext string, texts ...string) {
	f.Helper()
	for _, text := range texts {
		f.Add(text)
	}
	paths, err := filepath.Glob(filepath.Join("..", "..", "shared", "conformance", "loader", "cases", "*", "*"+ext))
	if err != nil {
		f.Fatal(err)
	}
	more, err := filepath.Glob(filepath.Join("..", "..", "shared", "conformance", "loader", "cases", "*", "data", "*"+ext))
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range append(paths, more...) {
		if data, err := os.ReadFile(path); err == nil {
			f.Add(string(data))
		}
	}
}

// checkProblems fails when a problem lacks what every problem has.
func checkProblems(t *testing.T, problems []Problem) {
	t.Helper()
	for _, p := range problems {
		if p.Message == "" || p.Severity == "" || p.Code == "" {
			t.Fatalf("incomplete problem: %+v", p)
		}
	}
}

func FuzzYAML(f *testing.F) {
	seeds(f, ".yml", "a: &a [*a]", "? [a]\n: b", "a: !!int x", "<<: {a: 1}\na: 2", "\xef\xbb\xbfa: 1", "a: 0x_\nb: -_1\nc: 1_e5")
	f.Fuzz(func(t *testing.T, text string) {
		n, err := parseYAML(&source{name: "f.yml"}, []byte(text), nil)
		if err != nil {
			checkProblems(t, []Problem{*asProblem(err, "f.yml")})
			return
		}
		n.value()
		for _, s := range []*schema{domainSchema(), nluSchema(), storiesSchema(), configSchema()} {
			if accepts, violations := s.accepts(n), s.violations(n, n, ""); accepts != (len(violations) == 0) {
				t.Fatalf("accepted: %t, but violations: %+v", accepts, violations)
			}
		}
		if raw := rawJSON(nil, n); !json.Valid(raw) {
			t.Fatalf("no JSON: %s", raw)
		}
	})
}

func FuzzJSON(f *testing.F) {
	seeds(f, ".json", `{"a": [1, 2.5e3, null, "\ud83d\ude00"]}`, "[", "1 2")
	f.Fuzz(func(t *testing.T, text string) {
		n, err := parseJSON(&source{name: "f.json"}, []byte(text))
		if (err == nil) != json.Valid([]byte(text)) {
			t.Fatalf("valid JSON is %t, but: %v", err != nil, err)
		}
		if err == nil && !json.Valid(rawJSON(nil, n)) {
			t.Fatalf("no JSON: %s", rawJSON(nil, n))
		}
	})
}

func FuzzAnnotations(f *testing.F) {
	for _, s := range []string{
		"show me [chinese](cuisine) places", `[x]{"entity": "a", "value": 5}`, `[B][{"entity": "a"}, {"entity": "b"}]`, "[a [b](x) c](y)",
		"[[[[[[[[](((({{{{", "a \\[b\\](c)", "[é](t:ü) 😀 [x](y)", "[A][B]", "[a](b\n)[c][d\ne]",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return // readers refuse it
		}
		plain, entities, err := parseAnnotations(text)
		if err != nil {
			return
		}
		length := utf8.RuneCountInString(plain)
		last := 0
		for _, e := range entities {
			if e.Start < last || e.End <= e.Start || e.End > length {
				t.Fatalf("entity from %d to %d in a text of %d characters", e.Start, e.End, length)
			}
			last = e.Start
			if s, ok := e.Value.(string); ok && s != runesBetween(plain, e.Start, e.End) && !strings.Contains(text, s) && !strings.ContainsAny(text, `{\`) {
				t.Fatalf("value %q comes from nowhere", s)
			}
		}
		if len(plain) > len(text) {
			t.Fatalf("the plain text is longer: %q", plain)
		}
	})
}

func FuzzDomain(f *testing.F) {
	seeds(f, ".yml", "intents: [a]\nslots: {a: {type: text, mappings: [1]}}", "forms: {f: {required_slots: [a]}}\nactions: [f, f]")
	f.Fuzz(func(t *testing.T, text string) {
		for _, legacy := range []bool{false, true} {
			r := newReader()
			r.env, r.legacy = nil, legacy
			n := r.document("domain.yml", []byte(text))
			if n == nil {
				checkProblems(t, r.errors)
				continue
			}
			raw, ok := r.domainDocument(n)
			if !ok {
				if len(r.errors) == 0 {
					t.Fatal("refused without an error")
				}
				checkProblems(t, r.errors)
				continue
			}
			d := r.buildDomain(raw)
			checkProblems(t, append(r.errors, r.warnings...))
			if d == nil {
				if len(r.errors) == 0 {
					t.Fatal("refused without an error")
				}
				continue
			}
			if !json.Valid(d.Raw) {
				t.Fatalf("no JSON: %s", d.Raw)
			}
			ShowDomain(d)
			r.mergeDomains(raw, raw, true)
		}
	})
}

func FuzzNLU(f *testing.F) {
	seeds(f, ".yml", "nlu:\n- intent: a\n  examples: |\n    - x [y](z)\n")
	seeds(f, ".json")
	seeds(f, ".md")
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"nlu.yml", "nlu.json", "nlu.md"} {
			r := newReader()
			r.env, r.legacy = nil, true
			training := r.newTraining()
			training.readFile(name, []byte(text))
			checkProblems(t, append(r.errors, r.warnings...))
			p := &Project{NLU: training.data()}
			p.loaded.data = training
			p.showNLU()
		}
	})
}

func FuzzStories(f *testing.F) {
	seeds(f, ".yml", "stories:\n- story: a\n  steps:\n  - or: []\n  - checkpoint: c\n  - checkpoint: c\n  - intent: a\n")
	seeds(f, ".md")
	domain, err := ParseDomain("domain.yml", []byte("intents: [greet, inform]\nslots: {s: {type: text, mappings: []}}"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"stories.yml", "stories.md", "test_stories.yml"} {
			r := newReader()
			r.env, r.legacy = nil, true
			s := r.newStories(domain, false)
			s.readFile(name, []byte(text))
			s.checkCheckpoints()
			checkProblems(t, append(r.errors, r.warnings...))
			for _, step := range s.steps {
				if len(step.Start) == 0 {
					t.Fatalf("a step without a start: %+v", step)
				}
			}
			ShowSteps(s.steps)
			showMessages(s.steps)
			for _, story := range s.written { // what is converted can be read again
				back := r.document("converted.yml", writeYAML(newMap(nil).with("stories", &node{kind: kindList, kids: []*node{story}})))
				if back == nil {
					t.Fatalf("the converted story cannot be read: %s", r.errors.Error())
				}
			}
		}
	})
}

func FuzzConfigs(f *testing.F) {
	seeds(f, ".yml", "recipe: default.v1\npipeline:\n- name: a\n", "tracker_store: {type: redis}", "slack: {slack_signing_secret: x}")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "f.yml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r := newReader()
		r.env = nil
		ShowConfig(r.config(path))
		r.endpoints(path)
		r.credentials(path)
		checkProblems(t, append(r.errors, r.warnings...))
		if _, err := CompleteConfig(path, Training{NLU: true, Core: true}, func() string { return "id" }); err == nil {
			if _, err := CompleteConfig(path, Training{NLU: true, Core: true}, func() string { t.Fatal("a second id"); return "" }); err != nil {
				t.Fatalf("the completed file cannot be read: %v", err)
			}
		}
	})
}

func FuzzWriteYAML(f *testing.F) {
	seeds(f, ".yml", "a: '\\u00e9'\nb: \"${X}\"", "- - a\n  - b: [c]\n- |\n  x\n   y\n", "a: \" x\\n\\ty\\u2028\"", "'': ''\n? |\n  a\n: b", "a: |+\n  x\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		n, err := parseYAML(&source{name: "f.yml"}, []byte(text), nil)
		if err != nil || n.kind != kindMap || strings.ContainsRune(text, utf8.RuneError) || len(text) > 1000 {
			return
		}
		written := writeYAML(n)
		back, err := parseYAML(&source{name: "f.yml"}, written, nil)
		if err != nil {
			t.Fatalf("%v in\n%s", err, written)
		}
		if a, b := string(rawJSON(nil, n)), string(rawJSON(nil, back)); a != b {
			t.Fatalf("%s\nbecame %s\nthrough\n%s", a, b, written)
		}
	})
}
