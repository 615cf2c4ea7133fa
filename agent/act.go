package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"parley/action"
	"parley/dialogue"
	"parley/logging"
	"parley/policy"
	"parley/tracing"
)

// followupPolicy is the policy name of an action that the previous one asked for.
const followupPolicy = "followup_action"

// endlessTurn is how many predictions, in units of the limit on actions, end a turn that leaves nothing to count: rejections
// and listening without an end (quirk Q21).
const endlessTurn = 3

// act predicts and runs actions until the bot listens again (Rasa: core/processor.py _run_prediction_loop).
func (t *turn) act(ctx context.Context) error {
	limit, n, stopped := t.agent.cfg.MaxPredictions, 0, false
	defer func() { t.work.Predictions(n, stopped) }()
	for ; t.handles(); n++ {
		if stopped = t.tripped(limit) || n >= endlessTurn*limit; stopped {
			t.log().Warn("the turn was stopped: too many actions without listening", "limit", limit)
			return nil
		}
		p, err := t.predict(ctx)
		if err == nil {
			err = t.tracker.HistoryErr()
		}
		if err != nil {
			return err
		}
		if p.EndToEndInput {
			if err := t.extractSlots(ctx); err != nil {
				return err
			}
		}
		again, err := t.run(ctx, stepOf(&p))
		if err != nil || !again {
			return err
		}
	}
	return nil
}

// handles reports whether the bot may act: it is not paused, or was asked to restart.
func (t *turn) handles() bool {
	return !t.tracker.State().Paused || t.tracker.LatestIntent() == "restart"
}

// tripped reports whether limit actions ran since the bot last listened (the circuit breaker).
func (t *turn) tripped(limit int) bool {
	if endsTurn(t.tracker.LatestActionName()) {
		return false
	}
	count := 0
	for e := range t.tracker.Backward() {
		if a, ok := e.(*dialogue.ActionExecuted); ok {
			if endsTurn(a.Name) {
				break
			}
			if count++; count >= limit {
				return true
			}
		}
	}
	return false
}

// predict is the followup action, if one is asked for, or what the policies choose.
func (t *turn) predict(ctx context.Context) (policy.Prediction, error) {
	if name := t.tracker.State().Followup; name != "" {
		t.tracker.ClearFollowup()
		if p, ok := followup(t.cur.model.Domain, name); ok {
			t.log().Debug("predicted", "action", p.Action, "policy", p.Policy, "confidence", p.Confidence, "reason", askedFor)
			return p, nil
		}
		t.log().Error("the followup action is not in the domain", "action", logging.UserText(name))
	}
	ctx, span := t.agent.cfg.Tracer.Start(ctx, "policy.predict", tracing.Internal)
	begun := t.agent.lap(&t.out)
	p, err := t.cur.model.Policies.Predict(ctx, t.tracker)
	t.parts.policy += t.agent.lap(&t.out) - begun
	span.Set("parley.policy", p.Policy)
	if !p.EndToEnd {
		span.Set("parley.action", p.Action)
	}
	endSpan(span, err)
	if err != nil {
		return p, fmt.Errorf("%w: %w", errPredict, err)
	}
	t.measurePrediction(p.Policy)
	if t.agent.cfg.Log.Enabled(ctx, slog.LevelDebug) {
		t.log().Debug("predicted", "action", p.Action, "policy", p.Policy, "confidence", p.Confidence, "reason", p.Reason)
	}
	return p, nil
}

// followup is the prediction of a followup action; ok is false when the domain does not have it.
func followup(d *dialogue.Domain, name string) (p policy.Prediction, ok bool) {
	id := d.ActionIndex(name)
	if id < 0 {
		return p, false
	}
	scores := make([]float64, len(d.Actions))
	scores[id] = 1
	return policy.Prediction{Action: name, Policy: followupPolicy, Confidence: 1, Scores: scores}, true
}

// step is one action to run and how its event will look.
type step struct {
	name       string
	text       bool // name is an end-to-end bot text
	policy     string
	confidence float64
	events     []dialogue.Event // recorded before the action's own event
	hide       bool
	metadata   map[string]any
}

func stepOf(p *policy.Prediction) step {
	return step{
		name: p.Action, text: p.EndToEnd, policy: p.Policy, confidence: p.Confidence,
		events: p.Events, hide: p.HideRuleTurn, metadata: p.ActionMetadata,
	}
}

// executed is the event of a step that ran.
func (s *step) executed() *dialogue.ActionExecuted {
	e := &dialogue.ActionExecuted{Policy: s.policy, Confidence: &s.confidence, HideRuleTurn: s.hide}
	if e.Metadata = s.metadata; s.text {
		e.Text = s.name
	} else {
		e.Name = s.name
	}
	return e
}

// run runs one action, records what it did and lets its messages out; again is false when the bot listens now
// (Rasa: core/processor.py _run_action). Only a context that ended is an error: an action that fails is recorded all the same.
func (t *turn) run(ctx context.Context, s step) (again bool, err error) {
	begun := t.beginAction(&s)
	events, err := t.perform(ctx, s)
	ended := t.look()
	if ctx.Err() != nil {
		return false, fmt.Errorf("run %s: %w", s.name, context.Cause(ctx))
	}
	if _, ok := errors.AsType[*action.RejectedError](err); ok {
		t.measureAction(&s, "rejected", begun)
		t.recordAt(ended, &dialogue.ActionRejected{Name: s.name, Policy: s.policy, Confidence: &s.confidence})
		return !endsTurn(s.name), nil
	}
	outcome := "ok"
	if err != nil {
		outcome = "error"
		t.log().Error("an action failed, it is recorded without events", "action", s.name, "error", err)
		events = nil
	}
	t.measureAction(&s, outcome, begun)
	if !slices.ContainsFunc(events, isA[*dialogue.ActionRejected]) {
		t.recordAt(ended, s.events...)
		t.recordAt(ended, s.executed())
	}
	nameReminders(events)
	t.recordAt(ended, events...)
	t.logEvents(ctx, events)
	if slices.ContainsFunc(events, isA[*dialogue.UserUttered]) {
		if err := t.extractSlots(ctx); err != nil {
			return false, err
		}
	}
	t.effects(events)
	return !endsTurn(s.name), nil
}

// logEvents tells developers what an action did.
func (t *turn) logEvents(ctx context.Context, events []dialogue.Event) {
	if !t.agent.cfg.Log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	log := t.log()
	for _, e := range events {
		switch e := e.(type) {
		case *dialogue.BotUttered:
			log.Debug("said", "text", logging.UserText(e.Text))
		case *dialogue.SlotSet:
			log.Debug("a slot was set", "slot", logging.UserText(e.Name), "value", logging.SlotValue{Value: e.Value})
		}
	}
}

// perform runs the action on a copy of the tracker that has the prediction's events.
func (t *turn) perform(ctx context.Context, s step) ([]dialogue.Event, error) {
	if s.text {
		return t.cur.actions.Text(s.name), nil
	}
	ctx, span := t.agent.cfg.Tracer.Start(ctx, "action.run", tracing.Internal)
	defer span.End()
	span.Set("parley.action", s.name)
	view := t.tracker.Copy()
	for _, e := range s.events {
		e.Head().Timestamp = t.agent.now()
		view.Append(e)
	}
	events, err := t.cur.actions.Run(ctx, s.name, action.Call{Tracker: view, Channel: t.out.channel, Metadata: s.metadata})
	if _, rejected := errors.AsType[*action.RejectedError](err); err != nil && !rejected {
		span.Fail("error")
	}
	return events, err
}

// effects lets messages out, or keeps them and the reminders until the turn is stored. What an action cancels it cancels last, as in the
// reference: a reminder of its own, too, wherever that stands.
func (t *turn) effects(events []dialogue.Event) {
	var cancelled []dialogue.Event
	for _, e := range events {
		switch e := e.(type) {
		case *dialogue.BotUttered:
			if t.reply != nil {
				t.out.said = append(t.out.said, e)
			}
			if t.out.stream {
				t.send(e)
			} else {
				t.out.pending = append(t.out.pending, e)
			}
		case *dialogue.ReminderScheduled:
			t.out.remind = append(t.out.remind, e)
		case *dialogue.ReminderCancelled:
			cancelled = append(cancelled, e)
		}
	}
	t.out.remind = append(t.out.remind, cancelled...)
}

// nameReminders gives reminders without a name one of their own.
func nameReminders(events []dialogue.Event) {
	for _, e := range events {
		if r, ok := e.(*dialogue.ReminderScheduled); ok && r.Name == "" {
			r.Name = newID()
		}
	}
}

// endsTurn reports whether the bot listens after this action.
func endsTurn(name string) bool {
	return name == dialogue.ActionListen || name == dialogue.ActionSessionStart
}

func isA[E dialogue.Event](e dialogue.Event) bool {
	_, ok := e.(E)
	return ok
}
