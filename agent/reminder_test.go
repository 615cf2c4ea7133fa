package agent_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/action"
	"parley/agent"
	"parley/dialogue"
)

// clock is a bot with reminders: they are scheduled by action_x, and due when the test says so.
type clock struct {
	*bot
	said chan string // by reminders
}

func newClock(t *testing.T) *clock {
	t.Helper()
	c := &clock{said: make(chan string, 100)}
	out := func(channel, senderID string) (agent.Send, bool) {
		return func(m dialogue.BotMessage) error {
			if strings.HasPrefix(m.Event.Text, "Remember panic") {
				panic("tea leaves")
			}
			c.said <- fmt.Sprintf("%s on %s: %s", senderID, channel, m.Event.Text)
			return nil
		}, true
	}
	domain := strings.Replace(pub, "faq,", "faq, remind,", 1) + "  utter_remind: [{text: \"Remember {name}\"}]\n"
	c.bot = newBotWith(t, config, domain, pubRules+"- rule: remind\n  steps: [{intent: remind}, {action: utter_remind}]\n", agent.Config{Output: out})
	return c
}

// remind makes action_x schedule a reminder in so many seconds.
func (c *clock) remind(seconds int, rest string) {
	due := c.now.Add(time.Duration(seconds) * time.Second).UTC().Format("2006-01-02T15:04:05Z07:00")
	c.answers["action_x"] = answer{200, fmt.Sprintf(`{"events": [{"event": "reminder", "intent": "remind", "date_time": %q, %s}]}`, due, rest)}
}

// fire lets everything that is due happen, and returns what reminders said. A reminder of another conversation comes last.
func (c *clock) fire(t *testing.T) []string {
	t.Helper()
	kept := c.answers["action_x"]
	c.remind(0, `"name": "last", "kill_on_user_msg": false`)
	text := "/bye"
	if err := c.Handle(t.Context(), dialogue.UserMessage{SenderID: "other", Text: &text, InputChannel: "rest"}, c.send); err != nil {
		t.Fatal(err)
	}
	c.answers["action_x"] = kept
	c.now = c.now.Add(time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- c.Run(ctx) }()
	var said []string
	for {
		s := <-c.said
		if strings.HasPrefix(s, "other ") {
			break
		}
		said = append(said, s)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return said
}

func TestReminderFires(t *testing.T) { // T104
	t.Parallel()
	c := newClock(t)
	c.remind(5, `"name": "r", "kill_on_user_msg": false, "entities": {"name": "milk"}`)
	c.say(t, "/bye")
	if got := c.fire(t); got != nil {
		t.Errorf("before its time: %q", got)
	}
	c.say(t, "/greet") // does not matter
	before := len(c.events(t))
	c.now = c.now.Add(10 * time.Second)
	if got, want := c.fire(t), []string{"x on collector: Remember milk"}; !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
	expect(t, "the turn", strings.Join(c.events(t)[before:], " "), "U(remind) S(name=milk) UF(false) A(utter_remind)[Rule] B A(action_listen)[Rule]")
	u, _ := c.tracker(t).Events(before)[0].(*dialogue.UserUttered)
	if *u.Text != "EXTERNAL: remind" || u.Metadata["is_external"] != true || u.InputChannel != "rest" || u.MessageID != "" || !u.Parse.Intent.NoConfidence {
		t.Errorf("the external event is %+v", u)
	}
}

func TestRemindersThatAreDropped(t *testing.T) { // T105–T108
	t.Parallel()
	for name, test := range map[string]struct {
		rest string
		do   func(t *testing.T, c *clock)
	}{
		"a message came": {`"name": "r", "kill_on_user_msg": true`, func(t *testing.T, c *clock) { c.say(t, "/greet") }},
		"the conversation was deleted": {`"name": "r", "kill_on_user_msg": false`, func(t *testing.T, c *clock) {
			if err := c.store.Delete(t.Context(), "x"); err != nil {
				t.Error(err)
			}
		}},
		"a restart":             {`"name": "r", "kill_on_user_msg": false`, func(t *testing.T, c *clock) { c.say(t, "/restart") }},
		"a later one, its name": {`"name": "r", "kill_on_user_msg": false`, func(t *testing.T, c *clock) { c.remind(3600, `"name": "r"`); c.say(t, "/bye") }},
		"the session is over":   {`"name": "r", "kill_on_user_msg": false`, func(_ *testing.T, c *clock) { c.now = c.now.Add(61 * time.Minute) }},
		"cancelled by intent": {`"name": "r", "kill_on_user_msg": false`, func(t *testing.T, c *clock) {
			c.answers["action_x"] = answer{200, `{"events": [{"event": "cancel_reminder", "intent": "remind"}]}`}
			c.say(t, "/bye")
		}},
		"one action cancels it and sets it again": {`"name": "r", "kill_on_user_msg": false`, func(t *testing.T, c *clock) {
			c.remind(5, `"name": "r", "kill_on_user_msg": false`)
			again := c.answers["action_x"]
			again.body = strings.Replace(again.body, `"events": [`, `"events": [{"event": "cancel_reminder", "name": "r"}, `, 1)
			c.answers["action_x"] = again
			c.say(t, "/bye")
		}},
		"all are cancelled": {`"name": "r", "kill_on_user_msg": false`, func(t *testing.T, c *clock) {
			c.answers["action_x"] = answer{200, `{"events": [{"event": "cancel_reminder"}]}`}
			c.say(t, "/bye")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClock(t)
			c.remind(5, test.rest)
			c.say(t, "/bye")
			test.do(t, c)
			c.now = c.now.Add(10 * time.Second)
			before := len(c.events(t))
			if got := c.fire(t); got != nil {
				t.Errorf("it fired: %q", got)
			}
			if got := c.events(t)[before:]; len(got) > 0 {
				t.Errorf("a reminder that was dropped stored %q", got)
			}
		})
	}
}

// TestAReminderThatPanicsEndsNothingElse: those after it fire.
func TestAReminderThatPanicsEndsNothingElse(t *testing.T) {
	t.Parallel()
	c := newClock(t)
	c.remind(1, `"name": "first", "kill_on_user_msg": false, "entities": {"name": "panic"}`)
	c.say(t, "/bye")
	c.remind(2, `"name": "second", "kill_on_user_msg": false, "entities": {"name": "milk"}`)
	c.say(t, "/bye")
	c.now = c.now.Add(10 * time.Second)
	if got, want := c.fire(t), []string{"x on collector: Remember milk"}; !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
}

func TestCancellingTouchesOnlyWhatItNames(t *testing.T) { // T108
	t.Parallel()
	c := newClock(t)
	c.remind(5, `"name": "r", "kill_on_user_msg": false`)
	c.say(t, "/bye")
	c.answers["action_x"] = answer{200, `{"events": [{"event": "cancel_reminder", "name": "another"}, {"event": "cancel_reminder", "intent": "greet"}]}`}
	c.say(t, "/bye")
	c.now = c.now.Add(10 * time.Second)
	if got, want := c.fire(t), []string{"x on collector: Remember None"}; !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
}

func TestTriggerIntent(t *testing.T) { // T109
	t.Parallel()
	c := newClock(t)
	c.say(t, "/greet")
	before := len(c.events(t))
	if _, err := c.Trigger(t.Context(), "x", "remind", map[string]any{"name": "Orchid"}, "collector", c.send); err != nil {
		t.Fatal(err)
	}
	tracker := c.tracker(t)
	expect(t, "the turn", strings.Join(shorthand(tracker.Events(before)), " "), "U(remind) S(name=Orchid) UF(false) A(utter_remind)[Rule] B A(action_listen)[Rule]")
	u, _ := tracker.Events(before)[0].(*dialogue.UserUttered)
	if e := u.Parse.Entities[0]; e.Start >= 0 || e.End >= 0 || tracker.LatestInputChannel() != "rest" {
		t.Errorf("the entity is %+v, the latest channel %q", e, tracker.LatestInputChannel())
	}
}

func TestFormsAndRulesWithoutAnEnd(t *testing.T) {
	t.Parallel()
	b := newBot(t, strings.Replace(formDomain, "forms: {", "forms: {empty: {required_slots: []}, ", 1), strings.Replace(formRules, "rules:\n", `rules:
- rule: nothing to ask
  steps: [{intent: inform}, {action: empty}, {active_loop: null}, {action: utter_submit}]
`, 1))
	expect(t, "a form without slots", b.say(t, "/inform"),
		start+"U(inform) UF(false) A(empty)[Rule] L(empty) S(requested_slot=None) L(null) A(utter_submit)[Rule] B A(action_listen)[Rule]")

	endless := strings.Replace(config, "- name: RulePolicy\n", "- name: RulePolicy\n  core_fallback_action_name: utter_bye\n", 1)
	b = newBotWith(t, endless, pub, pubRules, agent.Config{Actions: action.Config{}})
	got := b.say(t, "/faq")
	expect(t, "a fallback that leads nowhere", got, start+"U(faq) UF(false)"+strings.Repeat(" A(utter_bye)[RulePolicy/0.3] B", 10))
	expect(t, "the next message", b.say(t, "/greet"), "U(greet)")
	b.append(t, &dialogue.Restarted{})
	expect(t, "after a restart", after(b.say(t, "/greet"), "U(greet)"), "U(greet) UF(false) A(utter_greet)[Rule] B A(action_listen)[Rule]")
}
