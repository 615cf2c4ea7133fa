package project

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"parley/dialogue"
	"parley/nlu"
)

func TestAnnotateMarksEntitiesAsTrainingDataDoes(t *testing.T) {
	t.Parallel()
	entity := func(start, end int, name string, value any) dialogue.Entity {
		return dialogue.Entity{Entity: name, Start: start, End: end, Value: value}
	}
	withRole := entity(3, 7, "city", "Rome")
	withRole.Role = "to"
	for name, c := range map[string]struct {
		text     string
		entities []dialogue.Entity
		want     string
	}{
		"none":                    {"to Rome", nil, "to Rome"},
		"one":                     {"to Rome now", []dialogue.Entity{entity(3, 7, "city", "Rome")}, "to [Rome](city) now"},
		"another value":           {"to Rome", []dialogue.Entity{entity(3, 7, "city", "ROM")}, `to [Rome]{"entity": "city", "value": "ROM"}`},
		"a role":                  {"to Rome", []dialogue.Entity{withRole}, `to [Rome]{"entity": "city", "role": "to"}`},
		"code points":             {"é Rome", []dialogue.Entity{entity(2, 6, "city", "Rome")}, "é [Rome](city)"},
		"two of one span":         {"Rome", []dialogue.Entity{entity(0, 4, "city", "Rome"), entity(0, 4, "name", "Rome")}, `[Rome][{"entity": "city"}, {"entity": "name"}]`},
		"in the order of text":    {"ab", []dialogue.Entity{entity(1, 2, "y", "b"), entity(0, 1, "x", "a")}, "[a](x)[b](y)"},
		"one within another":      {"abc", []dialogue.Entity{entity(0, 3, "x", "abc"), entity(1, 2, "y", "b")}, "[abc](x)"},
		"outside the text":        {"ab", []dialogue.Entity{entity(1, 3, "x", "b"), entity(-1, -1, "y", "")}, "ab"},
		"a shortcut has them all": {`/inform{"city": "Rome"}`, []dialogue.Entity{entity(7, 23, "city", "Rome")}, `/inform{"city": "Rome"}`},
	} {
		if diff := cmp.Diff(c.want, Annotate(c.text, c.entities)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestWrittenExamplesAreReadBackAsTheyWere(t *testing.T) {
	t.Parallel()
	d := &nlu.TrainingData{
		Examples: []nlu.Example{
			{Text: "to Rome", Intent: "inform", Entities: []dialogue.Entity{{Entity: "city", Value: "Rome", Start: 3, End: 7}}},
			{Text: "when", Intent: "faq", ResponseKey: "faq/open"},
		},
		Synonyms:  map[string]string{"big apple": "New York", "NYC": "New York"},
		Regexes:   []nlu.Regex{{Name: "zip", Pattern: `\d{5}`}},
		Lookups:   []nlu.Lookup{{Name: "city", Elements: []string{"Rome", "Oslo"}}},
		Responses: map[string][]dialogue.Response{"utter_faq/open": {{Body: map[string]any{"text": "Nine"}}}, "utter_faq/where": nil, "utter_hi": nil},
	}
	data, responses := WriteNLU(d)
	r := newReader()
	tr := r.newTraining()
	for _, part := range [][]byte{data, responses} {
		tr.readNLU(r.document("nlu.yml", part))
	}
	if err := r.err(); err != nil {
		t.Fatal(err)
	}
	got := tr.data()
	for i := range got.Examples {
		got.Examples[i].File, got.Examples[i].Line = "", 0
	}
	got.Regexes[0].File, got.Regexes[0].Line, got.Lookups[0].File, got.Lookups[0].Line = "", 0, "", 0
	want := *d
	want.Responses = map[string][]dialogue.Response{"utter_faq/open": d.Responses["utter_faq/open"]}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzAppendYAML(f *testing.F) {
	f.Add("a: b", "- c", 3)
	f.Add("line\nline", "#", -1)
	f.Fuzz(func(t *testing.T, key, value string, number int) {
		want := map[string]any{"v": []any{value, number, nil, map[string]any{"k" + key: value}, []any{}}}
		doc := append([]byte("root:"), AppendYAML(nil, want, 0)...)
		var got map[string]any
		if err := yaml.Unmarshal(doc, &got); err != nil {
			t.Fatalf("%v in\n%s", err, doc)
		}
		clean := func(s string) string { return string([]rune(s)) } // bytes that are no UTF-8 cannot come back
		want = map[string]any{"v": []any{clean(value), number, nil, map[string]any{clean("k" + key): clean(value)}, []any{}}}
		if diff := cmp.Diff(any(want), got["root"]); diff != "" {
			t.Errorf("%s in\n%s", diff, doc)
		}
	})
}
