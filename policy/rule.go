package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"parley/dialogue"
)

// ErrUnknownLoop means that a conversation is in a loop that is no action of the domain.
var ErrUnknownLoop = errors.New("the active loop is no action of the domain")

// rules predicts what rules say (Rasa 3.6.21 core/policies/rule_policy.py): default intents, the loop that runs, rules.
type rules struct {
	settings *settings
	domain   *dialogue.Domain
	all      ruleIndex // predict an action
	unhappy  ruleIndex // tell how a loop goes on after it was rejected
	fallback int       // action id, -1: none
	listen   int
	defaults map[string]*source // by intent
	loops    map[string]loopSources
	hidden   map[string]bool // sources that never predict rightly in a story
	// silence are those of the hidden sources that are the states of a rule for which no rule was left.
	silence       bool
	longestSilent int

	// training makes sources of states for which there is no rule.
	training bool
}

// rule is a sequence of states and what follows.
type rule struct {
	text    string // JSON of the states: the longest one is the most specific
	states  []ruleState
	action  int
	verdict verdict // of the unhappy path
	inLoop  bool    // the newest state names a loop
	source  *source
	deleted bool
}

// verdict says how a loop goes on after an unhappy path.
type verdict int8

const (
	loopWasInterrupted verdict = iota + 1
	doNotPredictLoop
)

// ruleState is what a rule asks of a state. Symbols that are absent ask for nothing.
type ruleState struct {
	start bool // the conversation begins here
	words state
	slots []slotFeature
}

// slotFeature asks for a feature of a slot, or that it is not set.
type slotFeature struct {
	slot int
	want symbol
}

// source is what a prediction came from.
type source struct {
	key    string // text of the rule, or a name
	reason string
	action int
	hide   bool
}

// loopSources are the sources of a loop that runs.
type loopSources struct{ run, wait *source }

// defaultActions are the actions of default intents, which overrule rules and forms.
var defaultActions = []struct{ intent, action string }{
	{"back", dialogue.ActionBack}, {"restart", dialogue.ActionRestart}, {"session_start", dialogue.ActionSessionStart},
}

func newRules(s *settings, d *dialogue.Domain) *rules {
	r := &rules{
		settings: s, domain: d, fallback: -1, listen: max(d.ActionIndex(dialogue.ActionListen), 0),
		defaults: map[string]*source{}, loops: map[string]loopSources{}, hidden: map[string]bool{},
	}
	if s.Fallback {
		r.fallback = d.ActionIndex(s.FallbackAction)
	}
	for _, m := range defaultActions {
		if action := d.ActionIndex(m.action); action >= 0 {
			r.defaults[m.intent] = &source{
				key: "default " + m.intent, reason: "default action of intent " + m.intent, action: action,
			}
		}
	}
	for i := range d.Forms {
		r.addLoop(d.Forms[i].Name)
	}
	r.addLoop(dialogue.ActionTwoStageFallback)
	return r
}

// addLoop makes the sources of a loop that is an action of the domain.
func (r *rules) addLoop(name string) {
	action := r.domain.ActionIndex(name)
	if _, ok := r.loops[name]; ok || action < 0 {
		return
	}
	r.loops[name] = loopSources{
		run:  &source{key: "loop " + name, reason: "loop " + name + " is active", action: action},
		wait: &source{key: "loop " + name + " waits", reason: "loop " + name + " has run", action: r.listen},
	}
}

// ruling is what rules say.
type ruling struct {
	action      int // -1: nothing
	source      *source
	key         string // of the source; also set in training when there is no rule
	endToEnd    bool
	noUser      bool
	interrupted bool
}

func (r *rules) vote(_ context.Context, w *window) (vote, error) {
	var v vote
	ruled, err := r.rule(w)
	if err != nil {
		return v, err
	}
	v.endToEnd, v.noUser = ruled.endToEnd, ruled.noUser
	if r.fallback >= 0 {
		v.set(r.fallback, r.settings.FallbackThreshold)
		v.reason = "fallback: no rule or story applies"
	} else {
		v.reason = "no rule applies"
	}
	if ruled.action >= 0 {
		confidence := 1.0
		if r.settings.NLUConfidence {
			confidence = intentConfidence(w.now)
		}
		v.set(ruled.action, confidence)
		switch {
		case r.fallback >= 0 && confidence < r.settings.FallbackThreshold:
			v.reason = "fallback: the confidence is too low for " + ruled.source.reason
		case ruled.action != ruled.source.action:
			v.reason = ruled.source.reason + " would wait: the active loop goes on instead"
		default:
			v.reason = ruled.source.reason
		}
	}
	switch {
	case ruled.source != nil:
		v.hide = ruled.source.hide
	case r.silence:
		v.hide = w.count <= r.longestSilent && r.hidden[w.silenceKey()]
	}
	if ruled.interrupted {
		v.events = []dialogue.Event{&dialogue.LoopInterrupted{IsInterrupted: true}}
	}
	return v, nil
}

func (r *rules) simple() bool { return false }

// rule decides in the reference's order: rules on the text stand over default intents, these over a loop that runs, that over
// rules on the intent.
func (r *rules) rule(w *window) (ruling, error) {
	byText := ruling{action: -1}
	listening := w.now.LatestActionName() == dialogue.ActionListen
	if listening {
		byText = r.find(w, true)
		byText.endToEnd = true
	}
	if listening && byText.action < 0 && w.now.LatestMessage != nil {
		if s := r.defaults[w.now.LatestIntent()]; s != nil {
			return ruling{action: s.action, source: s, key: s.key}, nil
		}
	}
	loop := w.now.ActiveLoopName()
	if loop != "" && !w.now.Loop.Rejected && w.now.LatestAction != nil {
		sources, ok := r.loops[loop]
		if !ok {
			action := r.domain.ActionIndex(loop)
			if action < 0 {
				return ruling{}, fmt.Errorf("%w: %q", ErrUnknownLoop, loop)
			}
			s := &source{key: "loop " + loop, reason: "loop " + loop + " is active", action: action}
			sources = loopSources{run: s, wait: &source{key: s.key + " waits", reason: s.reason, action: r.listen}}
		}
		s := sources.run
		if w.now.LatestAction.Name == loop {
			s = sources.wait
		}
		return ruling{action: s.action, source: s, key: s.key, noUser: true}, nil
	}
	if byText.action >= 0 {
		return byText, nil
	}
	byIntent := r.find(w, false)
	byIntent.interrupted = byIntent.interrupted || byText.interrupted
	return byIntent, nil
}

// find looks for the most specific rule, by the text or by the intent of the latest message.
func (r *rules) find(w *window, byText bool) ruling {
	found := ruling{action: -1}
	best := r.all.best(w, byText)
	if best != nil {
		found.action, found.source, found.key = best.action, best.source, best.text
	} else if r.training && !byText {
		found.key = w.silenceKey()
	}
	loop := w.now.ActiveLoopName()
	if loop == "" {
		return found
	}
	interrupted, forbidden := r.unhappy.verdicts(w, byText)
	if best != nil && best.action == r.listen && !best.inLoop {
		// A rule that knows of no loop would wait: the loop goes on instead, unless it may not.
		if !forbidden {
			found.action = r.domain.ActionIndex(loop)
			return found
		}
		found.action = -1
	}
	found.interrupted = interrupted
	return found
}

// silenceKey names the states of a conversation, back to the last placeholder of a rule.
func (w *window) silenceKey() string {
	var states []state
	for i := 0; w.need(i); i++ {
		s := w.words(i)
		if w.v.actions.name(s.prev) == dialogue.RuleSnippetAction {
			break
		}
		if i == 0 && s.prev == w.v.listen {
			s.hollow = s.text != absent && s.intent == absent && s.entities == absent
			s.text = absent
		}
		s = s.withoutDoubt()
		w.scratch = w.scratch[:0]
		for slot := range w.v.slots {
			w.scratch = append(w.scratch, w.slot(i, slot))
		}
		if s.slots = w.v.vector(w.scratch); s.slots == unknown || s.knowsNothing() {
			return ""
		}
		states = append(states, s)
	}
	slices.Reverse(states)
	return w.v.text(states)
}

// knowsNothing reports whether a state has a word that training never saw.
func (s state) knowsNothing() bool {
	return s.intent == unknown || s.text == unknown || s.entities == unknown || s.prev == unknown || s.prevText == unknown || s.loop == unknown
}

// finish marks the hidden sources and indexes the rules that are left.
func (r *rules) finish(v *vocabulary) {
	for _, name := range v.loops.names {
		r.addLoop(name)
	}
	for _, list := range []*ruleIndex{&r.all, &r.unhappy} {
		list.rules = slices.DeleteFunc(list.rules, func(x *rule) bool { return x.deleted })
		list.build()
	}
	byText := map[string]bool{}
	for _, x := range r.all.rules {
		x.source.hide = r.hidden[x.text]
		byText[x.text] = true
	}
	for key := range r.hidden {
		if !strings.HasPrefix(key, "[") || byText[key] {
			continue
		}
		if states, err := v.parseStates(key); err == nil {
			r.silence, r.longestSilent = true, max(r.longestSilent, len(states))
		}
	}
	for _, s := range r.defaults {
		s.hide = r.hidden[s.key]
	}
	for _, s := range r.loops {
		s.run.hide, s.wait.hide = r.hidden[s.run.key], r.hidden[s.wait.key]
	}
	r.training = false
}
