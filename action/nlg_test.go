package action

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
)

func nlgDomain() *dialogue.Domain {
	variation := func(id, channel string, conditions ...dialogue.ResponseCondition) dialogue.Response {
		r := variant("unused", channel, conditions...)
		r.ID = id
		return r
	}
	return domain(dialogue.Domain{
		Slots: []dialogue.Slot{textSlot("mood")},
		Responses: map[string][]dialogue.Response{
			"utter_text":  {variation("", "")},
			"utter_pick":  {variation("default", ""), variation("glad", "", when("mood", "glad")), variation("here", "collector")},
			"utter_twins": {variation("one", ""), variation("two", "")},
			"utter_same":  {variation("one", ""), variation("one", "")},
			"utter_glad":  {variation("glad", "", when("mood", "glad"))},
		},
		CustomActions: []string{"action_x"},
	})
}

// TestNLGRequest is T101.
func TestNLGRequest(t *testing.T) {
	t.Parallel()
	d := nlgDomain()
	s := replies(t, map[string]string{"utter_text": `{"text":"said"}`})
	e := s.endpoint()
	e.Token = "t0k"
	a := newActions(t, d, Config{NLG: e, Compress: true})
	wantRun(t, a, "utter_text", tracker(d, user("x"), set("mood", "glad")), "B(said)")
	requests := s.taken()
	if len(requests) != 1 {
		t.Fatalf("%d requests", len(requests))
	}
	r := requests[0]
	want := map[string]any{
		"response": "utter_text", "id": nil, "arguments": body(), "channel": body("name", "collector"), "tracker": r.body["tracker"],
	}
	if diff := cmp.Diff(want, r.body); diff != "" {
		t.Error(diff)
	}
	if got := r.events(t); got != `U(x) S(mood="glad")` || r.query != "token=t0k" || r.header.Get("Content-Encoding") != "" {
		t.Errorf("events %s, query %s, header %v", got, r.query, r.header)
	}
}

func TestNLGIsToldTheVariation(t *testing.T) {
	t.Parallel()
	d := nlgDomain()
	s := replies(t, nil)
	a := newActions(t, d, Config{NLG: s.endpoint()})
	for _, test := range []struct {
		response, channel string
		mood, want        any
	}{
		{"utter_pick", "collector", nil, "here"},
		{"utter_pick", "queue", nil, "default"},
		{"utter_pick", "queue", "glad", "glad"},
		{"utter_twins", "queue", nil, "one"},
		{"utter_same", "queue", nil, nil},
		{"utter_text", "queue", nil, nil},
		{"utter_glad", "queue", nil, nil},
		{"utter_glad", "queue", "Glad", "glad"},
	} {
		_, err := a.Run(t.Context(), test.response, Call{Tracker: tracker(d, set("mood", test.mood)), Channel: test.channel})
		requests := s.taken()
		if err != nil || len(requests) != 1 || requests[0].body["id"] != test.want {
			t.Errorf("%s on %s: id %v, %v, want %v", test.response, test.channel, requests[0].body["id"], err, test.want)
		}
	}
}

func TestNLGReplies(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		kind   string
		body   string
		want   *dialogue.BotUttered // nil: an error
	}{
		"all of it": {
			body: `{"text":"Hi {mood}","buttons":[{"title":"A"}],"image":"i","elements":[{"title":"E"}],"custom":{"c":1},"id":"n1","mood":"warm"}`,
			want: &dialogue.BotUttered{
				Header: dialogue.Header{Metadata: body("id", "n1", "mood", "warm")}, Text: "Hi {mood}",
				Data: data("buttons", []any{body("title", "A")}, "image", "i", "attachment", "i", "elements", []any{body("title", "E")},
					"custom", body("c", 1)),
			},
		},
		"nothing":           {body: `{}`, want: &dialogue.BotUttered{NoText: true, Data: data()}},
		"nulls":             {body: `{"buttons":null,"elements":null,"attachment":null,"image":null}`, want: &dialogue.BotUttered{NoText: true, Data: data()}},
		"quick replies":     {body: `{"quick_replies":[1]}`, want: &dialogue.BotUttered{NoText: true, Data: data("quick_replies", []any{1})}},
		"its own name":      {body: `{"utter_action":"other"}`, want: &dialogue.BotUttered{NoText: true, Data: data()}},
		"a list":            {body: `[]`},
		"null":              {body: `null`},
		"text null":         {body: `{"text":null}`},
		"a number":          {body: `{"text":5}`},
		"buttons a text":    {body: `{"text":"x","buttons":"b"}`},
		"buttons of texts":  {body: `{"text":"x","buttons":["b"]}`},
		"custom a list":     {body: `{"custom":[1]}`},
		"attachment a text": {body: `{"text":"x","attachment":"a"}`},
		"no JSON":           {body: `{"text":`},
		"typed as text":     {kind: "text/plain", body: `{"text":"x"}`},
		"404":               {status: 404, body: `{"text":"x"}`},
		"500":               {status: 500, body: `boom`},
		"204":               {status: 204},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, func(w http.ResponseWriter, _ *request) {
				kind := test.kind
				if kind == "" {
					kind = "application/json"
				}
				w.Header().Set("Content-Type", kind)
				w.WriteHeader(max(test.status, 200))
				_, _ = w.Write([]byte(test.body))
			})
			d := nlgDomain()
			a := newActions(t, d, Config{NLG: s.endpoint()})
			events, err := run(t, a, "utter_text", tracker(d))
			if test.want == nil {
				if err == nil || events != nil || !strings.Contains(err.Error(), "utter_text") {
					t.Errorf("got %s, %v, want an error that names the response", show(events), err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if test.want.Metadata == nil {
				test.want.Metadata = map[string]any{}
			}
			test.want.Metadata["utter_action"] = "utter_text"
			if diff := cmp.Diff([]dialogue.Event{test.want}, events, cmpEvents); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNLGWithinAReply(t *testing.T) {
	t.Parallel()
	nlg := newServer(t, func(w http.ResponseWriter, r *request) {
		switch r.name() {
		case "utter_gone":
			reply(w, 404, `{}`)
		case "utter_empty":
			reply(w, 200, `{}`)
		default:
			reply(w, 200, `{"text":"from nlg","buttons":[{"title":"A"}]}`)
		}
	})
	tests := map[string]struct{ items, want string }{
		"merges":                      {`{"response":"utter_unlisted","n":1.0,"buttons":[{"title":"B"}]}`, "B(from nlg)"},
		"the item's text wins":        {`{"response":"utter_text","text":"mine"}`, "B(mine)"},
		"an empty one is skipped":     {`{"response":"utter_empty"},{"text":"after"}`, "B(after)"},
		"a failing one spoils all":    {`{"text":"one"},{"response":"utter_gone"},{"text":"three"}`, "error"},
		"own texts do not go through": {`{"text":"own"}`, "B(own)"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := replies(t, map[string]string{"action_x": `{"responses":[` + test.items + `]}`})
			d := nlgDomain()
			a := newActions(t, d, Config{NLG: nlg.endpoint(), ActionServer: server.endpoint()})
			events, err := run(t, a, "action_x", tracker(d))
			got := show(events)
			if err != nil {
				got = "error"
			}
			if got != test.want {
				t.Errorf("got %s, %v, want %s", got, err, test.want)
			}
		})
	}
	d := nlgDomain()
	server := replies(t, map[string]string{"action_x": `{"responses":[{"response":"utter_unlisted","n":1.0,"x":null,"buttons":[]}]}`})
	only := replies(t, map[string]string{"utter_unlisted": `{"text":"x"}`})
	wantRun(t, newActions(t, d, Config{NLG: only.endpoint(), ActionServer: server.endpoint()}), "action_x", tracker(d), "B(x)")
	if diff := cmp.Diff(any(body("n", 1.0, "x", nil, "buttons", []any{})), only.taken()[0].body["arguments"]); diff != "" {
		t.Error(diff)
	}
}
