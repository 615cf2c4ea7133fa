package worker

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
)

func TestQueryValue(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ raw, want string }{
		{"token=a", "a"},
		{"x=1&token=a&token=b", "a"},
		{"token=&token=b", "b"},
		{"token", ""},
		{"TOKEN=a", ""},
		{"token=%73es%2Bame", "ses+ame"},
		{"to%6ben=a", "a"},
		{"token=a+b%20c", "a b c"},
		{"token=%zz%2", "%zz%2"},
		{"token=%zz%41+b", "%zzA b"},
		{"token=%ff", "�"},
		{"token=a=b", "a=b"},
		{"&&token=a&", "a"},
		{"", ""},
	} {
		if got := queryValue([]byte(tt.raw), "token"); got != tt.want {
			t.Errorf("queryValue(%q) is %q, want %q", tt.raw, got, tt.want)
		}
	}
}

func TestCheckEvents(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ events, want string }{
		{`[]`, ""},
		{`[{"event":"restart","colour":"red","timestamp":null,"metadata":null}]`, ""},
		{`[{"event":"user","text":null,"parse_data":{"text":null,"intent":{"name":"a","confidence":1},"entities":[{"entity":"e","value":null,"start":1.0}]}}]`, ""},
		{`[{"event":"user","parse_data":{"response_selector":{"all_retrieval_intents":[],"default":{"response":{"responses":[{"text":"x"}]},"ranking":[]}}}}]`, ""},
		{`null`, "events: has to be an array"},
		{`["x"]`, "events[0]: has to be an object"},
		{`[{}]`, `events[0]: "event" is missing`},
		{`[{"event":5}]`, "events[0].event: has to be a string"},
		{`[{"event":"restart"},{"event":"nope"}]`, `events[1].event: there is no event "nope"`},
		{`[{"event":"restart","timestamp":"5"}]`, "events[0].timestamp: has to be a number or null"},
		{`[{"event":"restart","timestamp":true}]`, "events[0].timestamp: has to be a number or null"},
		{`[{"event":"restart","metadata":"m"}]`, "events[0].metadata: has to be an object or null"},
		{`[{"event":"slot","name":"a"}]`, `events[0]: "value" is missing`},
		{`[{"event":"slot","name":5,"value":null}]`, "events[0].name: has to be a string"},
		{`[{"event":"user","text":5}]`, "events[0].text: has to be a string or null"},
		{`[{"event":"user","parse_data":null}]`, "events[0].parse_data: has to be an object"},
		{`[{"event":"user","parse_data":{"intent":{"name":null}}}]`, "events[0].parse_data.intent.name: has to be a string"},
		{`[{"event":"user","parse_data":{"entities":{}}}]`, "events[0].parse_data.entities: has to be an array"},
		{`[{"event":"user","parse_data":{"entities":[{"entity":"e"}]}}]`, `events[0].parse_data.entities[0]: "value" is missing`},
		{`[{"event":"user","parse_data":{"entities":[{"entity":"e","value":1,"start":0.5}]}}]`, "events[0].parse_data.entities[0].start: has to be a whole number"},
		{`[{"event":"user","parse_data":{"response_selector":{}}}]`, "events[0].parse_data.response_selector: has to hold either all_retrieval_intents or selectors"},
		{`[{"event":"action","name":"a","confidence":"high"}]`, "events[0].confidence: has to be a number or null"},
		{`[{"event":"action","hide_rule_turn":null}]`, "events[0].hide_rule_turn: has to be a boolean"},
		{`[{"event":"entities"}]`, `events[0]: "entities" is missing`},
	} {
		v, err := dialogue.DecodeJSON([]byte(tt.events))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := checkEvents(v); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.events, got, tt.want)
		}
	}
}

func TestAnnotated(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text     string
		entities []dialogue.Entity
		want     string
	}{
		{"my name is José!", []dialogue.Entity{{Entity: "person", Value: "José", Start: 11, End: 15}}, "my name is [José](person)!"},
		{"a b", []dialogue.Entity{{Entity: "y", Value: "b", Start: 2, End: 3}, {Entity: "x", Value: "a", Start: 0, End: 1}}, "[a](x) [b](y)"},
		{"big", []dialogue.Entity{{Entity: "size", Value: "large", Start: 0, End: 3}}, `[big]{"entity": "size", "value": "large"}`},
		{"big", []dialogue.Entity{{Entity: "size", Value: "big", Role: "r", Group: "g", Start: 0, End: 3}}, `[big]{"entity": "size", "role": "r", "group": "g"}`},
		{"big", []dialogue.Entity{{Entity: "a", Value: "big", Start: 0, End: 3}, {Entity: "b", Value: 5, Start: 0, End: 3}}, `[big][{"entity": "a"}, {"entity": "b", "value": 5}]`},
		{"x", []dialogue.Entity{{Entity: "a", Value: "x", Start: -1, End: -1}, {Entity: "b", Value: "x", Start: 0, End: 9}}, "x"},
		{`/greet{"a": "b"}`, []dialogue.Entity{{Entity: "a", Value: "b", Start: 6, End: 16}}, `/greet{"a": "b"}`},
		{"see [c](d) and [e]{\"entity\": \"f\"}", nil, "see c and e"},
	} {
		if got := annotated(tt.text, tt.entities); got != tt.want {
			t.Errorf("annotated(%q) is %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestStoriesLeaveOutWhatIsNoStep(t *testing.T) {
	t.Parallel()
	s := func(v string) *string { return &v }
	events := []dialogue.Event{
		&dialogue.ActionExecuted{Name: "action_session_start"}, &dialogue.SessionStarted{}, &dialogue.ActionExecuted{Name: "action_listen"},
		&dialogue.UserUttered{Text: s("what are your hours?\n"), Parse: dialogue.Parse{Intent: dialogue.Intent{Name: "faq", Extra: map[string]any{"full_retrieval_intent_name": "faq/hours"}}}},
		&dialogue.UserFeaturization{UseText: false},
		&dialogue.ActionExecuted{Name: "utter_faq"}, &dialogue.BotUttered{Text: "9 to 5"},
		&dialogue.UserUttered{Text: s("end to end"), Parse: dialogue.Parse{Intent: dialogue.Intent{Name: "x"}}},
		&dialogue.UserFeaturization{UseText: true},
		&dialogue.ActionExecuted{Text: "Said: so"},
		&dialogue.SlotSet{Name: "on", Value: map[string]any{"b": []any{}, "a": "yes"}},
		&dialogue.SlotSet{Name: "s", Value: "true"}, &dialogue.SlotSet{Name: "t", Value: 2.5},
		&dialogue.ActiveLoop{Name: "form"}, &dialogue.ActiveLoop{},
		&dialogue.ActionExecuted{Name: "action_unlikely_intent"}, &dialogue.ConversationPaused{},
		&dialogue.UserUttered{Text: s("")}, &dialogue.UserUttered{}, &dialogue.ActionExecuted{},
	}
	want := `version: "3.1"
stories:
- story: 'id: 5'
  steps:
  - intent: faq/hours
    user: |
      what are your hours?
  - action: utter_faq
  - user: |-
      end to end
  - bot: 'Said: so'
  - slot_was_set:
    - on:
        a: yes
        b: []
  - slot_was_set:
    - s: 'true'
  - slot_was_set:
    - t: 2.5
  - active_loop: form
  - active_loop: null
`
	if diff := cmp.Diff(want, string(appendStories(nil, "id: 5", sessionsOf(events, false)))); diff != "" {
		t.Errorf("the story differs (-want +got):\n%s", diff)
	}
}

func FuzzPlainText(f *testing.F) {
	f.Add(`{"text":"hello"}`)
	f.Add(` {"text": "h\u00e9" } `)
	f.Add(`{"text":"a","text":"b"}`)
	f.Fuzz(func(t *testing.T, body string) {
		text, ok := plainText([]byte(body))
		if !ok {
			return
		}
		v, err := dialogue.DecodeJSON([]byte(body))
		o, _ := v.(map[string]any)
		if err != nil || len(o) != 1 || o["text"] != text {
			t.Errorf("plainText(%q) is %q, the decoder reads %v, %v", body, text, v, err)
		}
	})
}

func FuzzQueryValue(f *testing.F) {
	f.Add("token=a&x=%41+b", "token")
	f.Add("a=%zz&a", "a")
	f.Fuzz(func(t *testing.T, raw, name string) {
		if got := queryValue([]byte(raw), name); !utf8.ValidString(got) {
			t.Errorf("queryValue(%q, %q) is %q", raw, name, got)
		}
	})
}

func FuzzEvents(f *testing.F) {
	f.Add(`[{"event":"user","text":"a [b](c)","parse_data":{"intent":{"name":"x"},"entities":[{"entity":"e","value":1,"start":0,"end":1}]}}]`)
	f.Add(`[{"event":"slot","name":"a: b","value":{"c":[1,"\n\u0085"]}},{"event":"action","action_text":"|"}]`)
	f.Fuzz(func(t *testing.T, body string) {
		v, err := dialogue.DecodeJSON([]byte(body))
		if err != nil || checkEvents(v) != nil {
			return
		}
		list, _ := v.([]any)
		events, err := decodeEvents(list)
		if err != nil {
			return
		}
		story := string(appendStories(nil, body, sessionsOf(events, true)))
		if !strings.HasPrefix(story, "version: ") || !strings.HasSuffix(story, "\n") {
			t.Errorf("the story of %s is %q", body, story)
		}
	})
}

func FuzzRoutes(f *testing.F) {
	w := &Worker{cfg: Config{API: true}}
	table := w.table()
	f.Add("/conversations/a%20b/tracker/events?x=1")
	f.Add("http://a/version#x")
	f.Fuzz(func(t *testing.T, uri string) {
		path := rawPath([]byte(uri))
		r, id := table.match(path)
		if r == nil && id != "" {
			t.Errorf("%q: an id %q without a route", uri, id)
		}
		if !utf8.ValidString(id) && utf8.ValidString(uri) {
			t.Errorf("%q: the id %q is no UTF-8", uri, id)
		}
	})
}
