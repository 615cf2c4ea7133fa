package agent

import (
	"context"
	"fmt"
	"slices"

	"parley/dialogue"
	"parley/policy"
	"parley/trackerstore"
)

// Decision is an action of a conversation and why it was chosen.
type Decision struct {
	// Event is the position of the action's event among those of the latest session, -1 for the action that would come next.
	Event      int
	Timestamp  float64 // of the event
	Action     string
	Policy     string // as it was recorded; "" is null
	Confidence *float64
	Rejected   bool // the action refused to run
	Reason     string
	// Policies are what the current model's policies say; nil when no policy was asked.
	Policies []policy.Opinion
	// Agrees is false when the current model would decide otherwise than was recorded: it is another model, or the conversation was
	// changed from outside.
	Agrees bool
}

// Explain says why the actions of the last turns of a conversation's latest session were chosen, oldest first, and which would come
// next if the bot is to act. A turn begins with a message of the user. Decisions are made again with the current model: nothing of
// them is stored.
func (a *Agent) Explain(ctx context.Context, senderID string, turns int) ([]Decision, error) {
	cur := a.current.Load()
	if cur == nil {
		return nil, ErrNoModel
	}
	if cur.model.Policies == nil {
		return nil, fmt.Errorf("%w with a dialogue part", ErrNoModel)
	}
	stored, err := a.Stored(ctx, senderID, trackerstore.LatestSession)
	if err != nil {
		return nil, err
	}
	events := stored.Events(0)
	begin := lastTurns(events, turns)
	past := dialogue.NewTracker(senderID, cur.model.Domain)
	past.Append(events[:begin]...)
	var decisions []Decision
	before := past // where the next action was predicted: the events that a prediction adds come after it
	for i, e := range events[begin:] {
		d := Decision{Event: begin + i, Timestamp: e.Head().Timestamp}
		switch e := e.(type) {
		case *dialogue.ActionExecuted:
			d.Action, d.Policy, d.Confidence = e.NameOrText(), e.Policy, e.Confidence
		case *dialogue.ActionRejected:
			d.Action, d.Policy, d.Confidence, d.Rejected = e.Name, e.Policy, e.Confidence, true
		case *dialogue.UserFeaturization, *dialogue.LoopInterrupted, *dialogue.EntitiesAdded:
			if before == past {
				before = past.Copy()
			}
		}
		if d.Action != "" {
			if err := cur.explain(ctx, before, &d); err != nil {
				return nil, err
			}
			decisions = append(decisions, d)
		}
		past.Append(e)
		switch e.(type) {
		case *dialogue.UserFeaturization, *dialogue.LoopInterrupted, *dialogue.EntitiesAdded:
		default:
			before = past
		}
	}
	if next, ok, err := cur.next(ctx, stored); err != nil || ok {
		return append(decisions, next), err
	}
	return decisions, nil
}

// lastTurns is the position of the n-th last message of the user, 0 if there are fewer.
func lastTurns(events []dialogue.Event, n int) int {
	for i, e := range slices.Backward(events) {
		if isA[*dialogue.UserUttered](e) {
			if n--; n <= 0 {
				return i
			}
		}
	}
	return 0
}

// explain asks the policies what they would have done, unless none was asked. The error is that of ctx.
func (l *loaded) explain(ctx context.Context, t *dialogue.Tracker, d *Decision) error {
	d.Agrees = true
	switch {
	case d.Policy == followupPolicy:
		d.Reason = askedFor
		return nil
	case d.Policy == "" && d.Action == dialogue.ActionSessionStart:
		d.Reason = "a session begins"
		return nil
	case d.Policy == "":
		d.Reason = "no policy chose it: an action or a client recorded it"
		return nil
	}
	x, err := l.model.Policies.Explain(ctx, t)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", errPredict, err)
	case err != nil:
		d.Agrees, d.Reason = false, err.Error()
		return nil //nolint:nilerr // it is what is explained
	}
	d.Policies, d.Reason = x.Opinions, x.Reason
	if d.Agrees = x.Action == d.Action && x.Policy == d.Policy; !d.Agrees {
		d.Reason = fmt.Sprintf("%s would run %s now: %s", x.Policy, x.Action, x.Reason)
	}
	return nil
}

// askedFor is the reason of a followup action.
const askedFor = "the action before asked for it"

// next is what the bot would do now; ok is false when it waits for the user or is paused. The error is that of ctx.
func (l *loaded) next(ctx context.Context, t *dialogue.Tracker) (d Decision, ok bool, err error) {
	if t.State().Paused && t.LatestIntent() != "restart" || waits(t) {
		return d, false, nil
	}
	d = Decision{Event: -1, Agrees: true}
	if p, ok := followup(l.model.Domain, t.State().Followup); ok {
		d.Action, d.Policy, d.Confidence, d.Reason = p.Action, p.Policy, &p.Confidence, askedFor
		return d, true, nil
	}
	x, err := l.model.Policies.Explain(ctx, t)
	switch {
	case ctx.Err() != nil:
		return d, false, fmt.Errorf("%w: %w", errPredict, err)
	case err != nil:
		d.Agrees, d.Reason = false, err.Error()
		return d, true, nil //nolint:nilerr // it is what is explained
	}
	d.Action, d.Policy, d.Confidence, d.Reason, d.Policies = x.Action, x.Policy, &x.Confidence, x.Reason, x.Opinions
	return d, true, nil
}

// waits reports whether the bot waits for the user: it has listened and nobody has said anything since.
func waits(t *dialogue.Tracker) bool {
	for e := range t.Backward() {
		switch e := e.(type) {
		case *dialogue.UserUttered:
			return false
		case *dialogue.ActionExecuted:
			return endsTurn(e.Name)
		}
	}
	return true
}
