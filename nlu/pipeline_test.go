package nlu

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
	"parley/learn"
)

// starter is a small bot: intents, an entity, retrieval intents.
func starter() *TrainingData {
	d := travel()
	for _, faq := range []struct{ key, text string }{
		{"faq/price", "what does it cost"},
		{"faq/price", "how much is a ticket"},
		{"faq/price", "tell me the price"},
		{"faq/hours", "when do you open"},
		{"faq/hours", "opening hours please"},
		{"faq/hours", "are you open on sunday"},
	} {
		d.Examples = append(d.Examples, Example{Text: faq.text, Intent: "faq", ResponseKey: faq.key})
	}
	d.Regexes = []Regex{{Name: "number", Pattern: `\d+`}}
	d.Lookups = []Lookup{{Name: "city", Elements: []string{"Berlin", "Paris"}}}
	d.Responses = map[string][]dialogue.Response{
		"utter_faq/price": {{Body: map[string]any{"text": "It is 5 euros."}}},
		"utter_faq/hours": {{Body: map[string]any{"text": "From 9 to 5.", "image": "i.png"}}},
	}
	return d
}

// sections saves a pipeline.
func sections(t testing.TB, p *Pipeline) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	if err := p.Save(func(name string, data []byte) error { out[name] = data; return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

// load loads a pipeline from sections.
func load(s map[string][]byte) (*Pipeline, error) {
	return Load(func(name string) ([]byte, error) {
		if data, ok := s[name]; ok {
			return data, nil
		}
		return nil, fmt.Errorf("no section %s", name)
	})
}

// selectorOf is the response_selector object of an answer, as it is written.
func selectorOf(t *testing.T, p dialogue.Parse) map[string]any {
	t.Helper()
	v, err := dialogue.DecodeJSON(p.AppendJSON(nil))
	if err != nil {
		t.Fatal(err)
	}
	answer, ok := v.(map[string]any)
	if !ok {
		t.Fatalf("the answer is %T", v)
	}
	selector, ok := answer["response_selector"].(map[string]any)
	if !ok {
		t.Fatalf("no response_selector in %v", answer)
	}
	return selector
}

func TestParseHasRasasShape(t *testing.T) {
	t.Parallel()
	p := train(t, DefaultPipeline(), starter())
	got := parse(t, p, "how much is it")
	if got.Intent.Name != "faq" || len(got.Ranking) != 3 || !cmp.Equal(got.Ranking[0], got.Intent) {
		t.Errorf("intent %v, ranking %v", got.Intent, got.Ranking)
	}
	sum := 0.0
	for _, r := range got.Ranking {
		sum += r.Confidence
		if r.Confidence != float64(float32(r.Confidence)) {
			t.Errorf("%v is no float32 widened", r.Confidence)
		}
	}
	if sum < 0.999 || sum > 1.001 {
		t.Errorf("confidences add up to %v", sum)
	}
	if diff := cmp.Diff([][2]int{{0, 3}, {4, 8}, {9, 11}, {12, 14}}, got.Tokens); diff != "" {
		t.Errorf("tokens (-want +got):\n%s", diff)
	}
	all := selectorOf(t, got)
	selector, ok := all["default"].(map[string]any)
	if !ok {
		t.Fatalf("selector %v", got.Selector)
	}
	response, ok := selector["response"].(map[string]any)
	if !ok {
		t.Fatalf("selector %v", selector)
	}
	confidence := response["confidence"]
	delete(response, "confidence")
	want := map[string]any{"responses": []any{map[string]any{"text": "It is 5 euros."}}, "intent_response_key": "faq/price", "utter_action": "utter_faq/price"}
	if diff := cmp.Diff(want, response); diff != "" {
		t.Errorf("response (-want +got):\n%s", diff)
	}
	ranking, ok := selector["ranking"].([]any)
	if !ok || len(ranking) != 2 || !cmp.Equal(ranking[0], any(map[string]any{"confidence": confidence, "intent_response_key": "faq/price"})) {
		t.Errorf("ranking %v", selector["ranking"])
	}
	if diff := cmp.Diff([]any{"faq"}, all["all_retrieval_intents"]); diff != "" {
		t.Errorf("retrieval intents (-want +got):\n%s", diff)
	}
}

func TestSelectorWithoutRetrievalIntentsAnswersNothing(t *testing.T) {
	t.Parallel()
	got := parse(t, train(t, DefaultPipeline(), travel()), "hello")
	want := map[string]any{"all_retrieval_intents": []any{}, "default": map[string]any{
		"response": map[string]any{"responses": nil, "confidence": 0.0, "intent_response_key": nil, "utter_action": "utter_None"},
		"ranking":  []any{},
	}}
	if diff := cmp.Diff(want, selectorOf(t, got)); diff != "" {
		t.Errorf("selector (-want +got):\n%s", diff)
	}
}

func TestSelectorsOfSeveralIntentsStandSideBySide(t *testing.T) {
	t.Parallel()
	d := starter()
	d.Examples = append(d.Examples, Example{Text: "who are you", Intent: "chat", ResponseKey: "chat/name"})
	pipeline := append(configs("WhitespaceTokenizer", "CountVectorsFeaturizer"),
		Config{Name: "ResponseSelector", Options: map[string]any{"retrieval_intent": "faq"}},
		Config{Name: "ResponseSelector", Options: map[string]any{"retrieval_intent": "chat", "use_text_as_label": true}})
	got := parse(t, train(t, pipeline, d), "when do you open")
	if diff := cmp.Diff([]string{"all_retrieval_intents", "chat", "faq"}, slices.Sorted(maps.Keys(selectorOf(t, got)))); diff != "" {
		t.Errorf("selectors (-want +got):\n%s", diff)
	}
	chat, ok := selectorOf(t, got)["chat"].(map[string]any)
	if !ok {
		t.Fatal("no selector for chat")
	}
	response, ok := chat["response"].(map[string]any)
	if !ok || response["intent_response_key"] != "chat/name" || !cmp.Equal(response["responses"], any([]any{map[string]any{"text": "chat/name"}})) {
		t.Errorf("response %v: the only key, and its name in place of a text", response)
	}
}

func TestFallbackStandsBeforeTheRanking(t *testing.T) {
	t.Parallel()
	p := train(t, DefaultPipeline(), starter())
	got := parse(t, p, "ξξξ")
	if got.Intent.Name != "nlu_fallback" || got.Intent.Confidence != 0.3 || len(got.Ranking) != 4 || !cmp.Equal(got.Ranking[0], got.Intent) {
		t.Errorf("intent %v, ranking %v", got.Intent, got.Ranking)
	}
	third := got.Ranking[1].Confidence
	if third < 0.33 || third > 0.34 {
		t.Errorf("a text without a known feature gives %v to each of three intents", third)
	}
}

func TestTrainingIsTheSameOnAnyNumberOfCoresAndInAnyOrder(t *testing.T) {
	want := sections(t, train(t, DefaultPipeline(), starter()))
	before := runtime.GOMAXPROCS(1)
	one := sections(t, train(t, DefaultPipeline(), starter()))
	runtime.GOMAXPROCS(4)
	four := sections(t, train(t, DefaultPipeline(), starter()))
	runtime.GOMAXPROCS(before)
	turned := starter()
	slices.Reverse(turned.Examples)
	other := sections(t, train(t, DefaultPipeline(), turned))
	for name, data := range want {
		if !bytes.Equal(data, one[name]) || !bytes.Equal(data, four[name]) {
			t.Errorf("%s differs by the number of cores", name)
		}
		if strings.Contains(name, "DIET") && !bytes.Equal(data, other[name]) {
			t.Errorf("%s differs by the order of the examples", name)
		}
	}
}

func TestALoadedPipelineAnswersAsTheTrainedOne(t *testing.T) {
	t.Parallel()
	pipeline := append(DefaultPipeline(), configs("RegexEntityExtractor", "CRFEntityExtractor", "KeywordIntentClassifier", "LogisticRegressionClassifier")...)
	p := train(t, pipeline, starter())
	loaded, err := load(sections(t, p))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "hello", "fly me from Paris to nyc", "how much", "é 12 Berlin", "zzz"} {
		if diff := cmp.Diff(parse(t, p, text), parse(t, loaded, text)); diff != "" {
			t.Errorf("%q (-trained +loaded):\n%s", text, diff)
		}
	}
}

func TestAnEmptyPipelineAnswersNoIntent(t *testing.T) {
	t.Parallel()
	text := "hello"
	want := dialogue.Parse{Text: &text, Entities: []dialogue.Entity{}}
	if diff := cmp.Diff(want, parse(t, train(t, nil, starter()), text)); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestTrainStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Train(ctx, DefaultPipeline(), starter(), TrainOptions{Progress: func(component string, done float64) {
		if component == "DIETClassifier" && done > 0.3 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestLoadRefusesDamage(t *testing.T) {
	t.Parallel()
	whole := sections(t, train(t, DefaultPipeline(), starter()))
	for name := range whole {
		for what, damaged := range map[string][]byte{
			"empty": {}, "cut": whole[name][:len(whole[name])/2], "foreign": []byte("not a model at all, but long enough for a header"),
		} {
			s := maps.Clone(whole)
			s[name] = damaged
			if _, err := load(s); !errors.Is(err, learn.ErrCorrupt) {
				t.Errorf("%s %s: %v", name, what, err)
			}
		}
		s := maps.Clone(whole)
		delete(s, name)
		if _, err := load(s); err == nil {
			t.Errorf("%s missing: no error", name)
		}
	}
	s := maps.Clone(whole)
	s["pipeline.json"] = bytes.Replace(s["pipeline.json"], []byte(`1`), []byte(`99`), 1)
	if _, err := load(s); !errors.Is(err, ErrUnknownFormat) {
		t.Errorf("a later format: %v", err)
	}
}

// repaired makes the checksums of a weights file right.
func repaired(data []byte) []byte {
	le := binary.LittleEndian
	if len(data) < 24 {
		return data
	}
	count := int(le.Uint32(data[12:]))
	if count > (len(data)-24)/64 {
		return data
	}
	table := data[24 : 24+64*count]
	castagnoli := crc32.MakeTable(crc32.Castagnoli)
	for i := range count {
		entry := table[64*i:]
		offset, length := le.Uint64(entry[48:]), le.Uint64(entry[56:])
		if offset <= uint64(len(data)) && length <= uint64(len(data))-offset {
			le.PutUint32(entry[44:], crc32.Checksum(data[offset:offset+length], castagnoli))
		}
	}
	le.PutUint32(data[16:], crc32.Checksum(table, castagnoli))
	return data
}

func FuzzLoad(f *testing.F) {
	whole := sections(f, train(f, DefaultPipeline(), starter()))
	names := slices.Sorted(maps.Keys(whole))
	f.Add(uint(0), uint(3), byte(1), false)
	f.Add(uint(4), uint(4096), byte(255), true)
	f.Fuzz(func(t *testing.T, section, at uint, change byte, repair bool) {
		s := maps.Clone(whole)
		name := names[section%uint(len(names))]
		data := bytes.Clone(s[name])
		data[at%uint(len(data))] ^= change
		if repair { // so that the checks behind the checksums are reached
			data = repaired(data)
		}
		s[name] = data
		p, err := load(s)
		if err != nil {
			return
		}
		if _, err := p.Parse(t.Context(), "fly me from Paris to Rome 12"); err != nil {
			t.Logf("parse: %v", err)
		}
	})
}
