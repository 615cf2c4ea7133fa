package policy_test

import (
	"math"
	"slices"
	"testing"

	"parley/dialogue"
	"parley/policy"
	"parley/project"
)

// leftOut is how well policies predict stories that they were not trained on.
type leftOut struct {
	stories, actions, right int
	confidence              float64 // sum of that in the predicted actions
	wrongButSure            int     // predicted with 0.8 or more
	messages, unlikely      int     // messages of the left out stories, and how many were found unlikely
}

func (l leftOut) accuracy() float64 { return float64(l.right) / float64(max(l.actions, 1)) }

// leaveOneOut trains as many times as there are whole stories, at most limit, each time without one, and predicts that one's actions.
func leaveOneOut(t *testing.T, p *project.Project, config policy.Config, limit int) leftOut {
	t.Helper()
	var whole []int
	for i := range p.Steps {
		s := &p.Steps[i]
		begins := !slices.ContainsFunc(s.Start, func(c dialogue.Checkpoint) bool { return c.Name != dialogue.StoryStart })
		if !s.Rule && begins && len(s.End) == 0 {
			whole = append(whole, i)
		}
	}
	every := max(1, (len(whole)+limit-1)/limit)
	var l leftOut
	for n := 0; n < len(whole); n += every {
		steps := slices.Delete(slices.Clone(p.Steps), whole[n], whole[n]+1)
		rules := with("RulePolicy", "check_for_contradictions", false) // forms need it; it is not asked
		both, err := policy.Train(t.Context(), []policy.Config{config, rules}, p.Domain, steps, policy.TrainOptions{})
		if err != nil {
			t.Fatal(err)
		}
		e := both.Only(config.Name)
		conversations, err := policy.Conversations(t.Context(), p.Domain, p.Steps[whole[n]:whole[n]+1], nil)
		if err != nil {
			t.Fatal(err)
		}
		l.stories++
		for _, c := range conversations {
			l.replay(t, e, p, c.Tracker)
		}
	}
	return l
}

func (l *leftOut) replay(t *testing.T, e *policy.Ensemble, p *project.Project, story *dialogue.Tracker) {
	t.Helper()
	at := dialogue.NewTracker("", p.Domain)
	for i, event := range story.Events(0) {
		if a, ok := event.(*dialogue.ActionExecuted); ok && i > 0 {
			got := predict(t, e, at)
			if got.Policy == "UnexpecTEDIntentPolicy" {
				if _, spoke := at.Last().(*dialogue.UserUttered); spoke {
					l.messages++
					if got.Confidence == 1 {
						l.unlikely++
					}
				}
				at.Append(event)
				continue
			}
			l.actions++
			l.confidence += got.Confidence
			switch {
			case got.Action == a.NameOrText():
				l.right++
			case got.Confidence >= 0.8:
				l.wrongButSure++
			}
		}
		at.Append(event)
	}
}

// The floors are a little below what was measured: what must not be lost.
func TestTEDPolicyPredictsStoriesThatItHasNotSeen(t *testing.T) {
	t.Parallel()
	for bot, least := range map[string]float64{
		"financial-demo": 0.95, "e2ebot": 0.8, "moodbot": 0.8, "responseselectorbot": 0.8, "concertbot": 0.8, "helpdesk-assistant": 0.75, "formbot": 0.7,
	} {
		t.Run(bot, func(t *testing.T) {
			t.Parallel()
			limit := 40
			if testing.Short() {
				limit = 5
			}
			p := loadBot(t, bot)
			l := leaveOneOut(t, p, with("TEDPolicy", "max_history", 5), limit)
			u := leaveOneOut(t, p, with("UnexpecTEDIntentPolicy", "max_history", 5), limit)
			confidence := l.confidence / float64(l.actions)
			t.Logf("%s: %d stories left out, %d of %d actions right (%.1f %%), mean confidence %.1f %%, %d wrong with 0.8 or more; "+
				"%d of %d intents found unlikely", bot, l.stories, l.right, l.actions, 100*l.accuracy(), 100*confidence, l.wrongButSure, u.unlikely, u.messages)
			if l.stories >= 8 && math.Abs(confidence-l.accuracy()) > 0.1 { // fewer are too few to find the right level
				t.Errorf("a mean confidence of %.3f, but %.3f of the actions are right", confidence, l.accuracy())
			}
			if l.accuracy() < least {
				t.Errorf("%.3f of the actions are right, want %.3f", l.accuracy(), least)
			}
		})
	}
}
