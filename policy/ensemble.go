package policy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"parley/dialogue"
)

// Ensemble is a set of trained policies. It is safe for concurrent use.
type Ensemble struct {
	domain   *dialogue.Domain
	v        *vocabulary
	policies []member // in the order of the configuration
	order    []int    // positions in policies: the highest priority first
	windows  sync.Pool
	timed    func(policy string, d time.Duration)
	asked    atomic.Uint32 // predictions, to time some
}

// member is a policy of an ensemble.
type member struct {
	settings *settings
	trained  trained
}

func newEnsemble(v *vocabulary, members []member) *Ensemble {
	v.seal()
	e := &Ensemble{domain: v.domain, v: v, policies: members, windows: sync.Pool{New: func() any { return new(window) }}}
	for i := range members {
		e.order = append(e.order, i)
	}
	slices.SortStableFunc(e.order, func(a, b int) int { return cmp.Compare(members[b].settings.Priority, members[a].settings.Priority) })
	return e
}

// timedPredictions is of how many predictions one is timed policy by policy: looking at the clock costs more than some of them.
const timedPredictions = 16

// TimeTo says who is told how long each policy took, for one of sixteen predictions. It must be called before the first Predict. It
// returns the names of the policies.
func (e *Ensemble) TimeTo(timed func(policy string, d time.Duration)) []string {
	e.timed = timed
	names := make([]string, len(e.policies))
	for i, p := range e.policies {
		names[i] = p.settings.Name
	}
	return names
}

// Train trains the policies on story steps and rule steps in file order. No configuration means the default policies. Errors are of
// type *Error, possibly several joined, or those of ctx.
func Train(ctx context.Context, configs []Config, d *dialogue.Domain, steps []dialogue.StoryStep, opts TrainOptions) (*Ensemble, error) {
	all, err := readAll(configs, d)
	if err != nil {
		return nil, err
	}
	t := newTrainer(d, steps, opts)
	var rules, stories bool
	for i := range steps {
		rules, stories = rules || steps[i].Rule, stories || !steps[i].Rule
	}
	warnAboutChoice(all, rules, stories, t.warn)
	if err := t.generate(ctx); err != nil {
		return nil, err
	}
	members := make([]member, len(all))
	for i, s := range all {
		k := kindOf(s.Name)
		trained, err := k.train(ctx, t, s)
		if err != nil {
			return nil, fmt.Errorf("train %s: %w", s.Name, err)
		}
		if opts.Progress != nil {
			opts.Progress(s.Name, 1)
		}
		members[i] = member{s, trained}
	}
	return newEnsemble(t.v, members), nil
}

func kindOf(name string) kind {
	for _, k := range kinds() {
		if k.name == name {
			return k
		}
	}
	return kind{}
}

// Predict chooses the next action of a conversation. The followup action is the caller's business.
func (e *Ensemble) Predict(ctx context.Context, t *dialogue.Tracker) (Prediction, error) {
	if err := ctx.Err(); err != nil {
		return Prediction{}, fmt.Errorf("predict the next action: %w", err)
	}
	if len(e.policies) == 0 {
		return Prediction{}, errors.New("predict the next action: there are no policies")
	}
	w := e.look(t)
	defer e.release(w)
	var buf [4]vote
	votes := buf[:0]
	if len(e.policies) > len(buf) {
		votes = make([]vote, 0, len(e.policies))
	}
	votes = votes[:len(e.policies)]
	if err := e.ask(ctx, w, votes, false); err != nil {
		return Prediction{}, err
	}
	p, _ := e.choose(votes, w.now.LatestActionName() == dialogue.ActionListen)
	return p, nil
}

// look points a window at the present of a conversation. The caller must release it.
func (e *Ensemble) look(t *dialogue.Tracker) *window {
	if t.Domain() != e.domain { // begun with another model
		same := dialogue.NewTracker(t.SenderID, e.domain)
		same.Append(t.Events(0)...)
		t = same
	}
	w, _ := e.windows.Get().(*window)
	w.open(e.v, t)
	return w
}

func (e *Ensemble) release(w *window) {
	w.close()
	e.windows.Put(w)
}

// ask collects the votes of the policies: of all, or of those that can still win.
func (e *Ensemble) ask(ctx context.Context, w *window, votes []vote, all bool) error {
	rejected := e.justRejected(w.t)
	decided := false // no later policy of the simple kind can win any more
	timed, begun := e.timed != nil && e.asked.Add(1)%timedPredictions == 1, time.Time{}
	if timed {
		begun = time.Now()
	}
	for _, i := range e.order {
		p := &e.policies[i]
		if votes[i].skipped = decided && !all && p.trained.simple(); votes[i].skipped {
			continue
		}
		v, err := p.trained.vote(ctx, w)
		if err != nil {
			return fmt.Errorf("%s: predict the next action: %w", p.settings.Name, err)
		}
		if timed {
			took := time.Since(begun) // each begins when the one before ends
			e.timed(p.settings.Name, took)
			begun = begun.Add(took)
		}
		if rejected >= 0 {
			v.forbid(rejected)
		}
		votes[i] = v
		decided = decided || v.best().value >= 1
	}
	return nil
}

// justRejected is the action that refused to run last, -1 if another one ran since.
func (e *Ensemble) justRejected(t *dialogue.Tracker) int {
	for event := range t.Backward() {
		switch event := event.(type) {
		case *dialogue.ActionExecuted:
			return -1
		case *dialogue.ActionRejected:
			return e.domain.ActionIndex(event.Name)
		}
	}
	return -1
}

// choose combines the predictions of the policies (Rasa 3.6.21 core/policies/ensemble.py): the highest confidence wins, then the
// priority, then the order in the configuration. It returns the winner's position too.
func (e *Ensemble) choose(votes []vote, listening bool) (p Prediction, winner int) {
	var noUser, endToEnd bool
	for i := range votes {
		noUser = noUser || votes[i].noUser
		endToEnd = endToEnd || votes[i].endToEnd
	}
	winner = -1
	var best score
	for i := range votes {
		v := &votes[i]
		p.Events = append(p.Events, v.events...)
		if v.skipped || noUser && !v.noUser || !noUser && endToEnd && !v.endToEnd {
			continue
		}
		s := v.best()
		if winner < 0 || s.value > best.value ||
			s.value == best.value && e.policies[i].settings.Priority > e.policies[winner].settings.Priority {
			winner, best = i, s
		}
	}
	v := &votes[winner]
	p.Events = append(p.Events, v.optional...)
	if listening {
		p.Events = append(p.Events, &dialogue.UserFeaturization{UseText: v.endToEnd})
	}
	p.Action = e.domain.Actions[best.action]
	p.EndToEnd = best.action >= len(e.domain.Actions)-len(e.domain.EndToEndActions)
	p.Policy = e.policies[winner].settings.Name
	p.Confidence = best.value
	p.EndToEndInput, p.NoUser, p.HideRuleTurn = v.endToEnd, v.noUser, v.hide
	p.ActionMetadata = v.metadata
	p.Scores = v.scores(len(e.domain.Actions))
	p.Reason = v.reason
	return p, winner
}
