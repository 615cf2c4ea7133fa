package nlu

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
)

func gems() *dialogue.Domain {
	d := &dialogue.Domain{
		Intents:  []dialogue.IntentSpec{{Name: "greet"}, {Name: "inform"}},
		Entities: []dialogue.EntitySpec{{Name: "city"}, {Name: "metal"}},
	}
	return d.Finish()
}

func TestShortcutReadsIntentConfidenceAndEntities(t *testing.T) {
	t.Parallel()
	one := func(name string, value any, start, end int) []dialogue.Entity {
		return []dialogue.Entity{{Entity: name, Value: value, Start: start, End: end, Extractor: "RegexMessageHandler"}}
	}
	for _, c := range []struct {
		text       string
		intent     string // "": no shortcut
		confidence float64
		entities   []dialogue.Entity
		warnings   int
	}{
		{"/greet", "greet", 1, nil, 0},
		{"/greet@0.9", "greet", 0.9, nil, 0},
		{`/inform@0.9{"city":"Rome"}`, "inform", 0.9, one("city", "Rome", 11, 26), 0},
		{`/inform{"city":"Rome"}@0.9`, "inform", 1, one("city", "Rome", 7, 22), 1},
		{`/inform {"city":1}`, "inform", 1, one("city", 1, 8, 18), 0},
		{`  /inform{"city":1.5}  `, "inform", 1, one("city", 1.5, 7, 19), 0},
		{"/inform{}", "inform", 1, nil, 1},
		{"/inform{\n\"city\":1}", "inform", 1, nil, 1},
		{"/greet hello", "", 0, nil, 1},
		{"/greet\n/x", "", 0, nil, 1},
		{"/ greet", "greet", 1, nil, 0},
		{`/inform{"city":1}}`, "inform", 1, nil, 1},
		{`/inform{"city":1}{"metal":2}`, "inform", 1, nil, 1},
		{`/inform{"city":"x","city":"y"}`, "inform", 1, one("city", "y", 7, 30), 0},
		{`/inform{"city":[]}`, "inform", 1, nil, 0},
		{`/inform{"city":null}`, "inform", 1, one("city", nil, 7, 20), 0},
		{`/inform{"planet":"x"}`, "inform", 1, nil, 1},
		{`/inform{"city":{"a":[1,2.5]}}`, "inform", 1, one("city", map[string]any{"a": []any{1, 2.5}}, 7, 29), 0},
		{"/", "", 0, nil, 1},
		{"/@0.3", "", 0, nil, 1},
		{"/inform@1.5", "inform", 1, nil, 1},
		{"/inform@0.9.1", "inform", 0, nil, 1},
		{"/inform@.", "inform", 0, nil, 1},
		{"/inform@abc", "inform", 1, nil, 1},
		{"/nosuch", "", 0, nil, 1},
		{"hello", "", 0, nil, 0},
	} {
		got, ok, warnings := Shortcut(c.text, gems())
		if ok != (c.intent != "") || len(warnings) != c.warnings {
			t.Errorf("Shortcut(%q): ok %v, warnings %q", c.text, ok, warnings)
			continue
		}
		if !ok {
			continue
		}
		text := strings.TrimSpace(c.text)
		intent := dialogue.Intent{Name: c.intent, Confidence: c.confidence}
		if c.entities == nil {
			c.entities = []dialogue.Entity{}
		}
		want := dialogue.Parse{Text: &text, Intent: intent, Ranking: []dialogue.Intent{intent}, Entities: c.entities}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Shortcut(%q) (-want +got):\n%s", c.text, diff)
		}
	}
}

func TestShortcutWithoutDomainTakesEveryName(t *testing.T) {
	t.Parallel()
	got, ok, _ := Shortcut(`/any{"thing":"x"}`, nil)
	if !ok || got.Intent.Name != "any" || len(got.Entities) != 1 {
		t.Errorf("got %+v, %v", got, ok)
	}
}

func FuzzShortcut(f *testing.F) {
	for _, s := range []string{"/greet", `/inform@0.5{"city":["a",{"b":1}]} x`, "/@", "/inform{\"city\":\xff}", "/inform@1e9{}}"} {
		f.Add(s)
	}
	d := gems()
	f.Fuzz(func(t *testing.T, text string) {
		p, ok, _ := Shortcut(text, d)
		if !ok {
			return
		}
		if p.Intent.Confidence < 0 || p.Intent.Confidence > 1 {
			t.Fatalf("%q: confidence %v", text, p.Intent.Confidence)
		}
		for _, e := range p.Entities {
			if e.Start < 0 || e.End <= e.Start || e.End > utf8.RuneCountInString(*p.Text) {
				t.Fatalf("%q: entity at %d-%d", text, e.Start, e.End)
			}
		}
	})
}
