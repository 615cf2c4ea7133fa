package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/agent"
	"parley/dialogue"
	"parley/logging"
)

// turnLines is a log with the lines of turns, from a level on.
func turnLines(level slog.Level) (*bytes.Buffer, *slog.Logger) {
	var out bytes.Buffer
	return &out, logging.For(logging.New(logging.Config{Out: &out, JSON: true, Levels: logging.NewLevels(level, nil), HashKey: []byte("key")}), logging.Turns)
}

// linesOf reads lines and takes out what differs from run to run.
func linesOf(t *testing.T, out *bytes.Buffer) []map[string]any {
	t.Helper()
	lines := []map[string]any{}
	for text := range strings.Lines(out.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"time", "model", "conv"} {
			if s, _ := line[key].(string); s == "" {
				t.Errorf("no %s in %s", key, text)
			}
			delete(line, key)
		}
		lines = append(lines, line)
	}
	out.Reset()
	return lines
}

const lineDomain = `
intents: [greet, leave]
actions: [action_x]
responses: {utter_greet: [{text: Hello}]}
`

const lineData = `
rules:
- rule: greet
  steps: [{intent: greet}, {action: action_x}, {action: utter_greet}]
`

func TestEachTurnHasALine(t *testing.T) {
	t.Parallel()
	out, log := turnLines(slog.LevelInfo)
	b := newBotWith(t, config, lineDomain, lineData, agent.Config{TurnLog: agent.TurnLog{Log: log, Channels: []string{"rest"}}})
	say := func(sender, text, channel string) {
		msg := dialogue.UserMessage{SenderID: sender, Text: &text, InputChannel: channel, OutputChannel: "collector"}
		if err := b.Handle(logging.WithRequest(t.Context(), logging.NewRequest([]byte("0123456789abcdef"))), msg, b.send); err != nil {
			t.Fatal(err)
		}
	}
	say("me", "hello", "rest")
	first := strings.Clone(out.String())
	lines := linesOf(t, out)
	say("me", `/unheard{"cuisine": "thai"}`, "a channel of the client's")
	lines = append(lines, linesOf(t, out)...)
	if strings.Contains(first, "hello") || strings.Contains(first, "Hello") || strings.Contains(first, `"me"`) {
		t.Errorf("the line has text: %s", first)
	}
	times := map[string]any{
		"lock_ms": 0.0, "nlu_ms": 0.0, "policy_ms": 0.0, "action_ms": 0.0, "store_ms": 0.0, "send_ms": 0.0, "dur_ms": 0.0, // the clock stands still
	}
	want := []map[string]any{
		{
			"level": "INFO", "msg": "turn", "logger": "turn", "kind": "message", "outcome": "ok", "channel": "rest", "request_id": "0123456789abcdef",
			"intent": "greet", "confidence": 1.0, "events": 9.0, "actions": 4.0,
		},
		{
			"level": "INFO", "msg": "turn", "logger": "turn", "kind": "message", "outcome": "silent", "channel": "other", "request_id": "0123456789abcdef",
			"events": 5.0, "actions": 2.0,
		},
	}
	for i := range want {
		maps.Copy(want[i], times)
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestALineSaysWhereTheTimeWent(t *testing.T) {
	t.Parallel()
	out, log := turnLines(slog.LevelInfo)
	b := newBotWith(t, config, lineDomain, lineData, agent.Config{TurnLog: agent.TurnLog{Log: log}})
	b.answers["action_x"] = answer{200, `{"events": [], "responses": [{"text": "slow"}]}`}
	b.serving = func() { b.now = b.now.Add(30 * time.Millisecond) }
	text := "hello"
	err := b.Handle(t.Context(), dialogue.UserMessage{SenderID: "me", Text: &text, InputChannel: "rest", OutputChannel: "collector"}, func(dialogue.BotMessage) error {
		b.now = b.now.Add(5 * time.Millisecond)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	line := linesOf(t, out)[0]
	got := map[string]any{}
	for key, value := range line {
		if strings.HasSuffix(key, "_ms") && value != 0.0 {
			got[key] = value
		}
	}
	if diff := cmp.Diff(map[string]any{"action_ms": 30.0, "send_ms": 10.0, "dur_ms": 40.0}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOnlyFailedTurnsHaveALineIfOnlyTheyAreToHaveOne(t *testing.T) {
	t.Parallel()
	out, log := turnLines(slog.LevelInfo)
	b := newBotWith(t, config, lineDomain, lineData, agent.Config{TurnLog: agent.TurnLog{Log: log, Failed: true}})
	b.say(t, "hello")
	if out.Len() > 0 {
		t.Errorf("a turn that went well has a line: %s", out)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	text := "hello"
	if err := b.Handle(ctx, dialogue.UserMessage{SenderID: "me", Text: &text, InputChannel: "rest"}, b.send); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	lines := linesOf(t, out)
	if len(lines) != 1 || lines[0]["outcome"] != "cancelled" {
		t.Errorf("lines %v", lines)
	}
}

func TestTurnsOfTheAPIHaveLines(t *testing.T) {
	t.Parallel()
	out, log := turnLines(slog.LevelInfo)
	b := newBotWith(t, config, lineDomain, lineData, agent.Config{TurnLog: agent.TurnLog{Log: log}})
	text := "hello"
	for name, do := range map[string]func() error{
		"append":  func() error { _, err := b.AppendEvents(t.Context(), "me", nil, false, "", nil); return err },
		"replace": func() error { _, err := b.ReplaceEvents(t.Context(), "me", nil); return err },
		"note": func() error {
			_, err := b.AddMessage(t.Context(), dialogue.UserMessage{SenderID: "me", Text: &text})
			return err
		},
		"execute": func() error { _, err := b.Execute(t.Context(), "me", "utter_greet", "", 1, "", nil); return err },
		"trigger": func() error { _, err := b.Trigger(t.Context(), "me", "greet", nil, "", nil); return err },
		"predict": func() error { _, _, err := b.Predict(t.Context(), "me"); return err },
	} {
		if err := do(); err != nil {
			t.Fatal(name, err)
		}
		lines := linesOf(t, out)
		if len(lines) != 1 || lines[0]["kind"] != name {
			t.Errorf("%s has lines %v", name, lines)
		}
	}
}

func TestATurnHasNoLineBelowItsLevel(t *testing.T) {
	t.Parallel()
	out, log := turnLines(slog.LevelWarn)
	b := newBotWith(t, config, lineDomain, lineData, agent.Config{TurnLog: agent.TurnLog{Log: log}})
	b.say(t, "hello")
	if out.Len() > 0 || !slices.Contains(b.said, "Hello") {
		t.Errorf("logged %s, said %v", out, b.said)
	}
}
