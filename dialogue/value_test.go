package dialogue

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPyStringPrintsAsPython(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in   any
		want string
	}{
		{nil, "None"},
		{true, "True"},
		{false, "False"},
		{5, "5"},
		{5.0, "5.0"},
		{-0.1, "-0.1"},
		{1e-5, "1e-05"},
		{1e16, "1e+16"},
		{123456789012345680.0, "1.2345678901234568e+17"},
		{1e15, "1000000000000000.0"},
		{0.0001, "0.0001"},
		{0.0, "0.0"},
		{math.Copysign(0, -1), "-0.0"},
		{"it's", "it's"},
		{[]any{"a", "b"}, "['a', 'b']"},
		{[]any{"it's", `say "x"`, `it's "x"`}, `["it's", 'say "x"', 'it\'s "x"']`},
		{map[string]any{"k": "v", "a": nil}, "{'a': None, 'k': 'v'}"},
		{[]any{"\n\t\\\x00\u00a0\u2028é😀"}, `['\n\t\\\x00\xa0\u2028é😀']`},
		{[]any{}, "[]"},
	} {
		if got := PyString(tc.in); got != tc.want {
			t.Errorf("PyString(%#v) = %s, want %s", tc.in, got, tc.want)
		}
	}
}

func TestEqualComparesAsPython(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		a, b any
		want bool
	}{
		{nil, nil, true},
		{nil, false, false},
		{1, 1.0, true},
		{1, true, true},
		{0.0, false, true},
		{2, true, false},
		{"1", 1, false},
		{1 << 60, 1<<60 + 1, false},
		{[]any{1, "a"}, []any{1.0, "a"}, true},
		{[]any{1}, []any{1, 2}, false},
		{map[string]any{"a": 1}, map[string]any{"a": true}, true},
		{map[string]any{"a": nil}, map[string]any{"b": nil}, false},
		{map[string]any{}, []any{}, false},
	} {
		if got := Equal(tc.a, tc.b); got != tc.want {
			t.Errorf("Equal(%#v, %#v) = %v", tc.a, tc.b, got)
		}
		if got := Equal(tc.b, tc.a); got != tc.want {
			t.Errorf("Equal(%#v, %#v) = %v", tc.b, tc.a, got)
		}
	}
}

func TestTruthyIsPythons(t *testing.T) {
	t.Parallel()
	for _, v := range []any{nil, false, "", 0, 0.0, []any{}, map[string]any{}} {
		if Truthy(v) {
			t.Errorf("Truthy(%#v)", v)
		}
	}
	for _, v := range []any{true, " ", -1, 0.1, []any{nil}, map[string]any{"": nil}} {
		if !Truthy(v) {
			t.Errorf("not Truthy(%#v)", v)
		}
	}
}

func TestDecodeJSONKeepsNumbersApart(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]any{
		`5`:                                5,
		`5.0`:                              5.0,
		`-0`:                               0,
		`1e2`:                              100.0,
		`12345678901234567890123`:          12345678901234567890123.0,
		`"\ud83d\ude00\u00fc\/\b"`:         "😀ü/\b",
		`"\ud83d x"`:                       "\ufffd x",
		"\"a\xffb\"":                       "a\ufffdb",
		`{"a":1,"a":2}`:                    map[string]any{"a": 2},
		` [ ] `:                            []any{},
		`{ "x" : [ null , true , false ]}`: map[string]any{"x": []any{nil, true, false}},
	} {
		got, err := DecodeJSON([]byte(in))
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", in, diff)
		}
	}
}

func TestDecodeJSONRefuses(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"", " ", "nul", "truex", "1 2", "[1,]", "{,}", `{"a"}`, `{"a":}`, `{a:1}`, "NaN", "[Infinity]", "-", "01", "1.", "1e", ".5",
		"1e999", `"`, `"\x"`, `"\u12"`, "\"\n\"", "[1", `{"a":1`, strings.Repeat("[", 1001) + strings.Repeat("]", 1001),
	} {
		v, err := DecodeJSON([]byte(in))
		if _, ok := errors.AsType[*JSONError](err); !ok {
			t.Errorf("%q is read as %#v, error %v", in, v, err)
		}
	}
	if _, err := DecodeJSON([]byte(strings.Repeat("[", 1000) + strings.Repeat("]", 1000))); err != nil {
		t.Errorf("depth 1000: %v", err)
	}
}

func TestDecodeBodyReadsAsTheReference(t *testing.T) {
	t.Parallel()
	want := map[string]any{"a\tb": "one\ntwo\x01\nü"}
	if got, err := DecodeBody([]byte("{\"a\tb\": \"one\ntwo\x01\\n\u00fc\"}")); err != nil || !cmp.Equal(want, got) {
		t.Errorf("control characters: got %#v, error %v", got, err)
	}
	for _, in := range []string{"\"a\x00\"", "\"a\xff\"", "\"\\n\xc3\"", "{\"\xed\xa0\x80\":1}", "1 2", "\"a\n"} {
		v, err := DecodeBody([]byte(in))
		if _, ok := errors.AsType[*JSONError](err); !ok {
			t.Errorf("%q is read as %#v, error %v", in, v, err)
		}
	}
}

func TestAppendJSONIsAlwaysValid(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]any{
		`"\u0000\n\"\\\u007fü\ufffd"`: "\x00\n\"\\\x7fü\xff",
		`[1,1.0,null,null]`:           []any{1, 1.0, math.NaN(), math.Inf(-1)},
		`{"a":{},"b":[]}`:             map[string]any{"b": []any{}, "a": map[string]any{}},
		`null`:                        struct{}{},
	} {
		got := AppendJSON(nil, v)
		if string(got) != want || !json.Valid(got) {
			t.Errorf("AppendJSON(%#v) = %s, want %s", v, got, want)
		}
	}
}

// FuzzDecodeJSON holds the reader to encoding/json, and what is written to what was read.
func FuzzDecodeJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5,"x\u00e9",null,true]}`, `"\ud800"`, `-0.0`, `[[[]]]`, `1e400`, "\"\xff\"", `{"a":1,"a":{}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := DecodeJSON(data)
		var want any
		wantErr := json.Unmarshal(data, &want)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: error %v, encoding/json says %v", data, err, wantErr)
		}
		if err != nil {
			return
		}
		out := AppendJSON(nil, got)
		again, err := DecodeJSON(out)
		if err != nil {
			t.Fatalf("%q is written as %s: %v", data, out, err)
		}
		if diff := cmp.Diff(got, again); diff != "" {
			t.Fatalf("%q changes when written and read (-read +again):\n%s", data, diff)
		}
		var std any
		if err := json.Unmarshal(out, &std); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, std); diff != "" {
			t.Fatalf("%q is read otherwise than by encoding/json (-want +got):\n%s", data, diff)
		}
	})
}

func TestSelectionIsWrittenAsAnObject(t *testing.T) {
	t.Parallel()
	chosen := &Selection{
		Key: "faq/a", Utter: "utter_faq/a", Confidence: 0.75, Responses: []any{map[string]any{"text": "A"}},
		Ranking: []Intent{{Name: "faq/a", Confidence: 0.75}, {Name: "faq/b", Confidence: 0.25}},
	}
	const want = `{"response":{"responses":[{"text":"A"}],"confidence":0.75,"intent_response_key":"faq/a","utter_action":"utter_faq/a"},` +
		`"ranking":[{"confidence":0.75,"intent_response_key":"faq/a"},{"confidence":0.25,"intent_response_key":"faq/b"}]}`
	got := string(AppendJSON(nil, chosen))
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	const nothing = `{"response":{"responses":null,"confidence":0.0,"intent_response_key":null,"utter_action":"utter_None"},"ranking":[]}`
	if got := string(AppendJSON(nil, &Selection{Utter: "utter_None"})); got != nothing {
		t.Errorf("got  %s\nwant %s", got, nothing)
	}
	read, err := DecodeJSON([]byte(got))
	if err != nil {
		t.Fatal(err)
	}
	p := Parse{Selector: map[string]any{"live": chosen, "read": read}}
	live, _ := p.Selected("live")
	again, ok := p.Selected("read")
	live.Ranking = nil // what has been read keeps its ranking in the object
	if diff := cmp.Diff(live, again); diff != "" || !ok {
		t.Errorf("read back (-live +read):\n%s", diff)
	}
	if _, ok := p.Selected("none"); ok {
		t.Error("a selector that is not there has chosen")
	}
}

// The keys of entities as the reference's extractors of these names write them: shared/nlu/training_data, regex_message_handler.py,
// nlu/extractors.
func TestEntitiesHaveTheirExtractorsOrder(t *testing.T) {
	t.Parallel()
	sure := 0.5
	for _, tt := range []struct {
		entity Entity
		want   string
	}{
		{
			Entity{Entity: "city", Value: "Ulm", Start: 2, End: 5, Confidence: &sure, Role: "to", RoleConfidence: &sure, Extractor: "DIETClassifier", Processors: []string{"P"}},
			`{"entity":"city","start":2,"end":5,"confidence_entity":0.5,"role":"to","confidence_role":0.5,"value":"Ulm","extractor":"DIETClassifier","processors":["P"]}`,
		},
		{
			Entity{Entity: "city", Value: "Ulm", Start: 2, End: 5, Extractor: "RegexMessageHandler"},
			`{"entity":"city","value":"Ulm","start":2,"end":5,"extractor":"RegexMessageHandler"}`,
		},
		{Entity{Entity: "number", Value: 2, Start: 0, End: 3, Extractor: "DucklingEntityExtractor", Extra: map[string]any{
			"additional_info": map[string]any{"value": 2}, "confidence": 1.0, "text": "two", "more": 1,
		}}, `{"start":0,"end":3,"text":"two","value":2,"confidence":1.0,"additional_info":{"value":2},"entity":"number","extractor":"DucklingEntityExtractor","more":1}`},
		{Entity{Entity: "city", Value: "Ulm", Start: -1, End: -1}, `{"entity":"city","value":"Ulm"}`},
		{Entity{Entity: "number", Value: 2, Start: -1, End: -1, Extractor: "DucklingEntityExtractor"}, `{"value":2,"entity":"number","extractor":"DucklingEntityExtractor"}`},
	} {
		if got := string(tt.entity.AppendJSON([]byte("x"))); got != "x"+tt.want {
			t.Errorf("got  %s\nwant x%s", got, tt.want)
		}
	}
}
