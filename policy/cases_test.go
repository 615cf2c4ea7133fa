package policy_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/dialogue"
	"parley/policy"
	"parley/project"
)

// write makes a project of texts and reads it.
func write(t testing.TB, domain, data string) *project.Project {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"domain.yml": domain, "data.yml": "version: \"3.1\"\n" + data} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := project.Load(project.Paths{Domain: filepath.Join(dir, "domain.yml"), Data: []string{filepath.Join(dir, "data.yml")}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func train(t testing.TB, p *project.Project, configs ...policy.Config) *policy.Ensemble {
	t.Helper()
	if configs == nil {
		configs = []policy.Config{{Name: "MemoizationPolicy"}, {Name: "RulePolicy"}}
	}
	e, err := policy.Train(t.Context(), configs, p.Domain, p.Steps, policy.TrainOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func with(name string, options ...any) policy.Config {
	c := policy.Config{Name: name, Options: map[string]any{}, File: "config.yml", Line: 7}
	for i := 0; i < len(options); i += 2 {
		key, _ := options[i].(string)
		c.Options[key] = options[i+1]
	}
	return c
}

// conversation makes a tracker of a short notation: "/greet" is a message with that intent, "/greet city" with an entity too,
// "name=Ann" a slot (name= is null), "+f" and "-f" a loop that begins and ends, "!a" an action that was rejected, "~a" an action
// of a hidden turn, everything else an action. Each message is followed by the flag that a prediction adds.
func conversation(p *project.Project, parts ...string) *dialogue.Tracker {
	t := dialogue.NewTracker("", p.Domain)
	for i, part := range parts {
		name, value, isSlot := strings.Cut(part, "=")
		switch {
		case part[0] == '/':
			words := strings.Fields(part[1:])
			u := user(words[0])
			for _, e := range words[1:] {
				u.Parse.Entities = append(u.Parse.Entities, dialogue.Entity{Entity: e, Value: "x"})
			}
			t.Append(u)
			if i < len(parts)-1 {
				t.Append(&dialogue.UserFeaturization{})
			}
		case part[0] == '+':
			t.Append(&dialogue.ActiveLoop{Name: part[1:]})
		case part[0] == '-':
			t.Append(&dialogue.ActiveLoop{})
		case part[0] == '!':
			t.Append(&dialogue.ActionRejected{Name: part[1:]})
		case part[0] == '~':
			t.Append(&dialogue.ActionExecuted{Name: part[1:], HideRuleTurn: true})
		case part == "<<":
			t.Append(&dialogue.UserReverted{})
		case isSlot:
			var v any
			switch value {
			case "":
			case "true", "false":
				v = value == "true"
			default:
				v = value
			}
			t.Append(&dialogue.SlotSet{Name: name, Value: v})
		default:
			t.Append(act(part))
		}
	}
	return t
}

const listen = dialogue.ActionListen

// expect is a decision: action, policy, confidence, and h if the turn is hidden.
type expect struct {
	name   string
	parts  []string
	action string
	policy string
	score  float64
	hide   bool
}

func check(t *testing.T, p *project.Project, e *policy.Ensemble, cases []expect) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := e.Predict(t.Context(), conversation(p, c.parts...))
			if err != nil {
				t.Fatal(err)
			}
			if got.Action != c.action || got.Policy != c.policy || got.Confidence != c.score || got.HideRuleTurn != c.hide {
				t.Errorf("got %s[%s/%g] hide=%v (%s), want %s[%s/%g] hide=%v", got.Action, got.Policy, got.Confidence, got.HideRuleTurn,
					got.Reason, c.action, c.policy, c.score, c.hide)
			}
		})
	}
}

const (
	rulePolicy = "RulePolicy"
	memo       = "MemoizationPolicy"
	augmented  = "AugmentedMemoizationPolicy"
	fallback   = dialogue.ActionDefaultFallback
)

// T76, T77, T78, T79, T80: what a rule asks of a conversation.
func TestRules(t *testing.T) {
	t.Parallel()
	p := write(t, `
intents: [hello, greet, ask, {inform: {ignore_entities: [date]}}, bye]
entities: [city, date, person]
slots:
  logged_in: {type: bool, mappings: [{type: custom}]}
  name: {type: text, mappings: [{type: custom}]}
  plan: {type: categorical, values: [free, pro], initial_value: free, mappings: [{type: custom}]}
responses:
  utter_first: [{text: a}]
  utter_hi: [{text: a}]
  utter_welcome: [{text: a}]
  utter_ask_name: [{text: a}]
  utter_name_known: [{text: a}]
  utter_city: [{text: a}]
  utter_bye: [{text: a}]
`, `
rules:
- rule: first
  conversation_start: true
  steps: [{intent: hello}, {action: utter_first}]
- rule: greet
  steps: [{intent: greet}, {action: utter_hi}]
- rule: greet a member
  condition: [{slot_was_set: [{logged_in: true}]}]
  steps: [{intent: greet}, {action: utter_welcome}]
- rule: name is missing
  condition: [{slot_was_set: [{name: null}]}]
  steps: [{intent: ask}, {action: utter_ask_name}]
- rule: city
  steps: [{intent: inform, entities: [city]}, {action: utter_city}]
- rule: bye
  steps: [{intent: bye}, {action: utter_bye}]
`)
	check(t, p, train(t, p), []expect{
		{"a rule of the conversation's start matches the first turn", []string{listen, "/hello"}, "utter_first", rulePolicy, 1, true},
		{"it does not match later", []string{listen, "/bye", "utter_bye", listen, "/hello"}, fallback, rulePolicy, 0.3, false},
		{"after a message was taken back it does", []string{listen, "/hello", "<<", listen, "/hello"}, "utter_first", rulePolicy, 1, true},
		{"the longer rule wins", []string{"logged_in=true", listen, "/greet"}, "utter_welcome", rulePolicy, 1, true},
		{"unless its condition fails", []string{"logged_in=false", listen, "/greet"}, "utter_hi", rulePolicy, 1, true},
		{"or is unknown", []string{listen, "/greet"}, "utter_hi", rulePolicy, 1, true},
		{"null asks for a slot that is not set", []string{listen, "/ask"}, "utter_ask_name", rulePolicy, 1, true},
		{"not for one that is", []string{"name=Ann", listen, "/ask"}, fallback, rulePolicy, 0.3, false},
		{"an entity that the rule names", []string{listen, "/inform city"}, "utter_city", rulePolicy, 1, true},
		{"with one that does not count", []string{listen, "/inform city date"}, "utter_city", rulePolicy, 1, true},
		{"with one that does", []string{listen, "/inform city person"}, fallback, rulePolicy, 0.3, false},
		{"without it", []string{listen, "/inform"}, fallback, rulePolicy, 0.3, false},
		{"a slot that the rule does not mention may change", []string{"plan=pro", listen, "/bye"}, "utter_bye", rulePolicy, 1, true},
		{"a rule without entities takes any", []string{listen, "/bye city"}, "utter_bye", rulePolicy, 1, true},
		{"after the rule's action the bot listens", []string{listen, "/bye", "utter_bye"}, listen, rulePolicy, 1, true},
		{"the default actions", []string{listen, "/restart"}, dialogue.ActionRestart, rulePolicy, 1, true},
		{"not in the middle of a turn", []string{listen, "/restart", "utter_bye"}, fallback, rulePolicy, 0.3, false},
		{"an action that was rejected is out", []string{listen, "/bye", "!utter_bye"}, fallback, rulePolicy, 0.3, true},
	})
}

// T81, T82, T85, T49, T54, T57, T58, T59, T61: actions that set slots, and loops.
func TestRulesWithLoops(t *testing.T) {
	t.Parallel()
	p := write(t, `
intents: [request, faq, two, chat, stop, stop_story, affirm, search, quick, look]
slots:
  found: {type: bool, mappings: [{type: custom}]}
  cuisine: {type: text, mappings: [{type: custom}]}
forms: {f: {required_slots: [cuisine]}}
actions: [action_search]
responses:
  utter_faq: [{text: a}]
  utter_a: [{text: a}]
  utter_b: [{text: a}]
  utter_chat: [{text: a}]
  utter_submit: [{text: a}]
  utter_continue: [{text: a}]
  utter_yes: [{text: a}]
  utter_no: [{text: a}]
  utter_quick: [{text: a}]
  utter_look: [{text: a}]
`, `
rules:
- rule: activate
  steps: [{intent: request}, {action: f}, {active_loop: f}]
- rule: submit
  condition: [{active_loop: f}]
  steps: [{action: f}, {active_loop: null}, {slot_was_set: [{requested_slot: null}]}, {action: utter_submit}]
- rule: faq
  steps: [{intent: faq}, {action: utter_faq}]
- rule: two
  steps: [{intent: two}, {action: utter_a}, {action: utter_b}]
- rule: chat
  condition: [{active_loop: f}]
  steps: [{intent: chat}, {action: utter_chat}, {action: f}, {active_loop: f}]
- rule: stop
  condition: [{active_loop: f}]
  steps: [{intent: stop}, {action: action_deactivate_loop}, {active_loop: null}]
- rule: found
  steps: [{intent: search}, {action: action_search}, {slot_was_set: [{found: true}]}, {action: utter_yes}]
- rule: not found
  steps: [{intent: search}, {action: action_search}, {slot_was_set: [{found: false}]}, {action: utter_no}]
- rule: goes on
  wait_for_user_input: false
  steps: [{intent: quick}, {action: utter_quick}]
- rule: outside
  condition: [{active_loop: null}]
  steps: [{intent: look}, {action: utter_look}]
stories:
- story: stop and go on
  steps:
  - intent: request
  - action: f
  - active_loop: f
  - intent: stop_story
  - action: utter_continue
  - intent: affirm
  - action: f
  - active_loop: null
  - action: utter_submit
`)
	inside := []string{listen, "/request", "f", "+f", listen}
	then := func(parts ...string) []string { return append(append([]string(nil), inside...), parts...) }
	e := train(t, p)
	check(t, p, e, []expect{
		{"the loop begins", []string{listen, "/request"}, "f", rulePolicy, 1, false},
		{"and waits", []string{listen, "/request", "f", "+f"}, listen, rulePolicy, 1, false},
		{"it takes the next message", then("/affirm"), "f", rulePolicy, 1, true},
		{"it ends", then("/affirm", "f", "-f"), "utter_submit", rulePolicy, 1, false},
		{"a rule answers when it rejects", then("/faq", "!f"), "utter_faq", rulePolicy, 1, true},
		{"and the loop goes on instead of waiting", then("/faq", "!f", "utter_faq"), "f", rulePolicy, 1, true},
		{"a rule of two actions", then("/two", "!f", "utter_a"), "utter_b", rulePolicy, 1, true},
		{"also", then("/two", "!f", "utter_a", "utter_b"), "f", rulePolicy, 1, true},
		{"a rule of the loop", then("/chat", "!f"), "utter_chat", rulePolicy, 1, true},
		{"returns to it", then("/chat", "!f", "utter_chat"), "f", rulePolicy, 1, true},
		{"a rule leaves the loop", then("/stop", "!f"), dialogue.ActionDeactivateLoop, rulePolicy, 1, true},
		{"and waits then", then("/stop", "!f", dialogue.ActionDeactivateLoop, "-f"), listen, rulePolicy, 1, true},
		{"a story answers", then("/stop_story", "!f"), "utter_continue", memo, 1, false},
		{"and waits", then("/stop_story", "!f", "utter_continue"), listen, memo, 1, false},
		{"and returns", then("/stop_story", "!f", "utter_continue", listen, "/affirm"), "f", memo, 1, false},
		{"a branch on the slot", []string{listen, "/search", "action_search", "found=true"}, "utter_yes", rulePolicy, 1, true},
		{"the other", []string{listen, "/search", "action_search", "found=false"}, "utter_no", rulePolicy, 1, true},
		{"none", []string{listen, "/search", "action_search"}, fallback, rulePolicy, 0.3, false},
		{"a rule that does not wait", []string{listen, "/quick"}, "utter_quick", rulePolicy, 1, true},
		{"predicts no waiting", []string{listen, "/quick", "utter_quick"}, fallback, rulePolicy, 0.3, false},
		{"outside of loops", []string{listen, "/look"}, "utter_look", rulePolicy, 1, true},
		{"not inside", then("/look", "!f"), fallback, rulePolicy, 0.3, false},
		{"default actions leave a loop alone", then("/restart"), dialogue.ActionRestart, rulePolicy, 1, true},
	})
	t.Run("a loop is told that it was interrupted", func(t *testing.T) {
		t.Parallel()
		got, err := e.Predict(t.Context(), conversation(p, then("/stop_story", "!f", "utter_continue", listen, "/affirm")...))
		if err != nil {
			t.Fatal(err)
		}
		if l, ok := got.Events[0].(*dialogue.LoopInterrupted); !ok || !l.IsInterrupted || got.EndToEndInput {
			t.Errorf("got %+v", got)
		}
	})
}

// T86, T87, T88, T89: memorised stories.
func TestMemorisedStories(t *testing.T) {
	t.Parallel()
	domain := `
intents: [greet, price, affirm, thanks, start, tea, cake, faq, look, end]
slots:
  card: {type: bool, mappings: [{type: custom}]}
  name: {type: text, mappings: [{type: custom}]}
responses:
  utter_greet: [{text: a}]
  utter_price: [{text: a}]
  utter_ok: [{text: a}]
  utter_start: [{text: a}]
  utter_tea: [{text: a}]
  utter_cake: [{text: a}]
  utter_faq: [{text: a}]
  utter_look: [{text: a}]
  utter_end: [{text: a}]
`
	data := `
rules:
- rule: faq
  steps: [{intent: faq}, {action: utter_faq}]
stories:
- story: price
  steps: [{intent: greet}, {action: utter_greet}, {intent: price}, {action: utter_price}, {intent: end}, {action: utter_end}]
- story: look
  steps: [{intent: look}, {action: utter_look}]
- story: or
  steps: [{or: [{intent: affirm}, {intent: thanks}]}, {action: utter_ok}]
- story: begin
  steps: [{intent: start}, {action: utter_start}, {checkpoint: c}]
- story: tea
  steps: [{checkpoint: c, slot_was_set: [{card: null}]}, {intent: tea}, {action: utter_tea}]
- story: cake
  steps: [{checkpoint: c}, {intent: cake}, {action: utter_cake}]
`
	price := []string{listen, "/greet", "utter_greet", listen, "/price"}
	long := append(append([]string(nil), price...), "utter_price", listen, "/end", "utter_end")
	p := write(t, domain, data)
	t.Run("from the beginning", func(t *testing.T) {
		t.Parallel()
		check(t, p, train(t, p), []expect{
			{"a story", price, "utter_price", memo, 1, false},
			{"to its end", long, listen, memo, 1, false},
			{"one intent of several", []string{listen, "/affirm"}, "utter_ok", memo, 1, false},
			{"another", []string{listen, "/thanks"}, "utter_ok", memo, 1, false},
			{"over a checkpoint", []string{listen, "/start", "utter_start", listen, "/tea"}, "utter_tea", memo, 1, false},
			{"over the same, elsewhere", []string{listen, "/start", "utter_start", listen, "/cake"}, "utter_cake", memo, 1, false},
			{"not after a digression", append([]string{listen, "/look", "utter_look"}, price...), fallback, rulePolicy, 0.3, false},
			{"not with another slot", append([]string{"name=x"}, price...), fallback, rulePolicy, 0.3, false},
			{"a turn of rules is not seen", []string{listen, "/greet", "utter_greet", listen, "/faq", "~utter_faq", "~" + listen, "/price"}, "utter_price", memo, 1, false},
			{"one that is not marked is", []string{listen, "/greet", "utter_greet", listen, "/faq", "utter_faq", listen, "/price"}, fallback, rulePolicy, 0.3, false},
		})
	})
	t.Run("without checks turns of rules are seen", func(t *testing.T) {
		t.Parallel()
		check(t, p, train(t, p, with(memo), with(rulePolicy, "check_for_contradictions", false)), []expect{
			{"the rule", []string{listen, "/faq"}, "utter_faq", rulePolicy, 1, false},
		})
	})
	t.Run("augmented", func(t *testing.T) {
		t.Parallel()
		check(t, p, train(t, p, with(augmented), with(rulePolicy)), []expect{
			{"after a digression", append([]string{listen, "/look", "utter_look"}, price...), "utter_price", augmented, 1, false},
			{"the longest story after one", append([]string{listen, "/look", "utter_look"}, long...), listen, augmented, 1, false},
			{"a slot before is forgotten", append([]string{"name=x", listen, "/look", "utter_look"}, price...), "utter_price", augmented, 1, false},
			{"a slot after is not", []string{listen, "/look", "utter_look", listen, "/greet", "name=x", "utter_greet", listen, "/price"}, fallback, rulePolicy, 0.3, false},
		})
	})
	t.Run("with a short history", func(t *testing.T) {
		t.Parallel()
		check(t, p, train(t, p, with(memo, "max_history", 3), with(rulePolicy)), []expect{
			{"after a digression", append([]string{listen, "/look", "utter_look"}, price...), "utter_price", memo, 1, false},
			{"not right after the digression", []string{listen, "/look", "utter_look", listen, "/greet"}, fallback, rulePolicy, 0.3, false},
		})
	})
	t.Run("with the confidence of the intent", func(t *testing.T) {
		t.Parallel()
		e := train(t, p, with(memo, "use_nlu_confidence_as_score", true), with(rulePolicy, "use_nlu_confidence_as_score", true))
		for confidence, want := range map[float64]string{0.9: "utter_greet", 0.31: "utter_greet", 0.3: fallback, 0.2: fallback} {
			u := user("greet")
			u.Parse.Intent.Confidence = confidence
			at := dialogue.NewTracker("", p.Domain)
			at.Append(act(listen), u)
			got, err := e.Predict(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			if got.Action != want {
				t.Errorf("with confidence %g: got %s, want %s", confidence, got.Action, want)
			}
		}
	})
}

// T91, T19: who wins.
func TestEnsembleChoosesByConfidencePriorityAndOrder(t *testing.T) {
	t.Parallel()
	p := write(t, `
intents: [bye]
responses:
  utter_bye: [{text: a}]
  utter_thanks: [{text: a}]
`, `
rules:
- rule: bye
  steps: [{intent: bye}, {action: utter_bye}]
stories:
- story: thanks
  steps: [{intent: bye}, {action: utter_thanks}]
`)
	unchecked := with(rulePolicy, "check_for_contradictions", false)
	bye := []string{listen, "/bye"}
	check(t, p, train(t, p, with(memo), unchecked), []expect{{"a rule before a story", bye, "utter_bye", rulePolicy, 1, false}})
	check(t, p, train(t, p, with(memo, "priority", 5), unchecked), []expect{{"priorities of the user's", bye, "utter_thanks", memo, 1, false}})
	check(t, p, train(t, p, with(memo, "priority", 4), unchecked), []expect{{"of equals the first", bye, "utter_thanks", memo, 1, false}})
	check(t, p, train(t, p, unchecked, with(memo, "priority", 4)), []expect{{"of equals the first one", bye, "utter_bye", rulePolicy, 1, false}})
	check(t, p, train(t, p, with(rulePolicy, "enable_fallback_prediction", false, "check_for_contradictions", false)), []expect{
		{"nothing means to listen", []string{listen, "/nonsense"}, listen, rulePolicy, 0, false},
	})
	check(t, p, train(t, p, with(rulePolicy, "core_fallback_action_name", "utter_thanks", "core_fallback_threshold", 0.6, "check_for_contradictions", false)), []expect{
		{"the fallback of the user's", []string{listen, "/nonsense"}, "utter_thanks", rulePolicy, 0.6, false},
	})
}

func TestPredictionsAreComplete(t *testing.T) {
	t.Parallel()
	p := write(t, `
intents: [bye]
responses: {utter_bye: [{text: a}]}
`, `
rules:
- rule: say goodbye
  steps: [{intent: bye}, {action: utter_bye}]
`)
	e := train(t, p)
	got, err := e.Predict(t.Context(), conversation(p, listen, "/bye"))
	if err != nil {
		t.Fatal(err)
	}
	if f, ok := got.Events[0].(*dialogue.UserFeaturization); !ok || f.UseText || len(got.Events) != 1 {
		t.Errorf("events: got %v", got.Events)
	}
	if len(got.Scores) != len(p.Domain.Actions) || got.Scores[p.Domain.ActionIndex("utter_bye")] != 1 || got.Scores[p.Domain.ActionIndex(fallback)] != 0.3 {
		t.Errorf("scores: got %v", got.Scores)
	}
	if !strings.Contains(got.Reason, "say goodbye") || !strings.Contains(got.Reason, "data.yml:4") {
		t.Errorf("reason: got %q", got.Reason)
	}
	unknown := conversation(p, listen, "/bye", "+nowhere")
	if got, err := e.Predict(t.Context(), unknown); err == nil {
		t.Errorf("a loop that is no action: got %+v", got)
	}
	other := write(t, "intents: [bye]\n", "").Domain
	stranger := dialogue.NewTracker("", other)
	stranger.Append(act(listen), user("bye"))
	if got, err := e.Predict(t.Context(), stranger); err != nil || got.Action != "utter_bye" {
		t.Errorf("a conversation of another domain: got %+v, %v", got, err)
	}
	at := dialogue.NewTracker("", p.Domain)
	text := "bye"
	at.Append(act(listen), &dialogue.UserUttered{Text: &text})
	if got, err := e.Predict(t.Context(), at); err != nil || got.Action != fallback {
		t.Errorf("a message without an intent: got %+v, %v", got, err)
	}
}

// T95: texts in place of intents and actions.
func TestRulesOnTexts(t *testing.T) {
	t.Parallel()
	p := write(t, `
intents: [greet, other]
responses: {utter_greet: [{text: a}], utter_text: [{text: a}]}
`, `
rules:
- rule: intent
  steps: [{intent: greet}, {action: utter_greet}]
- rule: text
  steps: [{user: hi there}, {action: utter_text}]
stories:
- story: end to end
  steps: [{intent: other}, {bot: Hello.}]
`)
	e := train(t, p)
	at := func(intent, text string) *dialogue.Tracker {
		u := user(intent)
		u.Text = &text
		tr := dialogue.NewTracker("", p.Domain)
		tr.Append(act(listen), u)
		return tr
	}
	for _, c := range []struct {
		intent, text, action string
		byText, endToEnd     bool
	}{
		{"greet", "hello", "utter_greet", false, false},
		{"greet", "hi there", "utter_text", true, false},
		{"restart", "hi there", "utter_text", true, false},
		{"other", "hello", "Hello.", false, true},
	} {
		got, err := e.Predict(t.Context(), at(c.intent, c.text))
		if err != nil {
			t.Fatal(err)
		}
		f, _ := got.Events[len(got.Events)-1].(*dialogue.UserFeaturization)
		if got.Action != c.action || got.EndToEndInput != c.byText || got.EndToEnd != c.endToEnd || f == nil || f.UseText != c.byText {
			t.Errorf("%s %q: got %+v", c.intent, c.text, got)
		}
	}
	next := at("greet", "hi there")
	next.Append(&dialogue.UserFeaturization{UseText: true}, act("utter_text"))
	if got, err := e.Predict(t.Context(), next); err != nil || got.Action != listen || got.Confidence != 1 {
		t.Errorf("after the text: got %+v, %v", got, err)
	}
}

func TestTrainReportsFaultsOfRules(t *testing.T) {
	t.Parallel()
	const domain = `
intents: [bye, search, request, two]
slots:
  found: {type: bool, mappings: [{type: custom}]}
forms: {f: {required_slots: []}}
actions: [action_search]
responses:
  utter_bye: [{text: a}]
  utter_thanks: [{text: a}]
  utter_yes: [{text: a}]
  utter_submit: [{text: a}]
`
	for _, c := range []struct {
		name, data string
		want       []string // in the error
		options    []any
	}{
		{"a story contradicts a rule", `
rules:
- rule: say bye
  steps: [{intent: bye}, {action: utter_bye}]
stories:
- story: be polite
  steps: [{intent: bye}, {action: utter_thanks}]
`, []string{"be polite", "utter_thanks", "say bye", "utter_bye", "data.yml:7: ", "data.yml:4"}, nil},
		{"two rules contradict each other", `
rules:
- rule: one
  steps: [{intent: bye}, {action: utter_bye}]
- rule: other
  steps: [{intent: bye}, {action: utter_thanks}]
`, []string{"'one'", "'other'", "utter_thanks", "utter_bye"}, nil},
		{"a rule with two messages", `
rules:
- rule: talk
  steps: [{intent: bye}, {action: utter_bye}, {intent: two}, {action: utter_thanks}]
`, []string{"talk", "2 messages", "data.yml:4: "}, nil},
		{"a rule without the slot that its action sets", `
rules:
- rule: found
  steps: [{intent: search}, {action: action_search}, {slot_was_set: [{found: true}]}, {action: utter_yes}]
- rule: careless
  steps: [{intent: two}, {action: action_search}, {action: utter_bye}]
`, []string{"careless", "action_search", "found", "wait_for_user_input", "data.yml:6: "}, nil},
		{"a rule without the loop that its form sets", `
rules:
- rule: activate
  steps: [{intent: request}, {action: f}, {active_loop: f}]
- rule: submit
  condition: [{active_loop: f}]
  steps: [{action: f}, {active_loop: null}, {action: utter_submit}]
- rule: careless
  steps: [{intent: two}, {action: f}, {action: utter_bye}]
`, []string{"careless", "f, null", "data.yml:9: "}, nil},
		{"an unknown action", `
rules:
- rule: typo
  steps: [{intent: bye}, {action: utter_by}]
`, []string{"typo", `"utter_by"`, `"utter_bye"`, "data.yml:4: "}, nil},
		{"an action that a loop excludes", `
rules:
- rule: activate
  steps: [{intent: request}, {action: f}, {active_loop: f}]
- rule: restart
  steps: [{intent: restart}, {action: utter_bye}]
`, []string{"restart", "utter_bye", "default action"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := write(t, domain, c.data)
			_, err := policy.Train(t.Context(), []policy.Config{with(memo), with(rulePolicy, c.options...)}, p.Domain, p.Steps, policy.TrainOptions{})
			if !errors.Is(err, policy.ErrInvalidRule) {
				t.Fatalf("got %v, want ErrInvalidRule", err)
			}
			var fault *policy.Error
			if !errors.As(err, &fault) || fault.File == "" || fault.Line == 0 {
				t.Errorf("the error does not say where: %v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error %q does not name %q", err, want)
				}
			}
			if c.name == "an unknown action" || strings.Contains(c.name, "two messages") {
				return
			}
			train(t, p, with(memo), with(rulePolicy, "check_for_contradictions", false))
		})
	}
}

func TestRulesThatDoNotContradict(t *testing.T) {
	t.Parallel()
	const domain = `
intents: [bye, more]
slots: {member: {type: bool, mappings: [{type: custom}]}}
responses: {utter_bye: [{text: a}], utter_thanks: [{text: a}], utter_more: [{text: a}]}
`
	for _, c := range []struct{ name, data string }{
		{"a story that a rule agrees with", `
rules:
- rule: bye
  steps: [{intent: bye}, {action: utter_bye}]
stories:
- story: bye
  steps: [{intent: bye}, {action: utter_bye}, {intent: more}, {action: utter_more}]
`},
		{"a story that goes on after a rule that waits, when a longer rule goes on too", `
rules:
- rule: thanks a member
  condition: [{slot_was_set: [{member: true}]}]
  steps: [{action: utter_bye}, {action: utter_thanks}]
- rule: bye
  steps: [{action: utter_bye}]
stories:
- story: more
  steps: [{intent: bye}, {action: utter_bye}, {action: utter_more}]
`},
		{"two endings that cancel each other", `
rules:
- rule: waits
  steps: [{intent: bye}, {action: utter_bye}]
- rule: goes on
  wait_for_user_input: false
  steps: [{intent: bye}, {action: utter_bye}]
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := write(t, domain, c.data)
			train(t, p)
		})
	}
}
