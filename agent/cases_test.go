package agent_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/dialogue"
)

// after is the part of a turn from the event on that text begins with.
func after(got, text string) string { return got[max(strings.LastIndex(got, text), 0):] }

func TestExpiryInsideAForm(t *testing.T) { // T06
	t.Parallel()
	b := newBot(t, formDomain, formRules)
	b.say(t, "/request")
	b.now = b.now.Add(61 * time.Minute)
	got := b.say(t, `/inform{"cuisine": "thai"}`)
	expect(t, "turn", after(got, "A(action_session_start)"), "A(action_session_start)[null/1] SS S(requested_slot=cuisine) A(action_listen)[null] "+
		"U(inform) S(cuisine=thai) UF(false) A(action_default_fallback)[RulePolicy/0.3] RW A(action_listen)[followup_action/1]")
	if loop := b.tracker(t).ActiveLoopName(); loop != "" {
		t.Errorf("the loop %s is active in the new session", loop)
	}
}

func TestOverriddenSessionStart(t *testing.T) { // T09
	t.Parallel()
	b := newBot(t, strings.Replace(pub, "actions: [action_x]", "actions: [action_x, action_session_start]", 1), pubRules)
	b.answers["action_session_start"] = answer{500, ""}
	expect(t, "the server fails", b.say(t, "hello"),
		"A(action_session_start)[null/1] U(greet) A(action_default_fallback)[RulePolicy/0.3] RW A(action_listen)[followup_action/1]")
	b.answers["action_session_start"] = answer{200, `{"events": [{"event": "session_started"}, {"event": "slot", "name": "name", "value": "Ann"}, {"event": "action", "name": "action_listen"}]}`}
	b.append(t, &dialogue.Restarted{})
	got := b.say(t, "hello")
	expect(t, "the server starts the session", after(got, "A(action_session_start)"),
		"A(action_session_start)[null/1] SS S(name=Ann) A(action_listen)[null] U(greet) UF(false) A(utter_greet)[Rule] B A(action_listen)[Rule]")
}

func TestPausedByAnAction(t *testing.T) { // T11, and T10 as recorded
	t.Parallel()
	b := newBot(t, pub, pubRules)
	b.answers["action_x"] = answer{200, `{"events": [{"event": "pause"}]}`}
	b.say(t, "/bye")
	expect(t, "restart typed while paused", b.say(t, "/restart"), "U(restart) A(action_default_fallback)[RulePolicy/0.3] RW UF(false) A(action_x)[Rule] pause")
	b.append(t, &dialogue.ConversationResumed{})
	expect(t, "resumed", b.say(t, "/greet"), "U(greet) A(action_default_fallback)[RulePolicy/0.3] RW UF(false) A(action_x)[Rule] pause")
}

func TestUndo(t *testing.T) { // T22
	t.Parallel()
	b := newBot(t, pub, pubRules)
	b.say(t, "/greet")
	b.append(t, &dialogue.ActionExecuted{Name: "action_x"}, &dialogue.SlotSet{Name: "name", Value: "Ann"}, &dialogue.ActionReverted{})
	tracker := b.tracker(t)
	if v, _ := tracker.Slot("name"); v != nil || tracker.LatestActionName() != dialogue.ActionListen {
		t.Errorf("after the undo name is %v and the latest action %s", v, tracker.LatestActionName())
	}
	expect(t, "next", b.say(t, "/bad"), "U(bad) UF(false) A(utter_cheer)[Rule] B A(action_listen)[Rule]")
}

func TestSlotsOfNoDomain(t *testing.T) { // T48
	t.Parallel()
	b := newBot(t, pub, pubRules)
	b.answers["action_x"] = answer{200, `{"events": [{"event": "slot", "name": "nobody", "value": 1}]}`}
	expect(t, "turn", b.say(t, "/bye"), start+"U(bye) UF(false) A(action_x)[Rule] S(nobody=1) A(action_listen)[Rule]")
	if _, ok := b.tracker(t).Slot("nobody"); ok {
		t.Error("the tracker has a slot that the domain does not have")
	}
}

func TestNothingAppliesInAForm(t *testing.T) { // T56, T60
	t.Parallel()
	b := newBot(t, strings.Replace(formDomain, "faq]", "faq, weather]", 1), formRules)
	b.say(t, "/request")
	expect(t, "an unknown wish", b.say(t, "/weather"), "U(weather) REJ(f)[Rule] UF(false) A(action_default_fallback)[RulePolicy/0.3] RW A(action_listen)[Rule]")
	expect(t, "a question that answers", b.say(t, `/faq{"cuisine": "thai"}`), "U(faq) S(cuisine=thai) UF(false) A(f)[Rule] S(requested_slot=num) B A(action_listen)[Rule]")
}

func TestTextsAnswerAForm(t *testing.T) { // T55
	t.Parallel()
	domain := strings.Replace(formDomain, "cuisine: {type: text, mappings: [{type: from_entity, entity: cuisine}]}",
		"cuisine: {type: text, mappings: [{type: from_text, conditions: [{active_loop: f, requested_slot: cuisine}]}]}", 1)
	b := newBot(t, domain, formRules)
	b.say(t, "/request")
	expect(t, "a question is taken for the answer", b.say(t, "/faq"), "U(faq) S(cuisine=/faq) UF(false) A(f)[Rule] S(requested_slot=num) B A(action_listen)[Rule]")
	b = newBot(t, strings.Replace(domain, "f: {required_slots", "f: {ignored_intents: faq, required_slots", 1), formRules)
	b.say(t, "/request")
	expect(t, "unless its intent is ignored", b.say(t, "/faq"),
		"U(faq) REJ(f)[Rule] UF(false) A(utter_faq)[Rule] B A(f)[Rule] S(requested_slot=cuisine) B A(action_listen)[Rule]")
}

func TestActivatingMessageFills(t *testing.T) { // T50, T51, T52, T69
	t.Parallel()
	b := newBot(t, formDomain, formRules)
	expect(t, "one slot", b.say(t, `/request{"cuisine": "thai"}`),
		start+"U(request) S(cuisine=thai) UF(false) A(f)[Rule] L(f) S(cuisine=thai) S(requested_slot=num) B A(action_listen)[Rule]")
	expect(t, "restart", after(b.say(t, "/restart"), "U(restart)"),
		"U(restart) UF(false) A(action_restart)[Rule] RS A(action_session_start)[followup_action/1] SS A(action_listen)[null]")
	b.say(t, `/faq{"cuisine": "thai"}`)
	expect(t, "a slot from before", b.say(t, "/request"), "U(request) UF(false) A(f)[Rule] L(f) S(requested_slot=num) B A(action_listen)[Rule]")
	b = newBot(t, formDomain, formRules)
	expect(t, "all slots", b.say(t, `/request{"cuisine": "thai", "num": 2}`), start+"U(request) S(cuisine=thai) S(num=2) UF(false) A(f)[Rule] L(f) "+
		"S(cuisine=thai) S(num=2) S(requested_slot=None) L(null) A(utter_submit)[Rule] B A(action_listen)[Rule]")
}

func TestQuestionInsideAForm(t *testing.T) { // T61
	t.Parallel()
	domain := strings.NewReplacer("faq]", "faq, stop, affirm]", "utter_faq:", "utter_continue: [{text: Go on?}]\n  utter_faq:").Replace(formDomain)
	b := newBot(t, domain, formRules+`stories:
- story: stop and go on
  steps:
  - intent: request
  - action: f
  - active_loop: f
  - intent: stop
  - action: utter_continue
  - intent: affirm
  - action: f
  - active_loop: null
  - action: utter_submit
`)
	b.say(t, "/request")
	expect(t, "stop", b.say(t, "/stop"), "U(stop) REJ(f)[Rule] UF(false) A(utter_continue)[Memo] B A(action_listen)[Memo]")
	expect(t, "affirm", b.say(t, "/affirm"), "U(affirm) LI(true) UF(false) A(f)[Memo] S(requested_slot=cuisine) B A(action_listen)[Rule]")
}

func TestTriggerIntentFillsOnActivation(t *testing.T) { // T67
	t.Parallel()
	domain := strings.Replace(formDomain, "slots:\n", "slots:\n  kind: {type: text, mappings: [{type: from_trigger_intent, intent: request, value: table%s}]}\n", 1)
	b := newBot(t, fmt.Sprintf(domain, ""), formRules)
	expect(t, "request", b.say(t, "/request"),
		start+"U(request) UF(false) A(f)[Rule] L(f) S(kind=table) S(requested_slot=cuisine) B A(action_listen)[Rule]")
	b = newBot(t, strings.Replace(fmt.Sprintf(domain, ", conditions: [{active_loop: other}]"), "forms: {", "forms: {other: {required_slots: [num]}, ", 1), formRules)
	expect(t, "for another form", b.say(t, "/request"),
		start+"U(request) UF(false) A(f)[Rule] L(f) S(requested_slot=cuisine) B A(action_listen)[Rule]")
}

func TestTwoStageFallback(t *testing.T) { // T71–T74
	t.Parallel()
	domain := pub + "  utter_ask_rephrase: [{text: Again?}]\n  utter_default: [{text: Sorry}]\n"
	rules := pubRules + "- rule: unsure\n  steps: [{intent: nlu_fallback}, {action: action_two_stage_fallback}, {active_loop: action_two_stage_fallback}]\n"
	const asked = "UF(false) A(action_two_stage_fallback)[Rule] L(action_two_stage_fallback) B A(action_listen)[Rule]"
	unsure := func(b *bot) string {
		text := "mumble"
		return b.hear(t, dialogue.UserMessage{SenderID: "x", Text: &text, InputChannel: "rest", Parse: &dialogue.Parse{
			Text: &text, Intent: dialogue.Intent{Name: "nlu_fallback", Confidence: 0.3},
			Ranking: []dialogue.Intent{{Name: "nlu_fallback", Confidence: 0.3}, {Name: "greet", Confidence: 0.2}},
		}})
	}
	b := newBot(t, domain, rules)
	expect(t, "not understood", unsure(b), start+"U(nlu_fallback) "+asked)
	if got := b.said[len(b.said)-1]; !strings.Contains(got, "greet") {
		t.Errorf("the question is %q, which does not name the best intent", got)
	}
	expect(t, "affirmed", b.say(t, "/greet"), "U(greet) UF(false) A(action_two_stage_fallback)[Rule] L(null) RW A(action_listen)[null] "+
		"U(greet) UF(false) A(utter_greet)[Rule] B A(action_listen)[Rule]")
	applied := strings.Join(shorthand(b.tracker(t).Applied()), " ")
	expect(t, "what counts of it", applied, "A(action_listen)[null] U(greet) UF(false) A(utter_greet)[Rule] B A(action_listen)[Rule]")

	b = newBot(t, domain, rules)
	unsure(b)
	expect(t, "denied", b.say(t, "/out_of_scope"), "U(out_of_scope) UF(false) A(action_two_stage_fallback)[Rule] B A(action_listen)[Rule]")
	expect(t, "rephrased", b.say(t, "/bad"), "U(bad) UF(false) A(action_two_stage_fallback)[Rule] L(null) RW A(action_listen)[null] "+
		"U(bad) UF(false) A(utter_cheer)[Rule] B A(action_listen)[Rule]")

	b = newBot(t, domain, rules)
	unsure(b)
	b.say(t, "/out_of_scope")
	expect(t, "rephrased in vain", unsure(b), "U(nlu_fallback) UF(false) A(action_two_stage_fallback)[Rule] B A(action_listen)[Rule]")
	got := b.say(t, "/out_of_scope")
	expect(t, "denied again", got, "U(out_of_scope) UF(false) A(action_two_stage_fallback)[Rule] L(null) B RW "+after(got, "A(action_listen)"))

	b = newBot(t, domain, rules)
	unsure(b)
	got = unsure(b)
	expect(t, "not understood twice", got, "U(nlu_fallback) UF(false) A(action_two_stage_fallback)[Rule] L(null) B RW "+after(got, "A(action_listen)"))
}

func TestSpeechIsNotLostWhenUnderstandingFails(t *testing.T) { // T28: what a failed turn did is not stored, the next one goes on
	t.Parallel()
	b := newBot(t, pub, pubRules)
	b.say(t, "/greet")
	if err := b.Handle(t.Context(), dialogue.UserMessage{SenderID: "x"}, b.send); err == nil {
		t.Error("a message without a text was understood")
	}
	expect(t, "next", b.say(t, "/bad"), "U(bad) UF(false) A(utter_cheer)[Rule] B A(action_listen)[Rule]")
}
