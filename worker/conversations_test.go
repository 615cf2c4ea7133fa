package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/channel"
	"parley/dialogue"
	"parley/model"
	"parley/worker"
)

func TestConversationRoutesCheckTheirRequests(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *worker.Config) {
		callback, err := channel.Open("callback", map[string]any{"url": "http://127.0.0.1:9/"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		c.Channels = append(c.Channels, callback)
	})
	s.bot.change("u", &dialogue.UserUttered{InputChannel: "callback"})
	const badEvents = `"reason":"BadRequest","details":{}`
	for _, tt := range []struct {
		request string
		status  int
		holds   string
	}{
		// the order of checks: conversation, body, name, include_events
		{"POST /conversations/x/execute?include_events=x\n\n{", 404, "Conversation ID not found."},
		{"POST /conversations/u/execute?include_events=x\n\n{", 400, "Failed when parsing body as json"},
		{"POST /conversations/u/execute?include_events=x\n\n{}", 400, `"details":{"parameter":"name","in":"body"}`},
		{"POST /conversations/u/execute?include_events=x\n\n" + `{"name":"utter_a"}`, 400, `"parameter":"include_events"`},
		{"POST /conversations/u/execute\n\n" + `{"name":""}`, 400, `"parameter":"name"`},
		{"POST /conversations/u/execute\n\n" + `{"name":5}`, 500, `"reason":"ConversationError"`},
		{"POST /conversations/u/execute\n\n" + `{"name":"nope"}`, 500, `"reason":"ConversationError"`},
		{"POST /conversations/u/execute\n\n[]", 400, `"reason":"BadRequest"`},
		{"POST /conversations/u/execute", 400, `"reason":"BadRequest"`},
		{"POST /conversations/u/execute\n\n" + `{"name":"utter_a"}`, 200, `"messages":[{"recipient_id":"u","text":"utter_a"}]`},
		{"POST /conversations/u/execute?output_channel=pigeon\n\n" + `{"name":"utter_a"}`, 200, `"messages":[{`},
		{"POST /conversations/u/execute?output_channel=rest\n\n" + `{"name":"utter_a"}`, 200, `"messages":[{`},
		{"POST /conversations/u/execute?output_channel=callback\n\n" + `{"name":"utter_a"}`, 500, `"reason":"ConversationError"`},
		{"POST /conversations/u/execute?output_channel=latest\n\n" + `{"name":"utter_a"}`, 500, `"reason":"ConversationError"`},

		{"POST /conversations/x/trigger_intent\n\n" + `{"name":"moon"}`, 404, `"reason":"NotFound"`},
		{"POST /conversations/x/trigger_intent\n\n" + `{"name":5}`, 404, `"reason":"NotFound"`},
		{"POST /conversations/x/trigger_intent\n\n" + `{"intent":"greet"}`, 400, `"parameter":"name"`},
		{"POST /conversations/x/trigger_intent\n\n" + `{"name":"greet","entities":"x"}`, 200, `"messages":[{"recipient_id":"x","text":"triggered"}]`},

		{"POST /conversations/x/messages", 400, "No message defined"},
		{"POST /conversations/x/messages?include_events=x\n\n" + `{"sender":"bot"}`, 400, "include_events"},
		{"POST /conversations/x/messages\n\n" + `{"text":"hi","sender":"bot"}`, 400, `"details":{"parameter":"sender","in":"body"}`},
		{"POST /conversations/x/messages\n\n" + `{"text":"hi"}`, 400, `"parameter":"sender"`},
		{"POST /conversations/x/messages\n\n" + `{"sender":"user"}`, 500, "ConversationError"},
		{"POST /conversations/x/messages\n\n" + `{"text":"hi","sender":"user","parse_data":{"intent":{}}}`, 500, `entities`},
		{"POST /conversations/x/messages\n\n" + `{"text":"hi","sender":"user","parse_data":"x"}`, 500, "ConversationError"},
		{"POST /conversations/x/messages?include_events=none\n\n" + `{"text":" hi ","sender":"user"}`, 200, `"events":null`},

		{"POST /conversations/e/tracker/events", 400, badEvents},
		{"POST /conversations/e/tracker/events\n\n{", 400, "Failed when parsing body as json"},
		{"POST /conversations/e/tracker/events?include_events=x\n\n" + `{"event":"nope"}`, 400, badEvents},
		{"POST /conversations/e/tracker/events?include_events=x\n\n" + `{"event":"restart"}`, 400, "include_events"},
		{"POST /conversations/e/tracker/events?include_events=x\n\n" + `{"event":"action"}`, 400, "include_events"},
		{"POST /conversations/e/tracker/events\n\n" + `{"event":"action"}`, 500, "ConversationError"},
		{"POST /conversations/e/tracker/events\n\n[]", 400, `"details":{"parameter":"","in":"body"}`},
		{"POST /conversations/e/tracker/events\n\n" + `{"event":"slot","name":"tea","value":"x"}`, 200, `"slots":{"tea":"x"}`},
		{"POST /conversations/e/tracker/events?output_channel=callback\n\n" + `{"event":"bot","text":"x"}`, 200, `"sender_id":"e"`},
		{"POST /conversations/e/tracker/events?execute_side_effects=1&output_channel=callback\n\n" + `{"event":"bot","text":"x"}`, 200, `"sender_id":"e"`},
		{"POST /conversations/e/tracker/events?execute_side_effects=true&output_channel=callback\n\n" + `{"event":"bot","text":"x"}`, 500, "ConversationError"},
		{"PUT /conversations/p/tracker/events\n\n" + `{"event":"slot","name":"tea","value":"x","timestamp":1}`, 200, `"tea":"x"`},
		{"PUT /conversations/p/tracker/events\n\n[]", 200, `"events":[]`},

		{"POST /conversations/u/predict?include_events=x\n\n{", 200, `{"scores":[{"action":"utter_a","score":0.5},{"action":"utter_b","score":0.5},` +
			`{"action":"action_listen","score":0.0}],"policy":"RulePolicy","confidence":1.0,"tracker":{`},
		{"GET /conversations/u/explain?turns=3", 200, `{"sender_id":"u","decisions":[{"event":3,"timestamp":1.5,"action":"utter_b","rejected":false,` +
			`"policy":"RulePolicy","confidence":1.0,"reason":"rule 'b' (d.yml:3)","agrees":true,"policies":[{"policy":"RulePolicy","priority":4,` +
			`"action":"utter_b","confidence":1.0,"won":true,"reason":"rule 'b' (d.yml:3)","evidence":["{\"user\": {}}"]},` +
			`{"policy":"MemoizationPolicy","priority":3,"action":null,"confidence":0.0,"won":false,"reason":"no story","evidence":[]}]},` +
			`{"event":null,"timestamp":null,"action":null,"rejected":true,"policy":null,"confidence":null,"reason":"","agrees":false,"policies":[]}]}`},
		{"GET /conversations/u/explain?turns=0", 400, `"details":{"parameter":"turns","in":"query"}`},
		{"GET /conversations/u/explain?turns=x", 400, `"details":{"parameter":"turns","in":"query"}`},
		{"GET /conversations/nobody/explain", 404, "Conversation ID not found."},
		{"POST /model/predict\n\n[]", 200, `{"scores":[{"action":"action_listen","score":0.0},{"action":"utter_b","score":0.5},{"action":"utter_a","score":0.25}]`},
		{"POST /model/predict\n\n" + `{"event":"restart"}`, 400, `"details":{"parameter":"","in":"body"}`},
		{"POST /model/predict\n\n" + `[{"event":"action"}]`, 400, `"details":{"parameter":"","in":"body"}`},
		{"POST /model/predict\n\n" + `[{"event":"nope"}]`, 400, badEvents},
		{"POST /model/predict", 400, badEvents},
	} {
		got := s.do(tt.request)
		if got.status != tt.status || !strings.Contains(got.body, tt.holds) {
			t.Errorf("%s: %d %s, want %d and %s", tt.request, got.status, got.body, tt.status, tt.holds)
		}
	}
}

func TestTrackerUntil(t *testing.T) {
	t.Parallel()
	s := serve(t)
	at := func(seconds float64, value string) dialogue.Event {
		return &dialogue.SlotSet{Header: dialogue.Header{Timestamp: seconds}, Name: "tea", Value: value}
	}
	s.bot.change("u", at(10, "a"), at(20, "b"), at(15, "late"), at(30, "c"))
	for until, want := range map[string]any{
		"10": "a", "10.0": "a", "1e1": "a", "19.5": "a", "20": "late", "29": "late", "30": "c", "inf": "c", "x": "c", "": "c", "0": nil, "-1": nil, "nan": nil,
	} {
		var state struct {
			Slots  map[string]any `json:"slots"`
			Events []any          `json:"events"`
		}
		got := s.do("GET /conversations/u/tracker?until=" + until)
		if err := json.Unmarshal([]byte(got.body), &state); err != nil {
			t.Fatal(err)
		}
		if state.Slots["tea"] != want {
			t.Errorf("until=%s: %v after %d events, want %v", until, state.Slots["tea"], len(state.Events), want)
		}
	}
}

func TestParseAnswersAsOtherServicesDo(t *testing.T) {
	t.Parallel()
	s := serve(t)
	half := 0.5
	s.bot.parse = func(text string) (dialogue.Parse, error) {
		if text == "broken" {
			return dialogue.Parse{}, errors.New("broken")
		}
		return dialogue.Parse{
			Text: &text, Intent: dialogue.Intent{Name: "order", Confidence: 1},
			Entities: []dialogue.Entity{
				{Entity: "tea", Value: "oolong", Start: 2, End: 8, Extractor: "Regex"},
				{Entity: "tea", Value: "sencha", Start: 9, End: 12, Role: "second", Confidence: &half},
			},
		}, nil
	}
	for mode, want := range map[string]string{
		"wit": `{"entities":{"tea:second":[{"body":"xyz","confidence":0.5,"end":12,"entities":[],"name":"tea","role":"second","start":9,"value":"sencha"}],` +
			`"tea:tea":[{"body":"oolong","confidence":1.0,"end":8,"entities":[],"name":"tea","role":"tea","start":2,"value":"oolong"}]},` +
			`"intents":[{"confidence":1.0,"name":"order"}],"text":"é oolong xyz"}`,
		"Luis": `{"prediction":{"entities":{"$instance":{"second":[{"length":3,"modelType":null,"role":"second","score":0.5,"startIndex":9,"text":"sencha","type":"tea"}],` +
			`"tea":[{"length":6,"modelType":"Regex","role":null,"score":null,"startIndex":2,"text":"oolong","type":"tea"}]},"second":["sencha"],"tea":["oolong"]},` +
			`"intents":{"order":{"score":1.0}},"normalizedQuery":"é oolong xyz","topIntent":"order"},"query":"é oolong xyz"}`,
	} {
		got := s.do("POST /model/parse?emulation_mode=" + mode + "\n\n" + `{"text":" é oolong xyz "}`)
		if diff := cmp.Diff(want, got.body); diff != "" {
			t.Errorf("%s differs (-want +got):\n%s", mode, diff)
		}
	}
	for request, want := range map[string]int{
		`{"text":["a","b"]}`: 200, `{"text":"a"}`: 200, `{"text":5}`: 400, `{"text":[]}`: 400, `{}`: 400, `[]`: 400, `{`: 400, ` `: 400, `{"text":"broken"}`: 500,
	} {
		got := s.do("POST /model/parse\n\n" + request)
		if got.status != want {
			t.Errorf("%s: %d %s, want %d", request, got.status, got.body, want)
		}
		if got.status >= 400 && request != " " && !strings.Contains(got.body, `"reason":"ParsingError"`) {
			t.Errorf("%s: %s", request, got.body)
		}
	}
	if got := s.do("POST /model/parse?emulation_mode=alexa\n\n{"); got.status != 400 || !strings.Contains(got.body, "emulation_mode") {
		t.Errorf("unknown mode: %d %s", got.status, got.body)
	}
}

func TestModelsAreLoadedAndUnloaded(t *testing.T) {
	t.Parallel()
	other := &model.Model{ID: "m2", File: "/models/two.tar.gz", Domain: newFake().domain}
	s := serve(t, func(c *worker.Config) {
		c.LoadModel = func(path string) (*model.Model, error) {
			if path != "two" {
				return nil, os.ErrNotExist
			}
			return other, nil
		}
		c.FetchModel = func(_ context.Context, storage, file string) (*model.Model, error) {
			if storage != "aws" || file != "x" {
				return nil, errors.New("unreachable")
			}
			return other, nil
		}
	})
	for _, tt := range []struct {
		request string
		status  int
		holds   string
	}{
		{"PUT /model", 400, "No path to model file"},
		{"PUT /model\n\n{}", 400, `"details":{"parameter":"model","in":"query"}`},
		{"PUT /model\n\nnull", 400, "BadRequest"},
		{"PUT /model\n\n{", 400, "Failed when parsing body as json"},
		{"PUT /model\n\n" + `{"model_file":"one"}`, 400, "Agent with name 'one' could not be loaded."},
		{"PUT /model\n\n" + `{"model_server":"x"}`, 400, `"parameter":"model_server","in":"body"`},
		{"PUT /model\n\n" + `{"model_server":{}}`, 400, `"parameter":"model"`},
		{"PUT /model\n\n" + `{"remote_storage":"moon"}`, 400, `"parameter":"model"`},
		{"GET /status", 200, `{"model_file":"one.tar.gz","model_id":"m1","num_active_training_jobs":0}`},
		{"PUT /model\n\n" + `{"model_file":"two"}`, 204, ""},
		{"GET /status", 200, `"model_id":"m2"`},
		{"POST /conversations/x/predict", 404, "Conversation ID not found."},
		{"POST /model/predict\n\n[]", 409, `"reason":"Conflict"`},
		{"POST /model/test/stories\n\nstories: []", 409, `"reason":"Conflict"`},
		{"DELETE /model", 204, ""},
		{"GET /status", 409, `"reason":"Conflict"`},
		{"POST /model/parse\n\n{", 409, `"reason":"Conflict"`},
		{"POST /webhooks/rest/webhook\n\n" + `{"message":"hi"}`, 200, "[]"},
		{"POST /webhooks/rest/webhook?stream=true\n\n" + `{"message":"hi"}`, 200, ""},
		{"DELETE /model", 204, ""},
		{"PUT /model\n\n" + `{"remote_storage":"aws","model_file":"x"}`, 204, ""},
		{"GET /status", 200, `"model_id":"m2"`},
	} {
		got := s.do(tt.request)
		if got.status != tt.status || !strings.Contains(got.body, tt.holds) {
			t.Errorf("%s: %d %s, want %d and %s", tt.request, got.status, got.body, tt.status, tt.holds)
		}
	}
}

func TestDomainAsYAML(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.bot.domain.Raw = []byte(`{"version":"3.1","intents":["greet",{"silent":{"use_entities":[]}}],"slots":{"tea":{"type":"text","mappings":[{"type":"from_entity","conditions":[]}]}},` +
		`"responses":{"utter_a":[{"text":"Hi: there"},{"text":"a\nb","buttons":[{"title":"Yes","payload":"/x{\"a\": 1}"}]}],"utter_b":[[1,[2.5,null]],{}]},"empty":{},"session_config":{"t":60,"on":true}}`)
	want := `version: '3.1'
intents:
- greet
- silent:
    use_entities: []
slots:
  tea:
    type: text
    mappings:
    - type: from_entity
      conditions: []
responses:
  utter_a:
  - text: 'Hi: there'
  - text: |-
      a
      b
    buttons:
    - title: Yes
      payload: '/x{"a": 1}'
  utter_b:
  - - 1
    - - 2.5
      - null
  - {}
empty: {}
session_config:
  t: 60
  on: true
`
	if diff := cmp.Diff(want, s.do("GET /domain\nAccept: text/yml").body); diff != "" {
		t.Errorf("the YAML differs (-want +got):\n%s", diff)
	}
}

func TestTrainingAndTestsAreCalledWithWhatWasAsked(t *testing.T) {
	t.Parallel()
	var trained worker.TrainRequest
	var tested worker.TestIntentsRequest
	var told worker.TestStoriesRequest
	s := serve(t, func(c *worker.Config) {
		c.Train = func(_ context.Context, r worker.TrainRequest) (string, error) {
			trained = r
			switch string(r.Body) {
			case "bad":
				return "", errors.Join(worker.ErrInvalidPayload, errors.New("line 1"))
			case "nothing":
				return "", worker.ErrUnusable
			case "broken":
				return "", errors.New("broken")
			}
			dir := r.Dir
			if dir == "" {
				dir = t.TempDir()
			}
			return dir + "/nlu-x.tar.gz", os.WriteFile(dir+"/nlu-x.tar.gz", []byte("archive"), 0o600)
		}
		c.TestIntents = func(_ context.Context, r worker.TestIntentsRequest) ([]byte, error) {
			tested = r
			return []byte(`{"intent_evaluation":null}`), nil
		}
		c.TestStories = func(_ context.Context, r worker.TestStoriesRequest) ([]byte, error) {
			told = r
			return []byte(`{"report":{}}`), nil
		}
	})
	got := s.do("POST /model/train?augmentation=20&num_threads=2&force_training=True&save_to_default_model_directory=false\n\nnlu: []")
	if got.status != 200 || got.body != "archive" || got.header.Get("Content-Type") != "application/x-tar" ||
		got.header.Get("filename") != "nlu-x.tar.gz" || got.header.Get("Content-Disposition") != `attachment; filename="nlu-x.tar.gz"` {
		t.Errorf("%d %s %v", got.status, got.body, got.header)
	}
	if _, err := os.Stat(trained.Dir); trained.Dir == "" || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary folder %q is left: %v", trained.Dir, err)
	}
	trained.Dir = ""
	if diff := cmp.Diff(worker.TrainRequest{Body: []byte("nlu: []"), Force: true, Augmentation: 20, Threads: 2}, trained); diff != "" {
		t.Errorf("the request differs (-want +got):\n%s", diff)
	}
	s.do("POST /model/train?augmentation=x\n\nnlu: []")
	if diff := cmp.Diff(worker.TrainRequest{Body: []byte("nlu: []"), Augmentation: 50, Threads: 1}, trained); diff != "" {
		t.Errorf("the defaults differ (-want +got):\n%s", diff)
	}
	for body, want := range map[string]string{
		"":        `"reason":"BadRequest","details":{},"help":null,"code":400`,
		"bad":     `"reason":"BadRequest","details":{},"help":"https://rasa.com/docs/rasa/training-data-format","code":400`,
		"nothing": `"reason":"TrainingError","details":{},"help":null,"code":500`,
		"broken":  `"reason":"TrainingError","details":{},"help":null,"code":500`,
	} {
		if got := s.do("POST /model/train\n\n" + body); !strings.Contains(got.body, want) {
			t.Errorf("%q: %d %s, want %s", body, got.status, got.body, want)
		}
	}
	for _, tt := range []struct {
		request string
		status  int
		holds   string
		want    worker.TestIntentsRequest
	}{
		{"POST /model/test/intents\nContent-Type: application/x-yaml; charset=utf-8\n\nnlu: []", 200, "", worker.TestIntentsRequest{Body: []byte("nlu: []"), YAML: true}},
		{"POST /model/test/intents?model=other\n\n{}", 200, "", worker.TestIntentsRequest{Body: []byte("{}"), Model: "other"}},
		{"POST /model/test/intents?cross_validation_folds=3\nContent-Type: application/x-yaml\n\na", 200, "", worker.TestIntentsRequest{Body: []byte("a"), YAML: true, Folds: 3}},
		{"POST /model/test/intents?cross_validation_folds=3\n\n{}", 400, `"reason":"TestingError"`, worker.TestIntentsRequest{}},
		{"POST /model/test/intents?cross_validation_folds=x\n\n{}", 400, "cross_validation_folds", worker.TestIntentsRequest{}},
		{"POST /model/test/intents", 400, "You must provide some nlu data", worker.TestIntentsRequest{}},
		{"POST /model/test/intents\n\nnlu: []", 400, "Failed when parsing body as json", worker.TestIntentsRequest{}},
		{"POST /model/test/intents\n\n" + `{"nlu":[]}`, 400, "rasa_nlu_data and nothing else", worker.TestIntentsRequest{}},
	} {
		tested = worker.TestIntentsRequest{}
		got := s.do(tt.request)
		if got.status != tt.status || !strings.Contains(got.body, tt.holds) {
			t.Errorf("%s: %d %s", tt.request, got.status, got.body)
		}
		tested.Train = worker.TrainRequest{}
		if diff := cmp.Diff(tt.want, tested); diff != "" {
			t.Errorf("%s differs (-want +got):\n%s", tt.request, diff)
		}
	}
	if got := s.do("POST /model/test/stories?e2e=TRUE\n\nstories: []"); got.body != `{"report":{}}` || !told.EndToEnd {
		t.Errorf("%d %s, %v", got.status, got.body, told)
	}
}

func TestResultsArePostedToACallbackURL(t *testing.T) {
	t.Parallel()
	type post struct{ contentType, body string }
	posts := make(chan post, 1)
	listener := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		posts <- post{r.Header.Get("Content-Type"), string(body)}
	}))
	defer listener.Close()
	s := serve(t, func(c *worker.Config) {
		c.PrivateURLs = true
		c.Train = func(_ context.Context, r worker.TrainRequest) (string, error) {
			if string(r.Body) == "panic" {
				panic("tea leaves")
			}
			return r.Dir + "/x.tar.gz", os.WriteFile(r.Dir+"/x.tar.gz", r.Body, 0o600)
		}
	})
	for _, tt := range []struct{ path, body, contentType, holds string }{
		{"/model/train", "nlu: []", "application/x-tar", "nlu: []"},
		{"/model/train", "", "application/json", `"reason":"BadRequest"`},
		{"/model/train", "panic", "application/json", `"reason":"UnexpectedError"`},
		{"/model/test/intents", "{}", "application/json", `"reason":"NotImplemented"`},
	} {
		got := s.do("POST " + tt.path + "?save_to_default_model_directory=false&callback_url=" + listener.URL + "\n\n" + tt.body)
		if got.status != 204 || got.body != "" {
			t.Errorf("%s %q: %d %s", tt.path, tt.body, got.status, got.body)
		}
		if p := <-posts; p.contentType != tt.contentType || !strings.Contains(p.body, tt.holds) {
			t.Errorf("%s %q: posted %+v", tt.path, tt.body, p)
		}
	}
	s.do("POST /model/train?callback_url=http://127.0.0.1:9/\n\n") // nobody listens: nothing happens
}

func TestWhatIsMissingSaysSo(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for path, feature := range map[string]string{
		"/model/train": "training", "/model/test/stories": "stories", "/model/test/intents": "intents",
	} {
		if got := s.do("POST " + path + "\n\n{}"); got.status != 501 || !strings.Contains(got.body, feature) {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}
