package nlu

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/dialogue"
)

// TestParseEqualsRecordedAnswers replays every parse result that was recorded from Rasa for bots without a learned part.
func TestParseEqualsRecordedAnswers(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob(filepath.Join(shared(t, "conformance", "cases"), "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range cases {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var c struct {
			Bot   *string
			Steps []struct {
				Golden struct{ JSON any }
			}
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			t.Fatal(err)
		}
		if c.Bot == nil {
			continue
		}
		found := map[string]dialogue.Parse{}
		for _, s := range c.Steps {
			recorded(s.Golden.JSON, found)
		}
		folder := filepath.Join(filepath.Dir(filepath.Dir(path)), "bots", *c.Bot)
		files, err := filepath.Glob(filepath.Join(folder, "data", "nlu*.yml"))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 0 || len(files) == 0 {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
			t.Parallel()
			p := train(t, readPipeline(t, filepath.Join(folder, "config.yml")), readNLU(t, files...))
			d := readDomain(t, folder)
			for text, want := range found {
				if strings.Contains(text, "{fill:") {
					continue // stands for a long text
				}
				got := parse(t, p, text)
				if short, ok, _ := Shortcut(text, d); ok {
					got = short
				}
				got.Text = nil
				if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%q (-recorded +got):\n%s", text, diff)
				}
			}
		})
	}
}

// recorded gathers the parse results inside an answer that came from a pipeline: they have tokens, or are shortcuts.
func recorded(v any, found map[string]dialogue.Parse) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			recorded(e, found)
		}
	case map[string]any:
		text, isText := v["text"].(string)
		intent, _ := v["intent"].(map[string]any)
		_, tokens := v["text_tokens"]
		_, ranking := v["intent_ranking"]
		_, selector := v["response_selector"]
		if isText && intent != nil && !selector && (tokens && !ranking || ranking && strings.HasPrefix(text, "/")) {
			p := dialogue.Parse{}
			p.Intent.Name, _ = intent["name"].(string)
			p.Intent.Confidence, _ = intent["confidence"].(float64)
			if ranking {
				p.Ranking = []dialogue.Intent{p.Intent}
			}
			for _, pair := range list(v["text_tokens"]) {
				p.Tokens = append(p.Tokens, [2]int{whole(list(pair)[0]), whole(list(pair)[1])})
			}
			for _, e := range list(v["entities"]) {
				o := e.(map[string]any)
				entity := dialogue.Entity{Entity: o["entity"].(string), Value: number(o["value"]), Start: whole(o["start"]), End: whole(o["end"])}
				entity.Extractor, _ = o["extractor"].(string)
				for _, name := range list(o["processors"]) {
					entity.Processors = append(entity.Processors, name.(string))
				}
				p.Entities = append(p.Entities, entity)
			}
			found[text] = p
		}
		for _, e := range v {
			recorded(e, found)
		}
	}
}

func list(v any) []any { l, _ := v.([]any); return l }
func whole(v any) int  { f, _ := v.(float64); return int(f) }

// number makes the whole numbers of decoded JSON int, as package dialogue has them.
func number(v any) any {
	switch v := v.(type) {
	case float64:
		if v == float64(int(v)) {
			return int(v)
		}
	case []any:
		for i := range v {
			v[i] = number(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = number(v[k])
		}
	}
	return v
}

// readPipeline reads the pipeline of a config.yml of the plainest form.
func readPipeline(t *testing.T, path string) []Config {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []Config
	inside := false
	for i, line := range strings.Split(string(raw), "\n") {
		switch {
		case strings.HasPrefix(line, "pipeline:"):
			inside = true
		case line != "" && line[0] != ' ' && line[0] != '-' && line[0] != '#':
			inside = false
		}
		key, value, ok := strings.Cut(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "- ")), ": ")
		if !inside || !ok || strings.HasPrefix(key, "#") {
			continue
		}
		if key == "name" {
			out = append(out, Config{Name: strings.Trim(value, `"'`), Options: map[string]any{}, File: path, Line: i + 1})
			continue
		}
		var v any
		if err := json.Unmarshal([]byte(strings.ToLower(value)), &v); err != nil {
			v = strings.Trim(value, `"'`)
		}
		out[len(out)-1].Options[key] = number(v)
	}
	return out
}

var topLevel = regexp.MustCompile(`(?m)^(\w+):`)

// readDomain reads the names of intents and entities of a domain.
func readDomain(t *testing.T, folder string) *dialogue.Domain {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(folder, "domain.yml"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	d := &dialogue.Domain{}
	for _, name := range dialogue.DefaultIntents {
		d.Intents = append(d.Intents, dialogue.IntentSpec{Name: name})
	}
	section := ""
	for line := range strings.Lines(string(raw)) {
		if m := topLevel.FindStringSubmatch(line); m != nil {
			section = m[1]
			for _, name := range regexp.MustCompile(`[\w ]+`).FindAllString(strings.TrimPrefix(line, m[0]), -1) {
				name = strings.TrimSpace(name)
				if name != "" && section == "intents" {
					d.Intents = append(d.Intents, dialogue.IntentSpec{Name: name})
				}
				if name != "" && section == "entities" {
					d.Entities = append(d.Entities, dialogue.EntitySpec{Name: name})
				}
			}
			continue
		}
		name, isItem := strings.CutPrefix(strings.TrimSpace(line), "- ")
		name, _, _ = strings.Cut(name, ":")
		switch {
		case isItem && section == "intents":
			d.Intents = append(d.Intents, dialogue.IntentSpec{Name: name})
		case isItem && section == "entities":
			d.Entities = append(d.Entities, dialogue.EntitySpec{Name: name})
		}
	}
	byName := func(a, b dialogue.IntentSpec) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(d.Intents, byName)
	slices.SortFunc(d.Entities, func(a, b dialogue.EntitySpec) int { return strings.Compare(a.Name, b.Name) })
	return d.Finish()
}
