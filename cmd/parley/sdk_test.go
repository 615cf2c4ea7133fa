package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// sdkPython is the variable that names a Python interpreter with the package rasa-sdk.
const sdkPython = "RASA_SDK_PYTHON"

// TestPythonSDK lets the real action server of Python run the actions of bots. make sdk-test installs it.
func TestPythonSDK(t *testing.T) {
	t.Parallel()
	python := os.Getenv(sdkPython)
	if python == "" {
		t.Skip(sdkPython + " names no Python with rasa-sdk: run make sdk-test")
	}
	version, err := exec.Command(python, "-c", "import rasa_sdk; print(rasa_sdk.__version__)").Output() //nolint:gosec // the tester names it
	if err != nil {
		t.Fatalf("%s has no rasa-sdk: %v", python, err)
	}
	t.Logf("rasa-sdk %s", bytes.TrimSpace(version))
	testscript.Run(t, testscript.Params{
		Dir:      "testdata/sdk",
		Deadline: time.Now().Add(15 * time.Minute),
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"await": scriptAwait, "crowd": scriptCrowd, "events": scriptEvents, "exits": scriptExits, "freeport": scriptFreePort, "say": scriptSay,
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("NO_COLOR", "1")
			env.Setenv("TZ", "UTC")
			env.Setenv(sdkPython, python)
			return nil
		},
	})
}

// scriptSay sends a message to the server at a port, and prints the replies a line each: say PORT SENDER TEXT... .
func scriptSay(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: say PORT SENDER TEXT... ...")
	}
	lines, err := say(args[0], args[1], strings.Join(args[2:], " "))
	ts.Check(err)
	_, err = fmt.Fprintln(ts.Stdout(), strings.Join(lines, "\n"))
	ts.Check(err)
}

func say(port, sender, text string) ([]string, error) {
	body, _ := json.Marshal(map[string]string{"sender": sender, "message": text})
	var replies []struct {
		Text    string
		Image   string
		Custom  json.RawMessage
		Buttons []struct{ Title string }
	}
	if err := call(http.MethodPost, "http://127.0.0.1:"+port+"/webhooks/rest/webhook", body, &replies); err != nil {
		return nil, err
	}
	var lines []string
	for _, r := range replies {
		switch {
		case r.Custom != nil:
			lines = append(lines, "custom "+string(r.Custom))
		case r.Image != "":
			lines = append(lines, "image "+r.Image)
		default:
			line := "bot " + r.Text
			for _, b := range r.Buttons {
				line += " [" + b.Title + "]"
			}
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// call sends a request and reads the JSON that comes back.
func call(method, url string, body []byte, answer any) error {
	req, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", method, url, res.Status)
	}
	return json.NewDecoder(res.Body).Decode(answer)
}

// scriptEvents prints the events of a conversation a line each: events PORT SENDER.
func scriptEvents(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: events PORT SENDER")
	}
	var tracker struct {
		Events []struct {
			Event, Name, Text, Policy string
			Value                     json.RawMessage
			Confidence                *float64
			ParseData                 struct{ Intent struct{ Name string } } `json:"parse_data"`
		}
	}
	ts.Check(call(http.MethodGet, "http://127.0.0.1:"+args[0]+"/conversations/"+args[1]+"/tracker?include_events=ALL", nil, &tracker))
	for _, e := range tracker.Events {
		words := []string{e.Event}
		switch e.Event {
		case "user":
			words = append(words, e.ParseData.Intent.Name)
		case "bot":
			words = append(words, e.Text)
		case "slot":
			words = append(words, e.Name+"="+string(e.Value))
		case "action", "action_execution_rejected":
			confidence := "null"
			if e.Confidence != nil {
				confidence = strconv.FormatFloat(*e.Confidence, 'g', -1, 64)
			}
			if e.Policy == "" {
				e.Policy = "null"
			}
			words = append(words, e.Name, e.Policy, confidence)
		default:
			words = append(words, e.Name)
		}
		_, err := fmt.Fprintln(ts.Stdout(), strings.TrimSpace(strings.Join(words, " ")))
		ts.Check(err)
	}
}

// scriptCrowd sends one message in each of n conversations at the same time: crowd PORT N TEXT.
func scriptCrowd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: crowd PORT N TEXT")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	var all sync.WaitGroup
	answers := make([]string, n)
	for i := range n {
		all.Go(func() {
			lines, err := say(args[0], "crowd"+strconv.Itoa(i), args[2])
			if err != nil {
				answers[i] = err.Error()
			} else {
				answers[i] = strings.TrimPrefix(strings.Join(lines, " "), "bot ")
			}
		})
	}
	all.Wait()
	http.DefaultClient.CloseIdleConnections() // among them some that never had a request: they would hold the server's end up
	same := 0
	for _, a := range answers {
		if a == answers[0] {
			same++
		}
	}
	_, err = fmt.Fprintf(ts.Stdout(), "%d of %d are asked: %s\n", same, n, answers[0])
	ts.Check(err)
}
