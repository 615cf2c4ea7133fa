package dialogue

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// naive is a tracker written down from the reference's rules with no regard to cost, to compare Tracker with.
type naive struct {
	domain   *Domain
	events   []Event
	slots    map[string]any
	set      map[string]bool
	message  *UserUttered
	useText  *bool
	entities []Entity
	bot      *BotUttered
	action   *ActionExecuted
	followup string
	loop     *Loop
	paused   bool
}

func newNaive(d *Domain) *naive {
	n := &naive{domain: d}
	n.reset()
	return n
}

func (n *naive) reset() {
	*n = naive{domain: n.domain, events: n.events, followup: ActionListen}
	n.resetSlots()
}

func (n *naive) resetSlots() {
	n.slots, n.set = map[string]any{}, map[string]bool{}
	for _, s := range n.domain.Slots {
		n.slots[s.Name] = s.Initial
		if s.Type == SlotList && s.Initial != nil {
			n.slots[s.Name] = []any{s.Initial}
		}
	}
}

func (n *naive) update(e Event) {
	n.events = append(n.events, e)
	n.apply(e)
}

func (n *naive) apply(e Event) {
	latest := ""
	if n.action != nil {
		latest = n.action.NameOrText()
	}
	switch e := e.(type) {
	case *UserUttered:
		n.message, n.entities, n.followup, n.useText = e, e.Parse.Entities, "", nil
	case *UserFeaturization:
		if latest == ActionListen {
			n.useText = &e.UseText
		}
	case *EntitiesAdded:
		if latest == ActionListen {
			n.entities = append(slices.Clone(n.entities), e.Entities...)
		}
	case *BotUttered:
		n.bot = e
	case *SlotSet:
		if _, ok := n.slots[e.Name]; ok {
			n.slots[e.Name], n.set[e.Name] = e.Value, true
			if s, _ := n.domain.Slot(e.Name); s.Type == SlotList && e.Value != nil {
				n.slots[e.Name] = []any{e.Value}
			}
		}
	case *Restarted:
		n.reset()
		n.followup = ActionSessionStart
	case *SessionStarted:
		n.reset()
	case *UserReverted, *ActionReverted:
		n.reset()
		for _, e := range n.applied() {
			n.apply(e)
		}
	case *AllSlotsReset:
		n.resetSlots()
	case *FollowupAction:
		n.followup = e.Name
	case *ConversationPaused:
		n.paused = true
	case *ConversationResumed:
		n.paused = false
	case *ActionExecuted:
		n.action, n.followup = e, ""
		if n.loop != nil {
			l := *n.loop
			l.IsInterrupted = false
			if e.Name == l.Name {
				l.Rejected = false
			}
			n.loop = &l
		}
	case *ActiveLoop:
		n.loop = nil
		if e.Name != "" {
			n.loop = &Loop{Name: e.Name, Trigger: n.message}
		}
	case *LoopInterrupted:
		if n.loop != nil {
			l := *n.loop
			l.IsInterrupted = e.IsInterrupted
			n.loop = &l
		}
	case *ActionRejected:
		if n.loop != nil && n.loop.Name == e.Name {
			l := *n.loop
			l.Rejected = true
			n.loop = &l
		}
	}
}

func isAction(e Event) bool { _, ok := e.(*ActionExecuted); return ok }
func isUser(e Event) bool   { _, ok := e.(*UserUttered); return ok }

func (n *naive) applied() []Event {
	var loops []string
	for _, e := range n.events {
		if l, ok := e.(*ActiveLoop); ok && l.Name != "" {
			loops = append(loops, l.Name)
		}
	}
	var out []Event
	popTill := func(is func(Event) bool) {
		for len(out) > 0 {
			e := out[len(out)-1]
			out = out[:len(out)-1]
			if is(e) {
				return
			}
		}
	}
	for _, e := range n.events {
		switch e := e.(type) {
		case *Restarted, *SessionStarted:
			out = nil
			continue
		case *ActionReverted:
			popTill(isAction)
			continue
		case *UserReverted:
			popTill(isUser)
			popTill(isAction)
			continue
		case *ActionExecuted:
			if slices.Contains(loops, e.Name) && !naiveFirstOrUnhappy(e.Name, out) {
				var keep []Event
				for len(out) > 0 {
					last := out[len(out)-1]
					if a, ok := last.(*ActionExecuted); ok && a.Name == e.Name {
						break
					}
					out = out[:len(out)-1]
					if _, uf := last.(*UserFeaturization); !uf && !isAction(last) && !isUser(last) {
						keep = append(keep, last)
					}
				}
				slices.Reverse(keep)
				out = append(out, keep...)
				continue
			}
		}
		out = append(out, e)
	}
	return out
}

func naiveFirstOrUnhappy(loop string, out []Event) bool {
	next := ""
	for _, e := range slices.Backward(out) {
		if l, ok := e.(*ActiveLoop); ok && l.Name == "" {
			return true
		}
		if r, ok := e.(*ActionRejected); ok && r.Name == loop {
			return true
		}
		if isUser(e) && next != "" && next != loop {
			return true
		}
		if a, ok := e.(*ActionExecuted); ok {
			if a.Name == loop {
				return false
			}
			next = a.Name
		}
	}
	return true
}

// summary tells all that a state says, events by identity.
func (n *naive) summary() string {
	var b strings.Builder
	for _, s := range n.domain.Slots {
		fmt.Fprintf(&b, "%s=%v/%v ", s.Name, n.slots[s.Name], n.set[s.Name])
	}
	summarize(&b, n.message, n.entities, n.useText, n.bot, n.action, n.followup, n.loop, n.paused)
	return b.String()
}

func (s *State) summary() string {
	var b strings.Builder
	for name, v := range s.Slots.All() {
		fmt.Fprintf(&b, "%s=%v/%v ", name, v, s.Slots.HasBeenSet(name))
	}
	summarize(&b, s.LatestMessage, s.Entities, s.UseText, s.LatestBot, s.LatestAction, s.Followup, s.Loop, s.Paused)
	return b.String()
}

func summarize(b *strings.Builder, m *UserUttered, ents []Entity, useText *bool, bot *BotUttered, a *ActionExecuted, followup string, l *Loop, paused bool) {
	fmt.Fprintf(b, "m=%p e=%d b=%p a=%p f=%q p=%v", m, len(ents), bot, a, followup, paused)
	if useText != nil {
		fmt.Fprintf(b, " t=%v", *useText)
	}
	if l != nil {
		fmt.Fprintf(b, " l=%s/%v/%v/%p", l.Name, l.IsInterrupted, l.Rejected, l.Trigger)
	}
}

func (n *naive) moments() []string {
	tr := newNaive(n.domain)
	var out []string
	for _, e := range n.applied() {
		if isAction(e) {
			out = append(out, tr.summary())
		}
		tr.update(e)
	}
	return append(out, tr.summary())
}

// alphabet makes an event from a number.
func alphabet(i byte, n int) Event {
	text := "x"
	switch i % 34 {
	case 0, 1, 2, 3:
		return act(ActionListen)
	case 4, 5, 6:
		return act("f")
	case 7, 8:
		return act("g")
	case 9:
		return act("utter_greet")
	case 10:
		return &ActionExecuted{Text: "hello"}
	case 11:
		return act(ActionSessionStart)
	case 12, 13, 14:
		return &UserUttered{Text: &text, Parse: Parse{Intent: Intent{Name: "greet"}}}
	case 15:
		return &UserFeaturization{UseText: n%2 == 0}
	case 16:
		return &EntitiesAdded{Entities: []Entity{{Entity: fmt.Sprint(n)}}}
	case 17:
		return &BotUttered{Text: "b"}
	case 18:
		return &SlotSet{Name: "city", Value: n % 3}
	case 19:
		return &SlotSet{Name: "tags", Value: n + 1}
	case 20:
		return &SlotSet{Name: "unknown", Value: n}
	case 21:
		return &UserReverted{}
	case 22:
		return &ActionReverted{}
	case 23:
		return &AllSlotsReset{}
	case 24:
		return &FollowupAction{Name: "g"}
	case 25:
		return &ConversationPaused{}
	case 26:
		return &ConversationResumed{}
	case 27:
		return &ActiveLoop{Name: "f"}
	case 28:
		return &ActiveLoop{Name: "g"}
	case 29:
		return &ActiveLoop{}
	case 30:
		return &LoopInterrupted{IsInterrupted: n%2 == 0}
	case 31:
		return &ActionRejected{Name: "f"}
	case 32:
		if n%4 == 0 {
			return &Restarted{}
		}
		return &SlotSet{Name: SlotRequested}
	default:
		if n%4 == 0 {
			return &SessionStarted{}
		}
		return &SlotSet{Name: "city"}
	}
}

// compareWithNaive plays events on both trackers. A byte over 200 copies or rebuilds the trackers instead.
func compareWithNaive(t *testing.T, d *Domain, script []byte) {
	t.Helper()
	tr, want := NewTracker("s", d), newNaive(d)
	for i, b := range script {
		switch {
		case b > 250:
			tr = tr.Copy()
			again := newNaive(d)
			for _, e := range want.events {
				again.update(e)
			}
			want = again
		case b > 245:
			tr = tr.Rebuilt(false)
			again := &naive{domain: d, events: want.events}
			again.reset()
			for _, e := range want.applied() {
				again.apply(e)
			}
			want = again
		case b > 240:
			cut := len(want.events) - 1
			for ; cut > 0; cut-- {
				if a, ok := want.events[cut].(*ActionExecuted); ok && a.Name == ActionSessionStart {
					break
				}
			}
			tr = tr.Rebuilt(true)
			again := newNaive(d)
			if cut > 0 {
				for _, e := range want.events[cut:] {
					again.update(e)
				}
			} else {
				again.events = want.events
				for _, e := range want.applied() {
					again.apply(e)
				}
			}
			want = again
		default:
			e := alphabet(b, i)
			tr.Append(e)
			want.update(e)
		}
		if !slices.Equal(tr.Events(0), want.events) {
			t.Fatalf("%v after %d: events %v, want %v", script, i, kinds(tr.Events(0)), kinds(want.events))
		}
		if got, want := tr.Applied(), want.applied(); !slices.Equal(got, want) {
			t.Fatalf("%v after %d: applied %v, want %v", script, i, kinds(got), kinds(want))
		}
		if got, want := tr.State().summary(), want.summary(); got != want {
			t.Fatalf("%v after %d: state\n%s, want\n%s", script, i, got, want)
		}
		var moments []string
		for m := range tr.Moments() {
			moments = append(moments, m.State.summary())
		}
		slices.Reverse(moments)
		if want := want.moments(); !slices.Equal(moments, want) || tr.MomentCount() != len(want) {
			t.Fatalf("%v after %d: moments\n%s, want\n%s", script, i, strings.Join(moments, "\n"), strings.Join(want, "\n"))
		}
		raw := newNaive(d)
		for _, e := range want.events {
			raw.update(e)
		}
		if got, want := tr.Copy().State().summary(), raw.summary(); got != want {
			t.Fatalf("%v after %d: copied state\n%s, want\n%s", script, i, got, want)
		}
	}
}

func TestTrackerAgreesWithNaiveRules(t *testing.T) {
	t.Parallel()
	d := testDomain()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 800 {
		script := make([]byte, 3+rng.IntN(40))
		for i := range script {
			script[i] = byte(rng.IntN(256))
		}
		compareWithNaive(t, d, script)
	}
}

func FuzzTracker(f *testing.F) {
	f.Add([]byte{0, 12, 4, 27, 0, 12, 4, 29, 0})
	f.Add([]byte{4, 0, 12, 4, 27, 0, 21, 22, 248, 12, 4})
	d := testDomain()
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 60 {
			script = script[:60]
		}
		compareWithNaive(t, d, script)
	})
}
