package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"parley/dialogue"
	"parley/policy"
	"parley/trackerstore"
)

// Tracker returns a view of a conversation with all sessions that are kept; an unknown or empty one is shown as a fresh
// session, which is not stored.
func (a *Agent) Tracker(ctx context.Context, senderID string) (*dialogue.Tracker, error) {
	cur := a.current.Load()
	if cur == nil {
		return nil, ErrNoModel
	}
	senderID = cmp.Or(senderID, "default")
	tracker, ok, err := a.cfg.Conversations.Read(ctx, senderID, cur.model.Domain, trackerstore.AllSessions)
	if err != nil {
		return nil, fmt.Errorf("read a conversation: %w", err)
	}
	if ok && tracker.Len() > 0 {
		return tracker, nil
	}
	t := a.aside(cur, dialogue.NewTracker(senderID, cur.model.Domain))
	if err := t.startSession(ctx); err != nil {
		return nil, err
	}
	return t.tracker, nil
}

// Stored returns a view of a conversation as it is stored, of its latest session or of all; ErrNoConversation if it is not.
func (a *Agent) Stored(ctx context.Context, senderID string, scope trackerstore.Scope) (*dialogue.Tracker, error) {
	cur := a.current.Load()
	if cur == nil {
		return nil, ErrNoModel
	}
	tracker, ok, err := a.cfg.Conversations.Read(ctx, senderID, cur.model.Domain, scope)
	if err != nil {
		return nil, fmt.Errorf("read a conversation: %w", err)
	}
	if !ok {
		return nil, ErrNoConversation
	}
	return tracker, nil
}

// Exists reports whether a conversation is stored.
func (a *Agent) Exists(ctx context.Context, senderID string) (bool, error) {
	cur := a.current.Load()
	if cur == nil {
		return false, ErrNoModel
	}
	_, ok, err := a.cfg.Conversations.Read(ctx, senderID, cur.model.Domain, trackerstore.LatestSession)
	if err != nil {
		return false, fmt.Errorf("read a conversation: %w", err)
	}
	return ok, nil
}

// AppendEvents adds events to a conversation (POST tracker/events), keeping their timestamps. A conversation without events
// gets a session first, unless the events begin with one. Messages are sent and reminders scheduled only with sideEffects.
func (a *Agent) AppendEvents(ctx context.Context, senderID string, events []dialogue.Event, sideEffects bool, channel string, send Send) (*dialogue.Tracker, error) {
	return a.change(ctx, kindAppend, senderID, channel, send, func(ctx context.Context, t *turn) error {
		if t.tracker.Len() == 0 && !beginsSession(events) {
			if err := t.startSession(ctx); err != nil {
				return err
			}
		}
		nameReminders(events)
		t.tracker.Adopt(a.now(), events...)
		if sideEffects {
			t.effects(events)
		}
		return nil
	})
}

// ReplaceEvents makes events the whole history of a conversation (PUT tracker/events).
func (a *Agent) ReplaceEvents(ctx context.Context, senderID string, events []dialogue.Event) (*dialogue.Tracker, error) {
	return a.change(ctx, kindReplace, senderID, "", nil, func(_ context.Context, t *turn) error {
		fresh := dialogue.NewTracker(t.tracker.SenderID, t.cur.model.Domain)
		for _, e := range events {
			t.date(e)
		}
		fresh.Append(events...)
		t.tracker, t.stored.Tracker, t.replace = fresh, fresh, true
		return nil
	})
}

// AddMessage records a message and what it sets, without acting (POST messages).
func (a *Agent) AddMessage(ctx context.Context, msg dialogue.UserMessage) (*dialogue.Tracker, error) {
	return a.change(ctx, kindNote, msg.SenderID, msg.OutputChannel, nil, func(ctx context.Context, t *turn) error {
		if err := t.updateSession(ctx, msg.Metadata); err != nil {
			return err
		}
		if err := t.hear(ctx, msg); err != nil {
			return err
		}
		return t.extractSlots(ctx)
	})
}

// Execute runs one action and records it with a policy's name and confidence (POST execute). As in the reference the tracker
// it returns is the one from before the action (conformance cases dlg-defaults, dlg-responses).
func (a *Agent) Execute(ctx context.Context, senderID, name, policyName string, confidence float64, channel string, send Send) (*dialogue.Tracker, error) {
	var before dialogue.Tracker
	_, err := a.change(ctx, kindExecute, senderID, channel, send, func(ctx context.Context, t *turn) error {
		if t.cur.model.Domain.ActionIndex(name) < 0 {
			return fmt.Errorf("%w: %q", ErrUnknownAction, name)
		}
		if err := t.updateSession(ctx, nil); err != nil {
			return err
		}
		before = *t.tracker
		t.shown = &before
		_, err := t.run(ctx, step{name: name, policy: policyName, confidence: confidence})
		return err
	})
	if err != nil {
		return nil, err
	}
	return &before, nil
}

// Trigger records an external event of an intent and lets the bot act on it (POST trigger_intent). entities is a list of
// entity objects, or a mapping of names to values; anything else counts as none.
func (a *Agent) Trigger(ctx context.Context, senderID, intent string, entities any, channel string, send Send) (*dialogue.Tracker, error) {
	return a.change(ctx, kindTrigger, senderID, channel, send, func(ctx context.Context, t *turn) error {
		if err := t.updateSession(ctx, nil); err != nil {
			return err
		}
		if _, ok := t.cur.model.Domain.Intent(intent); !ok {
			return fmt.Errorf("%w: %q", ErrUnknownIntent, intent)
		}
		return t.external(ctx, intent, entities)
	})
}

// Predict returns the next action of a stored conversation, with the tracker it is for (POST predict). The session may be
// renewed by it; a pending followup action is not used up.
func (a *Agent) Predict(ctx context.Context, senderID string) (p policy.Prediction, tracker *dialogue.Tracker, err error) {
	tracker, err = a.change(ctx, kindPredict, senderID, "", nil, func(ctx context.Context, t *turn) error {
		if t.cur.model.Policies == nil {
			return fmt.Errorf("%w with a dialogue part", ErrNoModel)
		}
		if err := t.updateSession(ctx, nil); err != nil {
			return err
		}
		p, err = t.predict(ctx)
		return err
	})
	return p, tracker, err
}

// PredictEvents returns the next action after a list of events, which are not stored (POST model/predict).
func (a *Agent) PredictEvents(ctx context.Context, senderID string, events []dialogue.Event) (policy.Prediction, *dialogue.Tracker, error) {
	cur := a.current.Load()
	if cur == nil {
		return policy.Prediction{}, nil, ErrNoModel
	}
	if cur.model.Policies == nil {
		return policy.Prediction{}, nil, fmt.Errorf("%w with a dialogue part", ErrNoModel)
	}
	t := a.aside(cur, dialogue.NewTracker(cmp.Or(senderID, "default"), cur.model.Domain))
	for _, e := range events {
		t.date(e)
	}
	t.tracker.Append(events...)
	defer t.work.Done()
	p, err := t.predict(ctx)
	return p, t.tracker, err
}

// change runs f as a turn of a conversation and stores what it did.
func (a *Agent) change(ctx context.Context, kind, senderID, channel string, send Send, f func(context.Context, *turn) error) (*dialogue.Tracker, error) {
	cur := a.current.Load()
	if cur == nil {
		return nil, ErrNoModel
	}
	t, err := a.repeat(ctx, cur, senderID, output{channel: channel, send: send, kind: kind}, f)
	if err != nil {
		return nil, err
	}
	return t.tracker, nil
}

// aside is a turn that is never stored and whose messages reach nobody.
func (a *Agent) aside(cur *loaded, tracker *dialogue.Tracker) *turn {
	tracker.ModelID, tracker.AssistantID = cur.model.ID, cur.model.AssistantID
	return &turn{agent: a, cur: cur, tracker: tracker, out: output{channel: "collector"}, work: a.cfg.Metrics.BeginWork()}
}

// external is a message that did not come from the user (Rasa: trigger_external_user_uttered).
func (t *turn) external(ctx context.Context, intent string, entities any) error {
	found, err := dialogue.ExternalEntities(entities)
	if errors.Is(err, dialogue.ErrNotEntities) {
		t.log().Warn("the entities of an external event are left out", "error", err)
		found = []dialogue.Entity{}
	} else if err != nil {
		return fmt.Errorf("external event: %w: %w", ErrBadEntities, err)
	}
	t.record(dialogue.NewExternal(intent, found, t.tracker.LatestInputChannel()))
	if err := t.extractSlots(ctx); err != nil {
		return err
	}
	if t.cur.model.Policies == nil {
		return nil
	}
	return t.act(ctx)
}

// date gives an event without a time the present.
func (t *turn) date(e dialogue.Event) {
	if h := e.Head(); h.Timestamp == 0 {
		h.Timestamp = t.agent.now()
	}
}

// beginsSession reports whether events begin with the start of a session.
func beginsSession(events []dialogue.Event) bool {
	if len(events) < 2 {
		return false
	}
	action, ok := events[0].(*dialogue.ActionExecuted)
	return ok && action.Name == dialogue.ActionSessionStart && isA[*dialogue.SessionStarted](events[1])
}
