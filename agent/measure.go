package agent

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"parley/dialogue"
	"parley/metrics"
	"parley/model"
	"parley/trackerstore"
)

// fallbackIntent is the intent of messages that no classifier was sure of.
const fallbackIntent = "nlu_fallback"

// outcome names for the metrics how a turn ended; t is nil if it could not begin.
func outcome(t *turn, err error) metrics.Outcome {
	switch {
	case err == nil && t.silent():
		return metrics.OutcomeSilent
	case err == nil:
		return metrics.OutcomeOK
	case isRepeated(err), errors.Is(err, trackerstore.ErrKeyReused):
		return metrics.OutcomeRepeated
	case errors.Is(err, trackerstore.ErrConflict), errors.Is(err, trackerstore.ErrLeaseLost):
		return metrics.OutcomeConflict
	case errors.Is(err, trackerstore.ErrTooManyPending):
		return metrics.OutcomeQueueFull
	case errors.Is(err, trackerstore.ErrLockTimeout):
		return metrics.OutcomeLockTimeout
	case errors.Is(err, trackerstore.ErrDraining):
		return metrics.OutcomeDraining
	case errors.Is(err, trackerstore.ErrUnavailable), errors.Is(err, trackerstore.ErrUnknownOutcome):
		return metrics.OutcomeStoreError
	case errors.Is(err, trackerstore.ErrClientGone), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return metrics.OutcomeCancelled
	case errors.Is(err, errUnderstand):
		return metrics.OutcomeNLUError
	case errors.Is(err, errPredict):
		return metrics.OutcomePolicyError
	default:
		return metrics.OutcomeError
	}
}

// The parts of a turn that a failure is counted under.
var (
	errUnderstand = errors.New("understand a message")
	errPredict    = errors.New("predict the next action")
)

// measured is how the parts of a model are measured, found once so that no turn has to look for it. It is empty if nothing is measured.
type measured struct {
	actions  map[string]measuredAction
	listen   measuredAction // half of all actions
	policies []measuredPolicy
}

// measuredPolicy says how a policy is measured.
type measuredPolicy struct {
	name   string
	series metrics.Policy
}

// measureModel has the parts of a model measured.
func (a *Agent) measureModel(m *model.Model) measured {
	var of measured
	if a.cfg.Metrics == nil {
		return of
	}
	if m.NLU != nil {
		a.cfg.Metrics.AllowComponents(m.NLU.TimeTo(a.cfg.Metrics.ComponentRan)...)
	}
	if m.Policies != nil {
		names := m.Policies.TimeTo(a.cfg.Metrics.PolicyRan)
		a.cfg.Metrics.AllowPolicies(names...)
		for _, name := range names {
			of.policies = append(of.policies, measuredPolicy{name, a.cfg.Metrics.Policy(name)})
		}
	}
	of.actions = make(map[string]measuredAction, len(m.Domain.Actions))
	for _, name := range m.Domain.Actions {
		of.actions[name] = a.measuredAction(m.Domain, name)
	}
	of.listen = a.measuredAction(m.Domain, dialogue.ActionListen)
	return of
}

// measuredAction says how an action is measured.
type measuredAction struct {
	series   metrics.Action
	remote   bool   // it asks the action server, whose time is not the turn's own
	fallback string // counted as this kind of fallback
	session  bool   // counted as the start of a session
}

// measuredAction finds out how an action of a domain is measured.
func (a *Agent) measuredAction(d *dialogue.Domain, name string) measuredAction {
	kind := actionKind(d, name)
	return measuredAction{
		series:   a.cfg.Metrics.Action(kind),
		remote:   kind == "custom" || kind == "form" && d.ActionIndex("validate_"+name) >= 0,
		fallback: fallbackKind(name),
		session:  name == dialogue.ActionSessionStart,
	}
}

// fallbackKind is the kind of fallback that an action shows to have decided, "" for none.
func fallbackKind(action string) string {
	switch action {
	case dialogue.ActionDefaultFallback:
		return "core"
	case dialogue.ActionTwoStageFallback:
		return "two_stage"
	case dialogue.ActionUnlikelyIntent:
		return "unlikely"
	}
	return ""
}

// actionKind is the kind of an action: utter, builtin, form or custom.
func actionKind(d *dialogue.Domain, name string) string {
	switch {
	case strings.HasPrefix(name, "utter_"):
		return "utter"
	case slices.Contains(dialogue.DefaultActions, name):
		return "builtin"
	}
	if _, ok := d.Form(name); ok {
		return "form"
	}
	return "custom"
}

// silent reports whether a turn said nothing.
func (t *turn) silent() bool { return !t.spoke && len(t.out.pending) == 0 }

// measureCommit counts what a stored turn wrote.
func (t *turn) measureCommit() {
	if t.agent.cfg.Metrics == nil {
		return
	}
	t.own = t.agent.since() - t.begun.Sub(t.agent.epoch) - t.away
	if t.replace {
		return
	}
	n := t.tracker.Len() - t.known
	for e := range t.tracker.Backward() {
		if n--; n < 0 {
			break
		}
		t.work.Wrote(string(e.Kind()))
	}
}

// measureParse counts how a message was understood.
func measureParse(w *metrics.Work, p *dialogue.Parse, slash bool, took time.Duration) {
	result := metrics.UnderstoodIntent
	switch {
	case slash:
		result = metrics.UnderstoodSlash
	case p.Text == nil || *p.Text == "":
		result = metrics.UnderstoodEmpty
	case p.Intent.Name == fallbackIntent:
		result = metrics.UnderstoodFallback
		w.FellBack("nlu")
	}
	w.Parsed(result, p.Intent.Confidence, took)
}

// since is the time since the agent was made. It costs half as much as the time of day.
func (a *Agent) since() time.Duration {
	if a.ticks {
		return time.Since(a.epoch)
	}
	return a.cfg.Now().Sub(a.epoch)
}

// measurePrediction counts a prediction by the policy that decided.
func (t *turn) measurePrediction(policy string) {
	if t.agent.cfg.Metrics == nil {
		return
	}
	for i := range t.cur.measured.policies {
		if p := &t.cur.measured.policies[i]; p.name == policy {
			t.work.Predicted(p.series)
			return
		}
	}
	t.work.Predicted(t.agent.cfg.Metrics.Policy(policy))
}

// beginAction is when an action begins, for measureAction. Listening takes no time, and is not timed.
func (t *turn) beginAction(s *step) time.Duration {
	if t.agent.cfg.Metrics == nil && !t.out.lined || s.name == dialogue.ActionListen {
		return 0
	}
	return t.agent.since()
}

// measureAction counts an action that has just run, and what it shows.
func (t *turn) measureAction(s *step, outcome string, begun time.Duration) {
	t.parts.actions++
	took := t.seen.Sub(t.agent.epoch) - begun
	if s.name != dialogue.ActionListen {
		t.parts.action += took
	}
	if t.agent.cfg.Metrics == nil {
		return
	}
	if s.name == dialogue.ActionListen && !s.text {
		t.work.Ran(t.cur.measured.listen.series, outcome, 0)
		return
	}
	a, known := t.cur.measured.actions[s.name]
	switch {
	case s.text:
		a = measuredAction{series: t.agent.cfg.Metrics.Action("utter")}
	case !known:
		a = t.agent.measuredAction(t.cur.model.Domain, s.name)
	}
	t.work.Ran(a.series, outcome, took)
	if a.remote {
		t.away += took
	}
	if outcome == "rejected" {
		return
	}
	if a.fallback != "" {
		t.work.FellBack(a.fallback)
	}
	if a.session {
		t.work.SessionStarted()
	}
}
