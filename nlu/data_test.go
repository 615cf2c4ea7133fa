package nlu

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"parley/dialogue"
)

// shared finds a file of the common test data, and skips the test when there is none.
func shared(t testing.TB, parts ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{"..", "..", "shared"}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the shared test data is missing: %v", err)
	}
	return path
}

var annotation = regexp.MustCompile(`\[([^\]]+)\](?:\(([^)]+)\)|(\{[^}]+\}))`)

// readNLU reads NLU files of the plainest form: lists of "- intent: name" with an examples block.
func readNLU(t testing.TB, paths ...string) *TrainingData {
	t.Helper()
	data := &TrainingData{Synonyms: map[string]string{}, Responses: map[string][]dialogue.Response{}}
	for _, path := range paths {
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(file)
		kind, name := "", ""
		for lines.Scan() {
			line := strings.TrimSpace(lines.Text())
			if head, ok := strings.CutPrefix(line, "- "); ok {
				if k, n, ok := strings.Cut(head, ": "); ok && (k == "intent" || k == "lookup" || k == "regex" || k == "synonym") {
					kind, name = k, strings.Trim(n, `"'`)
					if kind == "lookup" {
						data.Lookups = append(data.Lookups, Lookup{Name: name})
					}
					continue
				}
				switch kind {
				case "intent":
					data.Examples = append(data.Examples, readExample(t, name, head))
				case "lookup":
					last := &data.Lookups[len(data.Lookups)-1]
					last.Elements = append(last.Elements, head)
				case "regex":
					data.Regexes = append(data.Regexes, Regex{Name: name, Pattern: head})
				case "synonym":
					data.Synonyms[head] = name
				}
			}
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range data.Examples {
		for _, e := range data.Examples[i].Entities {
			from, to, _ := byteRange(data.Examples[i].Text, e.Start, e.End)
			if text := data.Examples[i].Text[from:to]; text != e.Value {
				data.Synonyms[text] = e.Value.(string)
			}
		}
	}
	return data
}

// readExample reads an example with its annotations.
func readExample(t testing.TB, intent, line string) Example {
	t.Helper()
	e := Example{Intent: intent}
	if base, _, ok := strings.Cut(intent, "/"); ok {
		e.Intent, e.ResponseKey = base, intent
	}
	for {
		m := annotation.FindStringSubmatchIndex(line)
		if m == nil {
			break
		}
		e.Text += line[:m[0]]
		text := line[m[2]:m[3]]
		entity := dialogue.Entity{Value: text, Start: utf8.RuneCountInString(e.Text)}
		entity.End = entity.Start + utf8.RuneCountInString(text)
		if m[4] >= 0 {
			entity.Entity = line[m[4]:m[5]]
		} else {
			var more struct{ Entity, Value, Role, Group string }
			if err := json.Unmarshal([]byte(line[m[6]:m[7]]), &more); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			entity.Entity, entity.Role, entity.Group = more.Entity, more.Role, more.Group
			if more.Value != "" {
				entity.Value = more.Value
			}
		}
		e.Text += text
		e.Entities = append(e.Entities, entity)
		line = line[m[1]:]
	}
	e.Text += line
	return e
}

// configs makes a pipeline of names.
func configs(names ...string) []Config {
	out := make([]Config, len(names))
	for i, n := range names {
		out[i] = Config{Name: n, File: "config.yml", Line: i + 2}
	}
	return out
}

// train trains or fails the test.
func train(t testing.TB, pipeline []Config, data *TrainingData) *Pipeline {
	t.Helper()
	p, err := Train(t.Context(), pipeline, data, TrainOptions{Language: "en", Warn: func(w string) { t.Log(w) }})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// parse parses or fails the test.
func parse(t testing.TB, p *Pipeline, text string) dialogue.Parse {
	t.Helper()
	got, err := p.Parse(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	return got
}
