package nlu

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
)

// warnings trains and gives what the user is told.
func warnings(t *testing.T, pipeline []Config, data *TrainingData) string {
	t.Helper()
	var told []string
	if _, err := Train(t.Context(), pipeline, data, TrainOptions{Language: "en", Warn: func(w string) { told = append(told, w) }}); err != nil {
		t.Fatal(err)
	}
	return strings.Join(told, "\n")
}

func TestKeywordsMatchInTrainingOrder(t *testing.T) {
	t.Parallel()
	data := &TrainingData{Examples: []Example{
		{Text: "good day", Intent: "greet"},
		{Text: "bye", Intent: "leave"},
		{Text: "how are you?", Intent: "mood"},
		{Text: "both", Intent: "greet"},
		{Text: "both", Intent: "leave"},
		{Text: "day", Intent: "time"},
		{Text: "a (b", Intent: "odd"},
		{Text: `\d+ stars`, Intent: "rate"},
	}}
	p := train(t, configs("KeywordIntentClassifier"), data)
	for text, want := range map[string]string{
		"bye and good day": "greet", "good days": "", "Good day": "", "how are yo": "mood", "say bye!": "leave", "both": "",
		"day":  "", // part of good day, a keyword of another intent
		"a (b": "odd", "5 stars": "rate", "": "",
	} {
		got := parse(t, p, text).Intent
		confidence := 1.0
		if want == "" {
			confidence = 0
		}
		if got.Name != want || got.Confidence != confidence {
			t.Errorf("%q: %+v, want %q", text, got, want)
		}
	}
	p = train(t, []Config{{Name: "KeywordIntentClassifier", Options: map[string]any{"case_sensitive": false}}}, data)
	if got := parse(t, p, "Good DAY").Intent.Name; got != "greet" {
		t.Errorf("case-insensitive: %q", got)
	}
	if told := warnings(t, configs("KeywordIntentClassifier"), data); !strings.Contains(told, `"both"`) || !strings.Contains(told, `"day"`) {
		t.Errorf("warnings: %s", told)
	}
}

func TestKeywordsKeepAnEarlierIntent(t *testing.T) {
	t.Parallel()
	p := train(t, append(intentsOnly()[:6], configs("KeywordIntentClassifier")...), starter())
	if got := parse(t, p, "book me a flight to Rome today").Intent.Name; got != "book" {
		t.Errorf("got %q: no keyword, so the intent found before stays", got)
	}
}

func TestSynonymsReplaceValues(t *testing.T) {
	t.Parallel()
	s := &synonymMapper{alone: []string{"EntitySynonymMapper"}}
	data := &TrainingData{Synonyms: map[string]string{"NYC": "New York"}, Examples: []Example{
		{Text: "to Oslo", Entities: []dialogue.Entity{{Entity: "city", Value: "Oslo", Start: 3, End: 7}}},
		{Text: "é ten", Entities: []dialogue.Entity{{Entity: "n", Value: 10, Start: 2, End: 5}}},
	}}
	if err := s.train(t.Context(), newTraining(data, TrainOptions{}, 0, 0)); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"nyc": "New York", "new york": "New York", "oslo": "Oslo", "ten": "10", "10": "10"}
	if diff := cmp.Diff(want, s.values); diff != "" {
		t.Errorf("synonyms (-want +got):\n%s", diff)
	}
	m := &message{entities: []dialogue.Entity{{Value: "OSLO"}, {Value: 10, Processors: []string{"A"}}, {Value: 2.5}, {Value: nil}}}
	if err := s.process(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	after := []dialogue.Entity{{Value: "Oslo", Processors: []string{"EntitySynonymMapper"}}, {Value: "10", Processors: []string{"A", "EntitySynonymMapper"}}, {Value: 2.5}, {Value: nil}}
	if diff := cmp.Diff(after, m.entities); diff != "" {
		t.Errorf("entities (-want +got):\n%s", diff)
	}
}

func TestRegexesComeBeforeLookupsSortedByName(t *testing.T) {
	t.Parallel()
	entity := func(kind string) Example {
		return Example{Text: "x", Entities: []dialogue.Entity{{Entity: kind, Value: "x", Start: 0, End: 1}}}
	}
	data := &TrainingData{
		Examples: []Example{entity("b"), entity("a"), entity("l")},
		Regexes:  []Regex{{Name: "b", Pattern: "2"}, {Name: "a", Pattern: "1"}, {Name: "unused", Pattern: "1"}}, Lookups: []Lookup{{Name: "l", Elements: []string{"0"}}},
	}
	var got []string
	for _, e := range parse(t, train(t, configs("RegexEntityExtractor"), data), "0 1 2 1").Entities {
		got = append(got, fmt.Sprint(e.Entity, e.Start))
	}
	if diff := cmp.Diff([]string{"a2", "a6", "b4", "l0"}, got); diff != "" {
		t.Errorf("entities (-want +got):\n%s", diff)
	}
}

func TestSklearnClassifierChoosesACost(t *testing.T) {
	t.Parallel()
	p := train(t, configs("WhitespaceTokenizer", "CountVectorsFeaturizer", "SklearnIntentClassifier"), starter())
	got := parse(t, p, "fly me to Rome")
	if got.Intent.Name != "book" || len(got.Ranking) != 3 {
		t.Errorf("intent %v, ranking %v", got.Intent, got.Ranking)
	}
}

func TestRankingLengthAndRenormalisation(t *testing.T) {
	t.Parallel()
	pipeline := intentsOnly()[:6]
	pipeline[5].Options = map[string]any{"entity_recognition": false, "ranking_length": 2, "renormalize_confidences": true}
	got := parse(t, train(t, pipeline, starter()), "hello")
	if len(got.Ranking) != 2 {
		t.Fatalf("ranking %v", got.Ranking)
	}
	if sum := got.Ranking[0].Confidence + got.Ranking[1].Confidence; sum < 0.999 || sum > 1.001 {
		t.Errorf("confidences add up to %v", sum)
	}
}

func TestCountVectorsOptionsShapeTheFeatures(t *testing.T) {
	t.Parallel()
	count := func(options map[string]any, text string) int {
		o := newOptions(Config{Name: "CountVectorsFeaturizer", Options: options})
		c, ok := newCountVectorsFeaturizer(o).(*countFeaturizer)
		if err := o.finish(); err != nil || !ok {
			t.Fatal(err)
		}
		m := &message{}
		m.reset(text, 0, 0)
		m.tokens = whitespaceTokens(nil, text, false)
		e := newEncoder([]block{c.block}, []*message{m})
		return e.columns()
	}
	for _, c := range []struct {
		options map[string]any
		text    string
		want    int
	}{
		{nil, "Hello hello world", 2},
		{map[string]any{"lowercase": false}, "Hello hello world", 3},
		{map[string]any{"max_ngram": 2}, "a b c", 5},
		{map[string]any{"stop_words": "english"}, "the cat is here", 1},
		{map[string]any{"stop_words": []any{"cat"}}, "the cat is here", 3},
		{map[string]any{"strip_accents": "unicode"}, "cafe café", 1},
		{map[string]any{"max_features": 2}, "a b c d", 2},
		{nil, "12 34 5x", 2}, // numbers count as one word
		{map[string]any{"OOV_token": "oov", "OOV_words": []any{"b", "c"}}, "a b c", 2},
		{map[string]any{"analyzer": "char_wb", "min_ngram": 3, "max_ngram": 3}, "ab abc", 4}, // " ab", "ab ", "abc", "bc "
		{map[string]any{"analyzer": "char_wb", "min_ngram": 5, "max_ngram": 5}, "ab", 1},     // the word itself
		{map[string]any{"analyzer": "char", "min_ngram": 3, "max_ngram": 3}, "ab cd", 3},     // over the space between
		{map[string]any{"min_df": 2}, "a b", 0},
	} {
		if got := count(c.options, c.text); got != c.want {
			t.Errorf("%v of %q: %d features, want %d", c.options, c.text, got, c.want)
		}
	}
}

func TestFallbackSaysWhenItsThresholdRefusesMuch(t *testing.T) {
	t.Parallel()
	pipeline := intentsOnly()
	pipeline[6].Options = map[string]any{"threshold": 0.999}
	data := readNLU(t, shared(t, "bots", "helpdesk-assistant", "data", "nlu.yml"))
	if told := warnings(t, pipeline, data); !strings.Contains(told, "threshold 1.00") {
		t.Errorf("warnings: %s", told)
	}
}

func TestForeignComponentsCanBeLeftOut(t *testing.T) {
	t.Parallel()
	warn := map[string]any{"on_missing": "warn"}
	pipeline := []Config{
		{Name: "SpacyNLP", Options: map[string]any{"on_missing": "warn", "model": "en_core_web_md"}},
		{Name: "SpacyTokenizer", Options: warn},
		{Name: "SpacyFeaturizer", Options: warn},
		{Name: "DIETClassifier"},
		{Name: "SpacyEntityExtractor", Options: warn},
	}
	p := train(t, pipeline, starter())
	if got := parse(t, p, "hello there"); got.Intent.Name != "greet" || len(got.Tokens) != 2 {
		t.Errorf("got %+v", got)
	}
	if told := warnings(t, pipeline, starter()); strings.Count(told, "spaCy") != 4 {
		t.Errorf("warnings: %s", told)
	}
	if _, err := load(sections(t, p)); err != nil {
		t.Error(err)
	}
}
