package agent_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/agent"
	"parley/dialogue"
)

// place is a file and line in a reason; the folder is the test's own.
var place = regexp.MustCompile(`\([^()]*/data\.yml:(\d+)\)`)

// explained writes decisions a line each: the action, the reason and, if told, what the policy that won saw.
func explained(t *testing.T, b *bot, turns int, evidence bool) []string {
	t.Helper()
	decisions, err := b.Explain(t.Context(), "x", turns)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, d := range decisions {
		line := d.Action
		if d.Rejected {
			line += " rejected"
		}
		if d.Event < 0 {
			line += " next"
		}
		if !d.Agrees {
			line += " differs"
		}
		line += ": " + place.ReplaceAllString(d.Reason, "(data.yml:$1)")
		for _, o := range d.Policies {
			if o.Won && evidence && o.Evidence != nil {
				line += " | " + strings.Join(o.Evidence, " ")
			}
		}
		lines = append(lines, line)
	}
	return lines
}

func TestExplainNamesRulesStoriesAndWhatTheyFit(t *testing.T) {
	t.Parallel()
	b := newBot(t, pub, `
rules:
- rule: g
  steps: [{intent: greet}, {action: utter_greet}]
- rule: b
  steps: [{intent: bye}, {action: action_x}]
stories:
- story: low spirits
  steps: [{intent: bad}, {action: utter_cheer}, {intent: inform}, {action: utter_bye}]
`)
	b.answers["action_x"] = answer{200, `{"events": [{"event": "followup", "name": "utter_bye"}]}`}
	b.say(t, "/bad")
	listen := `{"prev_action": {"action_name": "action_listen"}, "user": {"intent": "bad"}}`
	cheer := `{"prev_action": {"action_name": "utter_cheer"}, "user": {"intent": "bad"}}`
	got := explained(t, b, 1, true)
	want := []string{
		"utter_cheer: story 'low spirits' (data.yml:9) | {} " + listen,
		"action_listen: story 'low spirits' (data.yml:9) | {} " + listen + " " + cheer,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a memorised turn (-want +got):\n%s", diff)
	}
	b.say(t, "/greet")
	b.say(t, "/faq")
	b.say(t, "/bye")
	got = explained(t, b, 3, false)
	want = []string{
		"utter_greet: rule 'g' (data.yml:4)",
		"action_listen: rule 'g' (data.yml:4)",
		"action_default_fallback: fallback: no rule or story applies",
		"action_listen: rule 'g' (data.yml:4)", // the fallback took its turn back
		"action_x: rule 'b' (data.yml:6)",
		"utter_bye: the action before asked for it",
		"action_default_fallback: fallback: no rule or story applies",
		"action_listen: rule 'g' (data.yml:4)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("three turns (-want +got):\n%s", diff)
	}
	if got := explained(t, b, 100, false); len(got) != 12 || got[0] != "action_session_start: a session begins" ||
		got[1] != "action_listen: no policy chose it: an action or a client recorded it" {
		t.Errorf("the whole session: %q", got)
	}
}

func TestExplainFormsAndWhatComesNext(t *testing.T) {
	t.Parallel()
	b := newBot(t, formDomain, formRules)
	b.say(t, "/request")
	b.say(t, "/faq")
	got := explained(t, b, 1, false)
	want := []string{
		"f rejected: loop f is active",
		"utter_faq: rule 'faq' (data.yml:8)",
		"f: rule 'faq' (data.yml:8) would wait: the active loop goes on instead",
		"action_listen: loop f has run",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("an interrupted form (-want +got):\n%s", diff)
	}
	text := "/inform"
	if _, err := b.AddMessage(t.Context(), dialogue.UserMessage{SenderID: "x", Text: &text}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"f next: loop f is active"}, explained(t, b, 1, false)); diff != "" {
		t.Errorf("a message that nobody has answered (-want +got):\n%s", diff)
	}
	confidence := 1.0
	b.append(t, &dialogue.ActionExecuted{Name: "utter_faq", Policy: "RulePolicy", Confidence: &confidence}, &dialogue.FollowupAction{Name: "utter_submit"})
	got = explained(t, b, 1, false)
	want = []string{"utter_faq differs: RulePolicy would run f now: loop f is active", "utter_submit next: the action before asked for it"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("an action from outside (-want +got):\n%s", diff)
	}
	b.append(t, &dialogue.ActiveLoop{Name: "nonsense"})
	if got = explained(t, b, 1, false); len(got) != 2 || !strings.Contains(got[1], "utter_submit next") {
		t.Errorf("an unknown loop: %q", got)
	}
	b.append(t, &dialogue.ConversationPaused{})
	if got = explained(t, b, 1, false); len(got) != 1 {
		t.Errorf("paused: %q", got)
	}
}

func TestExplainNeedsAConversation(t *testing.T) {
	t.Parallel()
	b := newBot(t, pub, pubRules)
	if _, err := b.Explain(t.Context(), "x", 1); err == nil {
		t.Error("an unknown conversation was explained")
	}
	if err := b.Swap(nil); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Explain(t.Context(), "x", 1); err == nil {
		t.Error("something was explained without a model")
	}
}

func TestDebugLogSaysWhatDecided(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	b := newBotWith(t, config, pub, pubRules, agent.Config{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	b.answers["action_x"] = answer{200, `{"events": [{"event": "followup", "name": "utter_bye"}]}`}
	b.say(t, "/bye")
	for action, reason := range map[string]string{
		"action_x": "rule 'b' (", "utter_bye": "the action before asked for it", "action_default_fallback": "fallback: no rule or story applies",
	} {
		if pattern := fmt.Sprintf(`msg=predicted .*action=%s .*reason="%s`, action, regexp.QuoteMeta(reason)); !regexp.MustCompile(pattern).Match(log.Bytes()) {
			t.Errorf("no line matches %s in\n%s", pattern, log.String())
		}
	}
}
