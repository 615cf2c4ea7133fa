package action

import (
	"context"
	"slices"

	"parley/dialogue"
)

// loop is an action that stays active over several turns (Rasa: core/actions/loops.py).
type loop interface {
	loopName() string
	// activate is called with a copy on which the loop is active.
	activate(ctx context.Context, c *Call) ([]dialogue.Event, error)
	// done reports whether the loop ends after the events of this run so far.
	done(c *Call, events []dialogue.Event) bool
	do(ctx context.Context, c *Call, events []dialogue.Event) ([]dialogue.Event, error)
	deactivate(ctx context.Context, c *Call) ([]dialogue.Event, error)
}

// runLoop runs a loop once. The tracker that do and deactivate see is the one given: the loop is not active on it in its first run.
func runLoop(ctx context.Context, l loop, c *Call) ([]dialogue.Event, error) {
	var events []dialogue.Event
	if c.Tracker.ActiveLoopName() != l.loopName() {
		begin := &dialogue.ActiveLoop{Name: l.loopName()}
		active := *c
		active.Tracker = c.Tracker.Copy()
		note(active.Tracker, begin)
		more, err := l.activate(ctx, &active)
		if err != nil {
			return nil, err
		}
		events = append(append(events, begin), more...)
	}
	if !l.done(c, events) {
		more, err := l.do(ctx, c, events)
		if err != nil {
			return nil, err
		}
		events = append(events, more...)
	}
	if l.done(c, events) {
		more, err := l.deactivate(ctx, c)
		if err != nil {
			return nil, err
		}
		events = append(append(events, &dialogue.ActiveLoop{}), more...)
	}
	return events, nil
}

// note appends events to a temporary tracker, timed just after its last one.
func note(t *dialogue.Tracker, events ...dialogue.Event) {
	now := 0.0
	if last := t.Last(); last != nil {
		now = last.Head().Timestamp
	}
	t.Record(now, events...)
}

// sinceRestart is a temporary tracker of the events after the last restart.
func sinceRestart(t *dialogue.Tracker) *dialogue.Tracker {
	if !t.HasRestarted() {
		return t.Copy()
	}
	since := dialogue.NewTracker(t.SenderID, t.Domain())
	since.Append(t.AfterRestart()...)
	return since
}

func hasRejection(events []dialogue.Event) bool {
	return slices.ContainsFunc(events, func(e dialogue.Event) bool {
		_, ok := e.(*dialogue.ActionRejected)
		return ok
	})
}
