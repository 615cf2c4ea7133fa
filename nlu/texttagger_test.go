package nlu

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/dialogue"
	"parley/learn"
)

// residents are texts with the names and the towns of people.
func residents() []Example {
	var all []Example
	for i, name := range []string{"Sara", "Tom Miller", "Anna", "Peter", "Mary Ann", "John", "Julia", "Zoë"} {
		town := []string{"Berlin", "New York", "Paris", "Rome", "San Francisco", "Oslo", "Köln", "Vienna"}[i]
		for _, parts := range [][]string{{"my name is ", name}, {"I am ", name, " from ", town}, {"I live in ", "", "", town}, {"how are you today"}} {
			var e Example
			for k, part := range parts {
				start := len([]rune(e.Text))
				e.Text += part
				if kind := []string{"", "name", "", "city"}[k]; kind != "" && part != "" {
					e.Entities = append(e.Entities, dialogue.Entity{Entity: kind, Role: "resident", Start: start, End: len([]rune(e.Text)), Value: part})
				}
			}
			all = append(all, e)
		}
	}
	return all
}

func textTagger(t *testing.T, configs []Config, o TextTaggerOptions) (*Pipeline, *TextTagger) {
	t.Helper()
	data := &TrainingData{Examples: []Example{{Text: "hello there", Intent: "greet"}, {Text: "good bye", Intent: "bye"}}}
	p, err := Train(t.Context(), configs, data, TrainOptions{Language: "en"})
	if err != nil {
		t.Fatal(err)
	}
	x, err := TrainTextTagger(t.Context(), p, residents(), o)
	if err != nil {
		t.Fatal(err)
	}
	return p, x
}

func TestTextTaggerFindsEntities(t *testing.T) {
	t.Parallel()
	p, x := textTagger(t, DefaultPipeline(), TextTaggerOptions{Extractor: "TEDPolicy", BILOU: true})
	data, err := x.Encode()
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := TextTaggerFrom(p, data)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := loaded.Encode(); err != nil || !cmp.Equal(data, again) {
		t.Errorf("written again it differs (%v)", err)
	}
	if _, other := textTagger(t, DefaultPipeline(), TextTaggerOptions{Extractor: "TEDPolicy", BILOU: true}); other != nil {
		if again, err := other.Encode(); err != nil || !cmp.Equal(data, again) {
			t.Errorf("trained again it differs (%v)", err)
		}
	}
	name, city := func(value string, start, end int) dialogue.Entity {
		return dialogue.Entity{Entity: "name", Value: value, Start: start, End: end, Extractor: "TEDPolicy"}
	}, func(value string, start, end int) dialogue.Entity {
		return dialogue.Entity{Entity: "city", Value: value, Start: start, End: end, Extractor: "TEDPolicy"}
	}
	for text, want := range map[string][]dialogue.Entity{
		"my name is Robert":           {name("Robert", 11, 17)},
		"I am Zoë from Köln":          {name("Zoë", 5, 8), city("Köln", 14, 18)},
		"I am Tom Miller from Madrid": {name("Tom Miller", 5, 15), city("Madrid", 21, 27)},
		"how are you today":           nil,
		"":                            nil,
	} {
		for what, tagger := range map[string]*TextTagger{"trained": x, "loaded": loaded} {
			got, err := tagger.Tag(t.Context(), text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(dialogue.Entity{}, "Confidence")); diff != "" {
				t.Errorf("%s: %q (-want +got):\n%s", what, text, diff)
			}
			for _, e := range got {
				if e.Confidence == nil || *e.Confidence <= 0 || *e.Confidence > 1 {
					t.Errorf("%s: %q: confidence %v of %s", what, text, e.Confidence, e.Entity)
				}
			}
		}
	}
}

func TestTextTaggerReportsWhatIsWrong(t *testing.T) {
	t.Parallel()
	p, x := textTagger(t, DefaultPipeline(), TextTaggerOptions{Extractor: "TEDPolicy"})
	good, err := x.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var w learn.FileWriter
	w.Bytes("options", []byte("{}"))
	hollow, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"nothing": nil, "cut short": good[:len(good)/2], "no weights": hollow} {
		if _, err := TextTaggerFrom(p, data); !errors.Is(err, learn.ErrCorrupt) {
			t.Errorf("%s: got %v, want ErrCorrupt", name, err)
		}
	}
}

func TestTextTaggerWithNothingToLearn(t *testing.T) {
	t.Parallel()
	var warnings []string
	warn := func(m string) { warnings = append(warnings, m) }
	p, x := textTagger(t, []Config{{Name: "KeywordIntentClassifier"}}, TextTaggerOptions{Extractor: "TEDPolicy", Warn: warn})
	if x != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "TEDPolicy: entities in texts cannot be learned") {
		t.Errorf("without a tokenizer: got %v and the warnings %q", x, warnings)
	}
	x, err := TrainTextTagger(t.Context(), p, []Example{{Text: "no entity"}}, TextTaggerOptions{Extractor: "TEDPolicy", Warn: warn})
	if x != nil || err != nil || len(warnings) != 1 {
		t.Errorf("without entities: got %v, %v and the warnings %q", x, err, warnings)
	}
}
