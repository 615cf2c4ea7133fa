package dialogue

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func decodeOne(t *testing.T, text string) Event {
	t.Helper()
	v, err := DecodeJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	e, err := DecodeEvent(v.(map[string]any))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return e
}

// TestEventLoadDefaults covers the table of event types: what an event is when it says as little as possible.
func TestEventLoadDefaults(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"event":"user","parse_data":{}}`: `{"event":"user","timestamp":0.0,"metadata":{},"text":null,` +
			`"parse_data":{"intent":{},"entities":[],"text":null,"message_id":null,"metadata":{}},"input_channel":null,"message_id":null}`,
		`{"event":"user","text":"a","message_id":"m","metadata":{"k":1},"parse_data":{"intent":{"name":"i"}}}`: `{"event":"user",` +
			`"timestamp":0.0,"metadata":{"k":1},"text":"a","parse_data":{"intent":{"name":"i"},"entities":[],"text":"a",` +
			`"message_id":"m","metadata":{"k":1}},"input_channel":null,"message_id":"m"}`,
		`{"event":"bot"}`: `{"event":"bot","timestamp":0.0,"metadata":{},"text":null,"data":{}}`,
		`{"event":"bot","text":"","data":{"z":1,"image":null},"timestamp":3,"metadata":null}`: `{"event":"bot","timestamp":3.0,` +
			`"metadata":{},"text":"","data":{"image":null,"z":1}}`,
		`{"event":"agent","text":"x"}`:                      `{"event":"agent","timestamp":0.0,"text":"x","data":null}`,
		`{"event":"slot","name":"s"}`:                       `{"event":"slot","timestamp":0.0,"name":"s","value":null}`,
		`{"event":"slot","name":"s","value":1.0,"extra":1}`: `{"event":"slot","timestamp":0.0,"name":"s","value":1.0}`,
		`{"event":"action","name":"a"}`: `{"event":"action","timestamp":0.0,"name":"a","policy":null,"confidence":null,` +
			`"action_text":null,"hide_rule_turn":false}`,
		`{"event":"action","action_text":"hi","confidence":1,"policy":"P","hide_rule_turn":true}`: `{"event":"action",` +
			`"timestamp":0.0,"name":null,"policy":"P","confidence":1.0,"action_text":"hi","hide_rule_turn":true}`,
		`{"event":"form","name":"f"}`:                  `{"event":"active_loop","timestamp":0.0,"name":"f"}`,
		`{"event":"active_loop","name":null}`:          `{"event":"active_loop","timestamp":0.0,"name":null}`,
		`{"event":"form_validation","validate":false}`: `{"event":"loop_interrupted","timestamp":0.0,"is_interrupted":true}`,
		`{"event":"user","text":"a","parse_data":{"intent":{"confidence":0.5}}}`: `{"event":"user","timestamp":0.0,"metadata":{},"text":"a","parse_data":{"intent":{"confidence":0.5},` +
			`"entities":[],"text":"a","message_id":null,"metadata":{}},"input_channel":null,"message_id":null}`,
		`{"event":"user","text":"a","parse_data":{"intent":{"x":1}}}`: `{"event":"user","timestamp":0.0,"metadata":{},"text":"a","parse_data":{"intent":{"x":1},` +
			`"entities":[],"text":"a","message_id":null,"metadata":{}},"input_channel":null,"message_id":null}`,
		`{"event":"form_validation"}`:                         `{"event":"loop_interrupted","timestamp":0.0,"is_interrupted":false}`,
		`{"event":"loop_interrupted"}`:                        `{"event":"loop_interrupted","timestamp":0.0,"is_interrupted":false}`,
		`{"event":"restart"}`:                                 `{"event":"restart","timestamp":0.0}`,
		`{"event":"session_started"}`:                         `{"event":"session_started","timestamp":0.0}`,
		`{"event":"rewind"}`:                                  `{"event":"rewind","timestamp":0.0}`,
		`{"event":"undo"}`:                                    `{"event":"undo","timestamp":0.0}`,
		`{"event":"reset_slots"}`:                             `{"event":"reset_slots","timestamp":0.0}`,
		`{"event":"pause"}`:                                   `{"event":"pause","timestamp":0.0}`,
		`{"event":"resume"}`:                                  `{"event":"resume","timestamp":0.0}`,
		`{"event":"export","path":"p"}`:                       `{"event":"export","timestamp":0.0}`,
		`{"event":"followup","name":"a"}`:                     `{"event":"followup","timestamp":0.0,"name":"a"}`,
		`{"event":"user_featurization"}`:                      `{"event":"user_featurization","timestamp":0.0,"use_text_for_featurization":false}`,
		`{"event":"entities","entities":[{"entity":"e"}]}`:    `{"event":"entities","timestamp":0.0,"entities":[{"entity":"e","value":null}]}`,
		`{"event":"cancel_reminder","name":"n","intent":"i"}`: `{"event":"cancel_reminder","timestamp":0.0}`,
		`{"event":"action_execution_rejected","name":"f"}`: `{"event":"action_execution_rejected","timestamp":0.0,"name":"f",` +
			`"policy":null,"confidence":null}`,
		`{"event":"reminder","intent":"i","date_time":"2030-01-01T00:00:00"}`: `{"event":"reminder","timestamp":0.0,"intent":"i",` +
			`"date_time":"2030-01-01T00:00:00","entities":null,"name":null,"kill_on_user_msg":true}`,
	} {
		if got := string(AppendEventJSON(nil, decodeOne(t, in))); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
}

func TestEventErrorsNameTheField(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"event":"user"}`:                                                      "parse_data",
		`{"event":"user","parse_data":[]}`:                                      "parse_data",
		`{"event":"user","text":5,"parse_data":{}}`:                             "text",
		`{"event":"user","parse_data":{"intent":"greet"}}`:                      "parse_data: intent",
		`{"event":"user","parse_data":{"entities":[{"value":1},{"entity":2}]}}`: "parse_data: entities: item 1: entity",
		`{"event":"action"}`:                                                    "name",
		`{"event":"action","name":null}`:                                        "name",
		`{"event":"action","name":"a","confidence":"x"}`:                        "confidence",
		`{"event":"action","name":"a","hide_rule_turn":1}`:                      "hide_rule_turn",
		`{"event":"slot","name":1}`:                                             "name",
		`{"event":"entities"}`:                                                  "entities",
		`{"event":"bot","data":[]}`:                                             "data",
		`{"event":"restart","timestamp":"now"}`:                                 "timestamp",
		`{"event":"restart","metadata":1}`:                                      "metadata",
		`{"event":"reminder","intent":"i"}`:                                     "date_time",
		`{"event":"nonsense"}`:                                                  "nonsense",
		`{"event":5}`:                                                           "event",
	} {
		v, err := DecodeJSON([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if e, err := DecodeEvent(v.(map[string]any)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: event %v, error %v; want one that names %q", in, e, err, want)
		}
	}
	if _, err := DecodeEvent(map[string]any{"event": "nonsense"}); !errors.Is(err, ErrUnknownEvent) {
		t.Errorf("error %v is not ErrUnknownEvent", err)
	}
}

func TestEventsThatTheReferenceSkips(t *testing.T) {
	t.Parallel()
	got, err := DecodeEvents([]byte(`[{"event":"topic","topic":"x"},{"name":"x"},{"event":null},{"event":"undo"}]`))
	if err != nil || len(got) != 1 || got[0].Kind() != KindUndo {
		t.Errorf("got %v, %v", kinds(got), err)
	}
	for _, bad := range []string{`{}`, `[1]`, `[`, `[{"event":"x"}]`} {
		if got, err := DecodeEvents([]byte(bad)); err == nil {
			t.Errorf("%s gives %v", bad, kinds(got))
		}
	}
}

func TestStoredEventsLoseNothing(t *testing.T) {
	t.Parallel()
	const in = `[{"event":"cancel_reminder","timestamp":1.0,"name":"n","intent":"i","entities":{"a":"b"},"new":[1]},` +
		`{"event":"export","timestamp":1.0,"path":"p"},{"event":"slot","timestamp":1.0,"metadata":{"m":1},"name":"s","value":2,"z":{"y":null}}]`
	events, err := DecodeStoredEvents([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	out := []byte{'['}
	for i, e := range events {
		if i > 0 {
			out = append(out, ',')
		}
		out = AppendStoredEventJSON(out, e)
	}
	out = append(out, ']')
	if diff := cmp.Diff(in, string(out)); diff != "" {
		t.Errorf("(-stored +stored again):\n%s", diff)
	}
}

func TestParseKeepsUnknownKeysAndUnusualValues(t *testing.T) {
	t.Parallel()
	const in = `{"text":"a","intent":{"name":"i","confidence":0.5,"full_retrieval_intent_name":null},` +
		`"entities":[{"entity":"e","start":0,"end":1,"confidence_entity":0.5,"role":"r","confidence_role":0.25,"value":"v",` +
		`"extractor":"X","processors":["P"],"additional_info":{"x":1}},{"entity":"f","value":1,"role":null,"start":1.5}],` +
		`"message_id":"m","text_tokens":[[0,1]],"intent_ranking":[{"name":"i","confidence":0.5}],"response_selector":{"d":{}},` +
		`"commands":[],"project":null}`
	v, err := DecodeJSON([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	p, err := DecodeParse(v.(map[string]any))
	if err != nil {
		t.Fatal(err)
	}
	got := p.AppendJSON(nil)
	if diff := cmp.Diff(toStandard(t, []byte(in)), toStandard(t, got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if e := p.Entities[1]; e.Start != -1 || e.Role != "" {
		t.Errorf("unusual values became start %d, role %q", e.Start, e.Role)
	}
	const odd = `{"text":null,"intent":{},"entities":[],"text_tokens":[[1]],"intent_ranking":{},"response_selector":null}`
	v, err = DecodeJSON([]byte(odd))
	if err != nil {
		t.Fatal(err)
	}
	if p, err = DecodeParse(v.(map[string]any)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(toStandard(t, []byte(odd)), toStandard(t, p.AppendJSON(nil))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// FuzzDecodeEvents checks that what is read can be written, is valid JSON, and reads back the same; and that a tracker of the
// events has a valid dump.
func FuzzDecodeEvents(f *testing.F) {
	f.Add([]byte(`[{"event":"user","text":"a","parse_data":{"intent":{"name":"i"},"entities":[{"entity":"e"}],"text_tokens":[[0,1]]}}]`))
	f.Add([]byte(`[{"event":"slot","name":"city","value":{"a":[1.5]},"x":1},{"event":"action","name":"f"},{"event":"rewind"}]`))
	f.Add([]byte(`[{"event":"reminder","date_time":"2 Jan 2099 3pm"},{"event":"form_validation"},{"event":"bot","data":{"b":1}}]`))
	d := testDomain()
	f.Fuzz(func(t *testing.T, data []byte) {
		events, err := DecodeStoredEvents(data)
		if err != nil {
			return
		}
		var out []byte
		for _, e := range events {
			one := AppendStoredEventJSON(nil, e)
			if !json.Valid(one) || !json.Valid(AppendEventJSON(nil, e)) {
				t.Fatalf("not JSON: %s", one)
			}
			out = append(append(out, ','), one...)
		}
		if len(out) == 0 {
			return
		}
		out[0] = '['
		out = append(out, ']')
		again, err := DecodeStoredEvents(out)
		if err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		var second []byte
		for _, e := range again {
			second = append(append(second, ','), AppendStoredEventJSON(nil, e)...)
		}
		second[0] = '['
		if second = append(second, ']'); string(second) != string(out) {
			t.Fatalf("written twice:\n%s\n%s", out, second)
		}
		tr := NewTracker("s", d)
		tr.Append(events...)
		if dump := tr.AppendJSON(nil, EventsAll); !json.Valid(dump) {
			t.Fatalf("not JSON: %s", dump)
		}
	})
}

// TestObjectsOfManyMembersAreReadTheSame covers the switch from brief objects to maps.
func TestObjectsOfManyMembersAreReadTheSame(t *testing.T) {
	t.Parallel()
	for _, n := range []int{31, 32, 33, 34, 100} {
		many := map[string]any{"nested": map[string]any{"a": []any{map[string]any{"b": 1}}}}
		for i := range n {
			many[strings.Repeat("k", i+1)] = []any{i, map[string]any{"i": i}}
		}
		obj := map[string]any{"event": "slot", "timestamp": 1.5, "metadata": many, "name": "s", "value": many}
		want, err := DecodeEvent(obj)
		if err != nil {
			t.Fatal(err)
		}
		text := AppendEventJSON([]byte{'['}, want)
		text = append(append(text, ','), AppendEventJSON(nil, want)...)
		got, err := DecodeEvents(append(text, ']'))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range got {
			if diff := cmp.Diff(want, e); diff != "" {
				t.Errorf("%d members (-want +got):\n%s", n, diff)
			}
		}
		for key := range many { // an event that is such an object itself
			obj[key] = nil
		}
		events, err := DecodeStoredEvents(append(AppendJSON([]byte{'['}, obj), ']'))
		if err != nil || len(events[0].Head().Extra) != len(many) {
			t.Errorf("%d members: %v, %v", n, events, err)
		}
	}
}

func TestDuplicateKeysOfAnEvent(t *testing.T) {
	t.Parallel()
	events, err := DecodeEvents([]byte(`[{"event":"pause","event":"slot","name":"a","name":"b","value":1,"value":{"x":1,"x":2}}]`))
	if err != nil {
		t.Fatal(err)
	}
	want := &SlotSet{Name: "b", Value: map[string]any{"x": 2}}
	if diff := cmp.Diff(Event(want), events[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
