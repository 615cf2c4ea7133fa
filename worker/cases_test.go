package worker_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"parley/worker"
)

// shownBy says where each case of the specification's list of HTTP cases is shown: by a recorded case ("http-…", replayed by make
// conformance) or by a test of this package or of cmd/parley. Ranges hold every number in them.
var shownBy = map[string]string{
	"1": "http-no-model", "2": "http-no-api", "3": "TestWhoMayDoWhat", "4": "http-no-model", "5": "TestWhoMayDoWhat", "6": "http-basic", "7": "http-basic",
	"8": "http-nlu-only", "9": "http-no-model", "10": "http-token", "11": "http-token-no-model", "12-13": "http-basic", "14": "http-no-api",
	"15": "http-no-api-token", "16": "http-no-api",
	"17-51": "TestWhoMayDoWhat", "34-35": "TestEveryAlgorithmVerifiesItsOwnTokensOnly", "45-46": "TestEveryAlgorithmVerifiesItsOwnTokensOnly",
	"52-53": "http-cors-any", "54": "http-cors-one", "55": "http-cors-none", "56": "http-cors-any", "57": "http-token", "58": "TestCasesOfARealBot",
	"59": "http-tracker-get", "60-61": "TestCasesOfARealBot", "62-71": "http-tracker-get", "72": "http-no-model", "73-74": "http-tracker-get", "75": "TestIDsOfAllKinds",
	"76-98": "http-tracker-post", "99": "TestCasesOfARealBot", "101-102": "http-tracker-post",
	"103-108": "http-tracker-put", "107": "TestCasesOfARealBot", "104": "TestCasesOfARealBot",
	"109-116": "http-story", "117": "http-sessions", "118-126": "http-execute", "119": "TestCasesOfARealBot", "128": "http-execute",
	"129-135": "http-trigger-intent", "136": "TestScripts", "137": "TestCasesOfARealBot", "138": "http-callback", "139": "http-trigger-intent",
	"140-143": "http-predict", "144": "http-nlu-only", "145-152": "http-messages",
	"153-158": "http-no-model", "159-163": "http-no-model", "164-169": "TestTrainingAndTestsAreCalledWithWhatWasAsked", "168-169": "TestResultsArePostedToACallbackURL",
	"166": "http-no-model", "167": "TestCasesOfARealBot", "170": "http-no-model",
	"171-172": "http-model-test", "173": "http-no-model", "174": "http-nlu-only", "175-179": "http-model-test", "180-183": "http-no-model",
	"184-186": "TestResultsArePostedToACallbackURL", "187": "http-model-test", "188": "TestTrainingAndTestsAreCalledWithWhatWasAsked",
	"189-194": "http-model-predict", "195": "http-nlu-only", "196-199": "http-parse", "200": "http-core-only", "201-204": "http-parse", "205": "http-no-model",
	"206": "http-model-load", "207": "TestAModelIsFetchedFromAModelServer", "208-213": "http-model-load", "214": "TestCasesOfARealBot", "215": "http-model-load",
	"216": "http-no-model", "217-222": "http-basic", "223": "http-no-model",
	"224-236": "http-rest", "228": "http-no-model", "237": "http-callback", "238": "http-rest",
	"239-258": "TestOlderGenerations", "248": "TestCasesOfARealBot", "255": "TestCasesOfARealBot", "259": "TestCasesOfARealBot",
	"260-261": "TestLegacyRoutesAreGuardedAndNeedPolicies", "262-279": "TestOlderGenerations", "275": "TestCasesOfARealBot",
	"280-281": "TestBodyLimits", "282": "TestAResponseTimesOut", "283": "http-basic", "284": "http-conversations",
}

// notShown are the cases that need what this version lacks.
var notShown = map[int]string{
	100: "there are no event brokers", 127: "there is no slack channel",
}

func TestEveryCaseOfTheSpecificationIsShown(t *testing.T) {
	t.Parallel()
	const spec, recorded = "../../shared/spec/http-api-cases.md", "../../shared/conformance/cases"
	text, err := os.ReadFile(spec)
	if err != nil {
		t.Skip("the specification is not beside this repository")
	}
	shown := map[int]bool{}
	for numbers, by := range shownBy {
		from, to, isRange := strings.Cut(numbers, "-")
		if !isRange {
			to = from
		}
		first, err := strconv.Atoi(from)
		if err != nil {
			t.Fatal(err)
		}
		last, err := strconv.Atoi(to)
		if err != nil {
			t.Fatal(err)
		}
		for n := first; n <= last; n++ {
			shown[n] = true
		}
		if strings.HasPrefix(by, "http-") {
			if _, err := os.Stat(filepath.Join(recorded, by+".json")); err != nil {
				t.Errorf("%s: %v", numbers, err)
			}
			continue
		}
		if !hasTest(t, by) {
			t.Errorf("%s: there is no test %s", numbers, by)
		}
	}
	for _, row := range regexp.MustCompile(`(?m)^\| (\d+) \|`).FindAllSubmatch(text, -1) {
		n, _ := strconv.Atoi(string(row[1]))
		if notShown[n] == "" && !shown[n] {
			t.Errorf("nothing shows case %d", n)
		}
	}
}

func hasTest(t *testing.T, name string) bool {
	t.Helper()
	for _, pattern := range []string{"*_test.go", "../cmd/parley/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(b), "func "+name+"(t *testing.T)") {
				return true
			}
		}
	}
	return false
}

// The cases that only a bot shows and that were not recorded, most of them because the reference is at fault there.
func TestCasesOfARealBot(t *testing.T) {
	t.Parallel()
	_, bot := serveAgent(t)
	entered, goOn := make(chan struct{}), make(chan struct{})
	s := serve(t, func(c *worker.Config) {
		c.Bot, c.CORS = bot, []string{"*"}
		c.Train = func(context.Context, worker.TrainRequest) (string, error) {
			entered <- struct{}{}
			<-goOn
			return "", worker.ErrUnusable
		}
	})
	m := bot.Model()
	off := serve(t, func(c *worker.Config) { c.Bot, c.API = bot, false })
	for _, tt := range []struct {
		number, request string
		status          int
		holds           string
	}{
		{"60", "GET /conversations/new/tracker", 200, `"event":"session_started"`},
		{"61", "GET /conversations/new/story", 404, "Conversation ID not found."},
		{"104", "PUT /conversations/p/tracker/events\n\n" + `[{"event":"pause"},{"event":"resume"},{"event":"pause"}]`, 200, `"paused":true`},
		{"104b", "PUT /conversations/p/tracker/events\n\n" + `[{"event":"restart","timestamp":5}]`, 200, ""},
		{"104c", "GET /conversations/p/tracker?include_events=ALL", 200, `"events":[{"event":"restart","timestamp":5.0}]`},
		{"107", "PUT /conversations/p/tracker/events\n\n" + `{"event":"pause","timestamp":6}`, 200, `"events":[{"event":"pause","timestamp":6.0}]`},
		{"119", "POST /conversations/e/messages\n\n" + `{"text":"hello","sender":"user"}`, 200, `"name":"greet"`},
		{"119b", "POST /conversations/e/execute\n\n" + `{"name":"utter_greet"}`, 200, `"messages":[{"recipient_id":"e","text":"Hello"}`},
		{"119c", "GET /conversations/e/tracker", 200, `"event":"action","timestamp"`},
		{"137", "POST /conversations/e/trigger_intent\n\n[]", 400, "BadRequest"},
		{"214", "POST /conversations/kept/chat\n\n" + `{"message":"hello"}`, 200, "Hello"},
		{"248", "POST /conversations/l/parse\n\n" + `{"query":"/greet"}`, 200, `"next_action":"utter_greet"`},
		{"255", "GET /conversations/l/tracker", 200, `"latest_message":{"intent":{"name":"greet"`},
	} {
		if got := s.do(tt.request); got.status != tt.status || !strings.Contains(got.body, tt.holds) {
			t.Errorf("%s, %s: %d %s, want %d and %s", tt.number, tt.request, got.status, got.body, tt.status, tt.holds)
		}
	}
	for _, path := range []string{"/conversations/u/parse?q=x", "/parse?q=x", "/conversations/u/respond?q=x", "/conversation/u/parse?q=x"} { // 259
		if got := off.do("GET " + path); got.status != 404 {
			t.Errorf("259, %s: %d", path, got.status)
		}
	}

	var posts sync.WaitGroup // 99
	for i := range 20 {
		posts.Go(func() {
			if got := s.do("POST /conversations/both/tracker/events\n\n" + fmt.Sprintf(`{"event":"bot","text":"n%d."}`, i)); got.status != 200 {
				t.Errorf("99: %d %s", got.status, got.body)
			}
		})
	}
	posts.Wait()
	all := s.do("GET /conversations/both/tracker").body
	for i := range 20 {
		if strings.Count(all, fmt.Sprintf(`"text":"n%d."`, i)) != 1 {
			t.Errorf("99: event %d is not stored once", i)
		}
	}

	trained := make(chan answer) // 167, 275
	go func() { trained <- s.do("POST /model/train\n\nnlu: []") }()
	<-entered
	if got := s.do("GET /status"); !strings.Contains(got.body, `"num_active_training_jobs":1`) {
		t.Errorf("167: %s", got.body)
	}
	if got := s.do("POST /train?project=default&api_compat=nlu\n\nnlu: []"); got.status != 403 || !strings.Contains(got.body, "already being trained") {
		t.Errorf("275: %d %s", got.status, got.body)
	}
	close(goOn)
	<-trained

	if err := bot.Swap(nil); err != nil {
		t.Fatal(err)
	}
	if got := s.do("GET /status\nOrigin: http://o"); got.status != 409 || got.header.Get("Access-Control-Allow-Origin") != "http://o" {
		t.Errorf("58: %d %v", got.status, got.header)
	}
	if err := bot.Swap(m); err != nil {
		t.Fatal(err)
	}
	if got := s.do("GET /conversations/kept/tracker"); !strings.Contains(got.body, `"text":"hello"`) {
		t.Errorf("214: a conversation was lost with the model: %s", got.body)
	}
}
