package action

import (
	"context"
	"slices"

	"parley/dialogue"
)

// twoStage asks the user to affirm what was understood, then to rephrase, then gives up (Rasa: core/actions/two_stage_fallback.py).
type twoStage struct{ actions *Actions }

func (a *Actions) twoStageFallback(ctx context.Context, c *Call) ([]dialogue.Event, error) {
	return runLoop(ctx, twoStage{a}, c)
}

func (twoStage) loopName() string { return dialogue.ActionTwoStageFallback }

func (twoStage) activate(context.Context, *Call) ([]dialogue.Event, error) { return nil, nil }

func (twoStage) done(c *Call, _ []dialogue.Event) bool {
	intent := c.Tracker.LatestIntent()
	return intent != intentFallback && intent != intentNo || gaveUp(c.Tracker)
}

func (s twoStage) do(ctx context.Context, c *Call, events []dialogue.Event) ([]dialogue.Event, error) {
	justActivated := len(events) > 0
	if justActivated || c.Tracker.LatestIntent() == intentFallback {
		return s.run(ctx, c, dialogue.ActionAskAffirmation)
	}
	return s.run(ctx, c, dialogue.ActionAskRephrase)
}

func (s twoStage) deactivate(ctx context.Context, c *Call) ([]dialogue.Event, error) {
	if gaveUp(c.Tracker) {
		return s.run(ctx, c, dialogue.ActionDefaultFallback)
	}
	clarified := dialogue.UserUttered{Parse: dialogue.Parse{Intent: dialogue.Intent{NoName: true}}} // a client ran it without a message
	if latest := c.Tracker.State().LatestMessage; latest != nil {
		clarified = *latest
	}
	clarified.Timestamp = 0
	clarified.Parse.Intent.Confidence, clarified.Parse.Intent.NoConfidence, clarified.Parse.Intent.Absent = 1, false, false
	return []dialogue.Event{
		&dialogue.UserReverted{}, &dialogue.ActionExecuted{Name: dialogue.ActionListen}, &clarified,
	}, nil
}

// run runs a default action, or the one that the domain has in its place.
func (s twoStage) run(ctx context.Context, c *Call, name string) ([]dialogue.Event, error) {
	return s.actions.Run(ctx, name, *c)
}

// gaveUp reports whether the user was not understood twice in a row, or denied twice.
func gaveUp(t *dialogue.Tracker) bool {
	return slices.Equal(lastIntents(t, 2), []string{intentFallback, intentFallback}) ||
		slices.Equal(lastIntents(t, 3), []string{intentNo, intentFallback, intentNo})
}

// lastIntents are the intents of the last n messages since the restart, newest first. A rewind counts as one, but has no intent.
func lastIntents(t *dialogue.Tracker, n int) []string {
	var intents []string
	for e := range t.Backward() {
		if n == 0 {
			break
		}
		switch e := e.(type) {
		case *dialogue.UserUttered:
			intents = append(intents, e.Parse.Intent.Name)
			n--
		case *dialogue.UserReverted:
			n--
		case *dialogue.Restarted:
			return intents
		}
	}
	return intents
}
