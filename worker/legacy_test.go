package worker_test

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley/dialogue"
	"parley/model"
	"parley/policy"
	"parley/trackerstore"
	"parley/worker"
)

// stored is a store that knows some ids.
type stored struct{ ids []string }

func (s *stored) Delete(_ context.Context, id string) error {
	i := slices.Index(s.ids, id)
	if i < 0 {
		return fmt.Errorf("delete %q: %w", id, trackerstore.ErrNotFound)
	}
	s.ids = slices.Delete(s.ids, i, i+1)
	return nil
}

func (s *stored) List(_ context.Context, cursor string, _ int) (ids []string, next string, err error) {
	if cursor == "" {
		return s.ids[:1], "more", nil
	}
	return s.ids[1:], "", nil
}

// The numbers of the cases are those of the specification's list of HTTP cases.
func TestOlderGenerations(t *testing.T) {
	t.Parallel()
	trained := t.TempDir()
	s := serve(t, func(c *worker.Config) {
		c.Store = &stored{ids: []string{"a", "b/c", "d"}}
		c.Train = func(_ context.Context, r worker.TrainRequest) (string, error) {
			if string(r.Body) == "junk" {
				return "", worker.ErrInvalidPayload
			}
			return filepath.Join(trained, "x.tar.gz"), os.WriteFile(filepath.Join(trained, "x.tar.gz"), r.Body, 0o600)
		}
		c.TestIntents = func(context.Context, worker.TestIntentsRequest) ([]byte, error) {
			return []byte(`{"of":"intents"}`), nil
		}
		c.TestStories = func(context.Context, worker.TestStoriesRequest) ([]byte, error) {
			return []byte(`{"of":"stories"}`), nil
		}
	})
	s.bot.change("told", &dialogue.ActionExecuted{Name: "action_session_start"}, &dialogue.Restarted{}, &dialogue.SlotSet{Name: "tea", Value: "x"})
	pause := `{"event":"pause"}`
	for _, tt := range []struct {
		number, request string
		status          int
		holds           string
	}{
		{"239", "POST /conversations/u/parse\nContent-Type: application/x-www-form-urlencoded\n\n" + `{"query":" hello "}`, 200, `{"next_action":"utter_b","tracker":{"sender_id":"u"`},
		{"239b", "GET /conversations/u/tracker", 200, `"text":"hello"`},
		{"240", "GET /conversations/u/parse?q=hello", 200, `"events":null`},
		{"241", "POST /conversations/u/parse\n\n" + `{"foo":1}`, 400, `"error":"Invalid parse parameter specified"`},
		{"241b", "POST /conversations/u/parse\n\n{", 400, `"error":`},
		{"242", "POST /conversations/u/continue\n\n" + `{"executed_action":"utter_a","events":[]}`, 200, `"next_action":"utter_b"`},
		{"243", "POST /conversations/u/continue\n\n" + `{"executed_action":"action_listen"}`, 200, `{"next_action":null,"info":`},
		{"244", "POST /conversations/u/continue\n\n" + `{"executed_action":"nope"}`, 400, `"error":"There is no action 'nope'."`},
		{"245", "POST /conversations/u/continue\n\n" + `{"executed_action":null,"events":[{"event":"slot","name":"tea","value":"x"},{}]}`, 200, `"tea":"x"`},
		{"246", "POST /conversations/u/continue\n\n" + `{"executed_action":"utter_a","events":[{"event":"nope"}]}`, 400, `"error":`},
		{"247a", "POST /conversations/paused/tracker/events\n\n" + pause, 200, `"paused":true`},
		{"247", "POST /conversations/paused/parse\n\n" + `{"q":"hi"}`, 200, `{"next_action":null,"info":`},
		{"249", "POST /conversations/u/respond\n\n" + `{"query":"hello there"}`, 200, `[{"recipient_id":"u","text":"echo hello there"}]`},
		{"250", "GET /conversations/u/respond?query=hi", 200, `[{"recipient_id":"u","text":"echo hi"}]`},
		{"251", "GET /conversations/u/respond", 400, `"details":{"parameter":"query","in":"query"}`},
		{"252", "PUT /conversations/put/tracker?api_compat=0.8\n\n" + `[{"event":"slot","name":"tea","value":"x"},{"event":"action","name":"action_listen"}]`, 200, `"tea":"x"`},
		{"252b", "PUT /conversations/put/tracker\n\n[]", 405, "Method PUT not allowed"},
		{"253", "POST /conversations/put/tracker/events?api_compat=0.8\n\n" + `{"event":"slot","name":"tea","value":"y"}`, 200, `"events":null`},
		{"254", "GET /conversations?api_compat=0.8", 200, `["a","b/c","d"]`},
		{"254b", "GET /conversations", 404, `Not Found`},
		{"254c", "POST /conversations", 404, `Not Found`},
		{"256", "POST /conversation/c1/parse\n\n" + `{"query":"hi"}`, 200, `"sender_id":"c1"`},
		{"256b", "POST /conversation/c1/continue\n\n" + `{"executed_action":"utter_a"}`, 200, `"sender_id":"c1"`},
		{"256c", "GET /conversation/c1/tracker", 404, `Not Found`},
		{"257", "POST /parse\n\n" + `{"query":"hello there"}`, 200, `"project":"default","model":"one"}`},
		{"258", "POST /train?name=my_model\n\nnlu: []", 200, `{"info":"new model trained: my_model"}`},
		{"258b", "POST /train?name=../x\n\nnlu: []", 400, `"error":`},
		{"262", "GET /conversations/u/tracker?include_events=x&api_compat=0.14", 404, `"reason":"InvalidParameter"`},
		{"263", "POST /conversations/u/messages?api_compat=0.14\n\n" + `{"message":"hi","sender":"bot"}`, 500, `"reason":"NotSupported"`},
		{"263b", "POST /conversations/u/messages?api_compat=0.14\n\n" + `{"message":"hi","sender":"user"}`, 200, `"sender_id":"u"`},
		{"265", "GET /status?api_compat=0.14", 200, `{"is_ready":true,"model_fingerprint":"m1"}`},
		{"266", "POST /conversations/myid/respond?api_compat=0.14\n\n" + `{"query":"/greet"}`, 200, `"recipient_id":"myid"`},
		{"267", "GET /conversations/told/tracker?events=false", 200, `"events":null`},
		{"267b", "GET /conversations/told/tracker?ignore_restarts=true&events=true", 200, `{"event":"restart"`},
		{"267c", "GET /conversations/told/tracker?events=false&include_events=AFTER_RESTART", 200, `"events":[{"event":"slot"`},
		{"267d", "GET /conversations/told/tracker?api_compat=0.8", 200, `{"event":"restart"`},
		{"268", "POST /predict\n\n[]", 200, `{"scores":[{"action":"action_listen","score":0.0},{"action":"utter_b","score":0.5},{"action":"utter_a","score":0.25}],"policy":"RulePolicy","tracker":{`},
		{"269", "POST /finetune\n\n[]", 501, "online training"},
		{"config", "GET /config", 200, `{"language":null,"pipeline":[]}`},
		{"270", "GET /parse?q=&api_compat=nlu", 200, `"text":""`},
		{"271", "POST /parse?api_compat=nlu\n\n{}", 404, `"error":"Invalid parse parameter specified"`},
		{"272", "GET /parse?q=hello&project=none", 404, `"error":"No project found with name 'none'."`},
		{"273", "POST /train?api_compat=nlu\n\nnlu: []", 404, `"error":"Missing project name to train"`},
		{"274", "POST /train?project=test&api_compat=nlu\n\njunk", 500, `"error":`},
		{"276", "POST /evaluate?project=project123\n\nx", 500, `"error":"Project project123 could not be found"`},
		{"276b", "POST /evaluate\n\n" + `{"rasa_nlu_data":{}}`, 200, `intents`},
		{"276c", "POST /evaluate\n\nstories: []", 200, `stories`},
		{"279", "GET /status?api_compat=nlu", 200, `{"available_projects":{"default":{"available_models":["one"],"loaded_models":["one"],"status":"ready"}}}`},
		{"root 0.14", "GET /?api_compat=0.14", 200, "hello from Rasa Core: 3.6.21"},
		{"root nlu", "GET /?api_compat=nlu", 200, "hello from Rasa NLU: 3.6.21"},
		{"version 0.8", "GET /version?api_compat=0.8", 200, `{"version":"3.6.21"}`},
		{"story 0.14", "GET /conversations/told/story?api_compat=0.14", 200, "## told\n    - restart\n    - slot{\"tea\":\"x\"}\n"},
		{"execute 0.14", "POST /conversations/told/execute?api_compat=0.14\n\n" + `{"action":"utter_a"}`, 200, `"messages"`},
		{"execute 3", "POST /conversations/told/execute\n\n" + `{"action":"utter_a"}`, 400, `"parameter":"name"`},
		{"unknown profile", "GET /version?api_compat=9", 200, `"minimum_compatible_version"`},
		{"last", "GET /conversations/told/tracker?include_events=ALL&last=1", 200, `"events":[{"event":"action","timestamp":1.0`},
		{"last 0", "GET /conversations/told/tracker?last=0", 200, `"events":[]`},
		{"last 99", "GET /conversations/told/tracker?include_events=ALL&last=99", 200, `"events":[{"event":"action","timestamp":1.0`},
		{"last x", "GET /conversations/told/tracker?last=x", 400, `"parameter":"last"`},
		{"delete a tracker", "DELETE /conversations/d/tracker", 204, ""},
		{"upload", "POST /model\n\nx", 405, "Method POST not allowed"},
		{"upload 0.14", "POST /model?api_compat=0.14\n\nx", 400, `"parameter":"model","in":"body"`},
		{"delete", "DELETE /conversations/b%2Fc", 204, ""},
		{"delete again", "DELETE /conversations/b%2Fc", 404, `{"description":"Not Found","status":404,"message":"Requested URL /conversations/b%2Fc not found"}`},
		{"delete a tracker that is not there", "DELETE /conversations/b%2Fc/tracker", 405, `"message":"Method DELETE not allowed for URL /conversations/b%2Fc/tracker"`},
		{"delete with a slash", "DELETE /conversations/a/", 204, ""},
		{"get one", "GET /conversations/a", 404, "Requested URL /conversations/a not found"},
		{"277", "DELETE /models?model=fallback", 200, `"fallback"`},
		{"278", "DELETE /models?project=my_project&model=m", 500, `"error":"Project my_project could not be found"`},
		{"278b", "DELETE /models?model=m", 500, `"error":"Failed to unload model m for project default."`},
		{"278c", "DELETE /models?model=one", 200, `"one"`},
		{"264", "POST /conversations/u/respond?api_compat=0.14\n\n" + `{"query":"hi"}`, 503, `"reason":"NoAgent"`},
		{"265b", "GET /status?api_compat=0.14", 200, `{"is_ready":false,"model_fingerprint":null}`},
		{"409", "POST /conversations/u/respond\n\n" + `{"query":"hi"}`, 409, `"error":"No agent loaded.`},
	} {
		got := s.do(tt.request)
		if got.status != tt.status || !strings.Contains(got.body, tt.holds) {
			t.Errorf("%s %s: %d %s, want %d and %s", tt.number, tt.request, got.status, got.body, tt.status, tt.holds)
		}
	}
}

func TestListeningIsRecordedForLegacyClients(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.bot.predict = func() policy.Prediction {
		return policy.Prediction{Action: "action_listen", Policy: "RulePolicy", Confidence: 1}
	}
	got := s.do("POST /conversations/u/continue\n\n" + `{"executed_action":"utter_a"}`)
	if !strings.Contains(got.body, `"next_action":"action_listen"`) || !strings.Contains(got.body, `"latest_action_name":"action_listen"`) {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestLegacyRoutesAreGuardedAndNeedPolicies(t *testing.T) {
	t.Parallel()
	token := "sesame"
	s := serve(t, func(c *worker.Config) {
		c.AuthToken, c.Compat, c.Store = secret(token), worker.CompatCore14, &stored{ids: []string{"u"}}
	})
	for _, request := range []string{
		"POST /conversations/u/parse\n\n{}", "GET /conversations", "POST /parse\n\n{}", "POST /train\n\nx", "DELETE /conversations/u", "POST /load\n\nx",
	} {
		if got := s.do(request); got.status != 401 {
			t.Errorf("%s: %d", request, got.status)
		}
	}
	s.bot.model.Policies = nil
	for _, path := range []string{"parse", "respond"} { // case 261
		if got := s.do("POST /conversations/u/" + path + "?token=sesame\n\n" + `{"query":"hi"}`); got.status != 409 {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

func TestAModelCanBeUploaded(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *worker.Config) {
		c.LoadModel = func(path string) (*model.Model, error) {
			b, err := os.ReadFile(path)
			if err != nil || string(b) != "archive" {
				return nil, model.ErrNotModel
			}
			return &model.Model{ID: "up", File: path, Domain: newFake().domain}, nil
		}
	})
	upload := func(path, content string) answer {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		part, err := form.CreateFormFile("model", "model.tar.gz")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = part.Write([]byte(content))
		_ = form.Close()
		return s.raw(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
			path, form.FormDataContentType(), body.Len(), body.String()))
	}
	if got := upload("/load", "junk"); got.status != 400 {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := upload("/load", "archive"); got.status != 200 || got.body != `{"success":1}` {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := s.bot.Model().ID; got != "up" {
		t.Errorf("the model is %s", got)
	}
	if got := upload("/model?api_compat=0.14", "archive"); got.status != 204 {
		t.Errorf("%d %s", got.status, got.body)
	}
}
