package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"parley/dialogue"
)

// Explanation is a prediction with what each policy had to say.
type Explanation struct {
	Prediction
	Opinions []Opinion // in the order of the configuration
}

// Opinion is what one policy would do next.
type Opinion struct {
	Policy     string
	Priority   int
	Action     string // "": it knows of none
	Confidence float64
	Reason     string // which rule, story or features, in a few words
	// Evidence is what the conversation was found to fit: the states of the rule or of the memorised history as JSON, oldest first,
	// or the features that counted most.
	Evidence []string
	Won      bool
}

// witness is a policy that can say more about its vote than a reason.
type witness interface {
	// evidence is what the vote rests on, as in Opinion.
	evidence(w *window) []string
}

// Explain predicts like Predict, and says why. Unlike there all policies are asked, so it costs more.
func (e *Ensemble) Explain(ctx context.Context, t *dialogue.Tracker) (Explanation, error) {
	if err := ctx.Err(); err != nil {
		return Explanation{}, fmt.Errorf("explain the next action: %w", err)
	}
	if len(e.policies) == 0 {
		return Explanation{}, errors.New("explain the next action: there are no policies")
	}
	w := e.look(t)
	defer e.release(w)
	votes := make([]vote, len(e.policies))
	if err := e.ask(ctx, w, votes, true); err != nil {
		return Explanation{}, err
	}
	p, winner := e.choose(votes, w.now.LatestActionName() == dialogue.ActionListen)
	x := Explanation{Prediction: p}
	for i := range votes {
		p := &e.policies[i]
		o := Opinion{Policy: p.settings.Name, Priority: p.settings.Priority, Reason: votes[i].reason, Won: i == winner}
		if best := votes[i].best(); best.value > 0 {
			o.Action, o.Confidence = e.domain.Actions[best.action], best.value
			if known, ok := p.trained.(witness); ok {
				o.Evidence = known.evidence(w)
			}
		}
		x.Opinions = append(x.Opinions, o)
	}
	return x, nil
}

// evidence is the states of the rule that applies; default intents, loops and the fallback have none.
func (r *rules) evidence(w *window) []string {
	ruled, err := r.rule(w)
	if err != nil || ruled.source == nil {
		return nil
	}
	var states []json.RawMessage
	if json.Unmarshal([]byte(ruled.source.key), &states) != nil {
		return nil // the name of a default intent or a loop
	}
	texts := make([]string, len(states))
	for i, s := range states {
		texts[i] = string(s)
	}
	return texts
}
