package policy_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
	"parley/policy"
	"parley/project"
)

// talk makes random conversations, half of it along what the policies predict.
type talk struct {
	r *rand.Rand
	d *dialogue.Domain
	e *policy.Ensemble
	p *project.Project
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func (k *talk) user() *dialogue.UserUttered {
	u := &dialogue.UserUttered{}
	if k.r.IntN(4) > 0 {
		text := pick(k.r, []string{"hello", "I want soup", "no", "hi there"})
		u.Text = &text
	}
	if k.r.IntN(12) > 0 {
		u.Parse.Intent = dialogue.Intent{Name: pick(k.r, k.d.Intents).Name, Confidence: float64(k.r.IntN(11)) / 10}
		if k.r.IntN(10) == 0 {
			u.Parse.Intent.Name = "never_heard"
		}
	}
	// Messages of stories are more likely to be recognised.
	if s := pick(k.r, k.p.Steps); k.r.IntN(2) == 0 {
		for _, e := range s.Events {
			if known, ok := e.(*dialogue.UserUttered); ok {
				u.Parse = known.Parse
				if u.Parse.Intent.Name == "" {
					u.Text = known.Text
				}
			}
		}
	}
	for len(k.d.Entities) > 0 && k.r.IntN(3) == 0 {
		e := pick(k.r, k.d.Entities)
		found := dialogue.Entity{Entity: e.Name, Value: "x"}
		if len(e.Roles) > 0 && k.r.IntN(2) == 0 {
			found.Role = pick(k.r, e.Roles)
		}
		if len(e.Groups) > 0 && k.r.IntN(2) == 0 {
			found.Group = pick(k.r, e.Groups)
		}
		u.Parse.Entities = append(slices.Clip(u.Parse.Entities), found)
	}
	return u
}

func (k *talk) slot() dialogue.Event {
	s := &k.d.Slots[k.r.IntN(len(k.d.Slots))]
	values := []any{nil, "x", true, false, 1, 0.5, []any{}, []any{"a"}}
	for _, v := range s.Values {
		values = append(values, v)
	}
	return &dialogue.SlotSet{Name: s.Name, Value: pick(k.r, values)}
}

func (k *talk) loop() dialogue.Event {
	if len(k.d.Forms) == 0 || k.r.IntN(2) == 0 {
		return &dialogue.ActiveLoop{}
	}
	return &dialogue.ActiveLoop{Name: pick(k.r, k.d.Forms).Name}
}

// next are the events that come next in a conversation.
func (k *talk) next(t *testing.T, at *dialogue.Tracker) []dialogue.Event {
	if at.LatestActionName() == dialogue.ActionListen && k.r.IntN(3) > 0 {
		if _, ok := at.Last().(*dialogue.UserUttered); !ok {
			events := []dialogue.Event{k.user()}
			if k.r.IntN(4) == 0 {
				events = append(events, k.slot())
			}
			return events
		}
	}
	switch n := k.r.IntN(40); {
	case n < 24:
		p, err := k.e.Predict(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		events := append([]dialogue.Event(nil), p.Events...)
		a := &dialogue.ActionExecuted{Name: p.Action, Policy: p.Policy, HideRuleTurn: p.HideRuleTurn}
		if p.EndToEnd {
			a.Name, a.Text = "", p.Action
		}
		events = append(events, a)
		if _, ok := k.d.Form(p.Action); ok && at.ActiveLoopName() != p.Action {
			events = append(events, &dialogue.ActiveLoop{Name: p.Action})
		} else if ok && k.r.IntN(4) == 0 {
			events = append(events, &dialogue.ActiveLoop{})
		}
		return events
	case n < 28:
		return []dialogue.Event{&dialogue.ActionExecuted{Name: pick(k.r, k.d.Actions), HideRuleTurn: k.r.IntN(3) == 0}}
	case n < 32:
		return []dialogue.Event{k.slot()}
	case n < 33:
		return []dialogue.Event{k.loop()}
	case n < 35:
		if name := at.ActiveLoopName(); name != "" {
			return []dialogue.Event{&dialogue.ActionRejected{Name: name}}
		}
		return []dialogue.Event{&dialogue.ActionRejected{Name: pick(k.r, k.d.Actions)}}
	case n < 36:
		return []dialogue.Event{pick(k.r, []dialogue.Event{
			&dialogue.UserReverted{}, &dialogue.ActionReverted{}, &dialogue.AllSlotsReset{}, &dialogue.LoopInterrupted{IsInterrupted: true},
			&dialogue.FollowupAction{Name: "action_listen"}, &dialogue.UserFeaturization{UseText: true}, &dialogue.BotUttered{Text: "x"},
			&dialogue.ActionExecuted{Name: dialogue.ActionUnlikelyIntent},
		})}
	case n < 37 && k.r.IntN(8) == 0:
		return []dialogue.Event{pick(k.r, []dialogue.Event{&dialogue.SessionStarted{}, &dialogue.Restarted{}})}
	}
	return []dialogue.Event{&dialogue.ActionExecuted{Name: dialogue.ActionListen}}
}

func TestVotesAreThoseOfAPlainImplementation(t *testing.T) {
	t.Parallel()
	for _, bot := range []string{
		"dlg-rules", "dlg-stories", "dlg-augmented", "dlg-augfree", "dlg-maxhist", "dlg-loose", "dlg-conditions", "dlg-form",
		"dlg-forms-two", "dlg-features", "dlg-fallback", "dlg-onestage", "dlg-defaults", "e2ebot", "financial-demo", "helpdesk-assistant",
	} {
		t.Run(bot, func(t *testing.T) {
			t.Parallel()
			p := loadBot(t, bot)
			configs := slices.DeleteFunc(slices.Clone(p.Config.Policies), func(c policy.Config) bool { return strings.HasSuffix(c.Name, "TEDPolicy") })
			for _, c := range []policy.Config{
				{Name: "MemoizationPolicy"},
				{Name: "MemoizationPolicy", Options: map[string]any{"max_history": 3}},
				{Name: "AugmentedMemoizationPolicy"},
				{Name: "AugmentedMemoizationPolicy", Options: map[string]any{"max_history": 4}},
			} {
				configs = append(slices.Clip(configs), c)
			}
			e, err := policy.Train(t.Context(), configs, p.Domain, p.Steps, policy.TrainOptions{})
			if err != nil {
				t.Fatal(err)
			}
			plain := policy.NewNaive(e)
			rounds := 12
			if testing.Short() {
				rounds = 3
			}
			hits := map[string]int{}
			for seed := range rounds {
				k := &talk{r: rand.New(rand.NewPCG(uint64(seed), 7)), d: p.Domain, e: e, p: p}
				at := dialogue.NewTracker("", p.Domain)
				for range 40 {
					got, want, err := plain.Compare(at)
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Fatalf("seed %d, after %s (-plain +policy):\n%s", seed, story(at), diff)
					}
					for i, vote := range got {
						if vote[0] != ' ' {
							hits[configs[i].Name]++
						}
					}
					events := k.next(t, at)
					for _, e := range events { // in every other conversation all but the first actions come from rules
						if a, ok := e.(*dialogue.ActionExecuted); ok && seed%2 == 1 && at.MomentCount() > 1+seed%3 {
							a.HideRuleTurn = true
						}
					}
					at.Append(events...)
				}
			}
			t.Log(hits)
		})
	}
}

func story(t *dialogue.Tracker) string {
	text := ""
	for _, e := range t.Events(max(0, t.Len()-30)) {
		switch e := e.(type) {
		case *dialogue.UserUttered:
			text += fmt.Sprintf(" U(%s)", e.Parse.Intent.Name)
		case *dialogue.ActionExecuted:
			text += fmt.Sprintf(" A(%s,%v)", e.NameOrText(), e.HideRuleTurn)
		case *dialogue.SlotSet:
			text += fmt.Sprintf(" S(%s=%v)", e.Name, e.Value)
		case *dialogue.ActiveLoop:
			text += fmt.Sprintf(" L(%s)", e.Name)
		case *dialogue.ActionRejected:
			text += fmt.Sprintf(" REJ(%s)", e.Name)
		default:
			text += " " + string(e.Kind())
		}
	}
	return text
}

// compareTalks lets two ensembles predict in random conversations.
func compareTalks(t *testing.T, a, b *policy.Ensemble, p *project.Project) {
	t.Helper()
	for seed := range 10 {
		k := &talk{r: rand.New(rand.NewPCG(uint64(seed), 8)), d: p.Domain, e: a, p: p}
		at := dialogue.NewTracker("", p.Domain)
		for range 40 {
			pa, err := a.Predict(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			pb, err := b.Predict(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(pa, pb); diff != "" {
				t.Fatalf("seed %d, after %s (-a +b):\n%s", seed, story(at), diff)
			}
			at.Append(k.next(t, at)...)
		}
	}
}
