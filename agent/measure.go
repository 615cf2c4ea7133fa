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
func outcome(t *turn, err error) string {
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
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
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

// measureModel has the parts of a model measured.
func (a *Agent) measureModel(m *model.Model) {
	if a.cfg.Metrics == nil {
		return
	}
	if m.NLU != nil {
		a.cfg.Metrics.AllowComponents(m.NLU.TimeTo(a.cfg.Metrics.ComponentRan)...)
	}
	if m.Policies != nil {
		a.cfg.Metrics.AllowPolicies(m.Policies.TimeTo(a.cfg.Metrics.PolicyRan)...)
	}
}

// silent reports whether a turn said nothing.
func (t *turn) silent() bool { return !t.spoke && len(t.out.pending) == 0 }

// measureCommit counts what a stored turn wrote.
func (t *turn) measureCommit() {
	m := t.agent.cfg.Metrics
	if m == nil {
		return
	}
	t.own = time.Since(t.begun) - t.away
	if t.replace {
		return
	}
	n := t.tracker.Len() - t.known
	for e := range t.tracker.Backward() {
		if n--; n < 0 {
			break
		}
		m.EventWritten(string(e.Kind()))
	}
}

// measureParse counts how a message was understood.
func (a *Agent) measureParse(p *dialogue.Parse, slash bool) {
	result := "intent"
	switch {
	case slash:
		result = "slash"
	case p.Text == nil || *p.Text == "":
		result = "empty"
	case p.Intent.Name == fallbackIntent:
		result = "fallback"
		a.cfg.Metrics.FellBack("nlu")
	}
	a.cfg.Metrics.Understood(result, p.Intent.Confidence)
}

// measureAction counts fallbacks and sessions among the actions that ran.
func (t *turn) measureAction(name string) {
	switch name {
	case dialogue.ActionDefaultFallback:
		t.agent.cfg.Metrics.FellBack("core")
	case dialogue.ActionTwoStageFallback:
		t.agent.cfg.Metrics.FellBack("two_stage")
	case dialogue.ActionUnlikelyIntent:
		t.agent.cfg.Metrics.FellBack("unlikely")
	case dialogue.ActionSessionStart:
		t.agent.cfg.Metrics.SessionStarted()
	}
}

// measureRun counts an action that ran. What an action server does is not the turn's own time.
func (t *turn) measureRun(s step, outcome string, took time.Duration) {
	kind := t.kind(s)
	t.agent.cfg.Metrics.ActionRan(kind, outcome, took)
	if kind == "custom" || kind == "form" && t.cur.model.Domain.ActionIndex("validate_"+s.name) >= 0 {
		t.away += took
	}
}

// kind says what a step's action is, for the metrics.
func (t *turn) kind(s step) string {
	switch {
	case s.text || strings.HasPrefix(s.name, "utter_"):
		return "utter"
	case slices.Contains(dialogue.DefaultActions, s.name):
		return "builtin"
	}
	if _, ok := t.cur.model.Domain.Form(s.name); ok {
		return "form"
	}
	return "custom"
}
