package policy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
)

func TestTextsAreWrittenAsPythonDoes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`say "a\b"`:       `"say \"a\\b\""`,
		"a\nb\tc\rd\be\f": `"a\nb\tc\rd\be\f"`,
		"\x01\x7f":        "\"\\u0001\x7f\"",
		"Grüße":           `"Gr\u00fc\u00dfe"`,
		"日本 🍵":            `"\u65e5\u672c \ud83c\udf75"`,
		"a/b<c>&":         `"a/b<c>&"`,
	} {
		if got := string(appendASCII(nil, in)); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func TestStatesAreWrittenAsPythonDoesAndReadAgain(t *testing.T) {
	t.Parallel()
	d := (&dialogue.Domain{
		Actions: dialogue.DefaultActions,
		Slots: []dialogue.Slot{
			{Name: "zone", Type: dialogue.SlotText, Influence: true},
			{Name: "hidden", Type: dialogue.SlotText},
			{Name: "age", Type: dialogue.SlotFloat, Max: 10, Influence: true},
			{Name: "ok", Type: dialogue.SlotBool, Influence: true},
		},
	}).Finish()
	v := newVocabulary(d)
	at := dialogue.NewTracker("", d)
	text := "hi"
	at.Append(
		&dialogue.ActionExecuted{Name: "action_listen"},
		&dialogue.UserUttered{Text: &text, Parse: dialogue.Parse{
			Intent: dialogue.Intent{Name: "inform"}, Entities: []dialogue.Entity{{Entity: "city", Role: "to"}, {Entity: "age"}, {Entity: "city"}},
		}},
		&dialogue.SlotSet{Name: "zone", Value: dialogue.ShouldNotBeSet}, &dialogue.SlotSet{Name: "age", Value: 7.0},
		&dialogue.SlotSet{Name: "ok", Value: false}, &dialogue.SlotSet{Name: "hidden", Value: "x"}, &dialogue.ActiveLoop{Name: "f"},
	)
	s := v.words(at.State())
	features := make([]symbol, len(v.slots))
	v.slotFeatures(features, at.State().Slots, false)
	s.slots = v.vector(features)
	const want = `[{}, {"active_loop": {"name": "f"}, "prev_action": {"action_name": "action_listen"}, "slots": {"age": [1.0, 0.7], ` +
		`"ok": [1.0, 0.0], "zone": "should_not_be_set"}, "user": {"entities": ["age", "city", "city#to"], "intent": "inform", "text": "hi"}}]`
	states := []state{{slots: firstWord}, s}
	if diff := cmp.Diff(want, v.text(states)); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	again, err := newVocabulary(d).parseStates(want)
	if err != nil || len(again) != 2 {
		t.Fatalf("read again: %v, %v", again, err)
	}
	for _, bad := range []string{"", "[", "{}", `[{"x": 1}]`, `[{ }]`, `[{"slots": {"hidden": [1.0]}}]`, `[{"slots": {"ok": [1.0]}}]`, `[{"slots": {"ok": 1}}]`, `[{"slots": {"ok": "x"}}]`} {
		if _, err := newVocabulary(d).parseStates(bad); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

func TestSequencesAreFoundFromTheirEnd(t *testing.T) {
	t.Parallel()
	for seed := range 200 {
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		sequence := func() []int32 {
			s := make([]int32, 1+r.IntN(7))
			for i := range s {
				s[i] = int32(r.IntN(3))
			}
			return s
		}
		q := newSequences()
		values := map[string]int32{}
		for range 1 + r.IntN(60) {
			s := sequence()
			node := int32(0)
			for _, x := range s {
				node = q.append(node, x)
			}
			if _, ok := values[fmt.Sprint(s)]; !ok {
				values[fmt.Sprint(s)] = int32(len(q.ends))
				q.insert(node)
			}
		}
		for range 300 {
			s := sequence()
			want, ok := values[fmt.Sprint(s)]
			if !ok {
				want = -1
			}
			var c cursor
			got := int32(-1)
			for i, x := range slices.Backward(s) {
				if !q.step(&c, x) {
					break
				}
				if i == 0 {
					got = q.value(c)
				}
			}
			if got != want {
				t.Fatalf("seed %d, %v: got %d, want %d", seed, s, got, want)
			}
		}
	}
}

func TestVotes(t *testing.T) {
	t.Parallel()
	few := vote{}
	few.set(3, 0.3)
	few.set(1, 1)
	few.set(3, 0.5)
	all := vote{all: []float64{0, 1, 0, 0.5}}
	for _, v := range []vote{few, all} {
		if diff := cmp.Diff([]float64{0, 1, 0, 0.5}, v.scores(4)); diff != "" {
			t.Errorf("scores (-want +got):\n%s", diff)
		}
		if got := v.best(); got != (score{1, 1}) {
			t.Errorf("best: got %v", got)
		}
		v.forbid(1)
		if got := v.best(); got != (score{3, 0.5}) {
			t.Errorf("best of the others: got %v", got)
		}
		v.set(1, 0.5)
		if got := v.best(); got != (score{1, 0.5}) {
			t.Errorf("of equals the first action: got %v", got)
		}
		v.forbid(1)
		v.forbid(3)
		if got := v.best(); got != (score{}) {
			t.Errorf("nothing: got %v", got)
		}
	}
}

// T90, T92, T93: how learned policies meet rules. The votes are made up.
func TestChoiceAmongVotes(t *testing.T) {
	t.Parallel()
	d := (&dialogue.Domain{Actions: []string{"listen", "fallback", "a", "b", "text"}, EndToEndActions: []string{"text"}}).Finish()
	e := &Ensemble{domain: d, policies: []member{
		{settings: &settings{Name: tedPolicy, Priority: 1}}, {settings: &settings{Name: ruleBased, Priority: 4}},
	}}
	scores := func(action int, value float64) vote { v := vote{}; v.set(action, value); return v }
	interrupted := &dialogue.LoopInterrupted{IsInterrupted: true}
	entities := &dialogue.EntitiesAdded{}
	rule := scores(1, 0.3)
	rule.events = []dialogue.Event{interrupted}
	loop := scores(3, 1)
	loop.noUser = true
	byText := scores(4, 0.99)
	byText.endToEnd, byText.optional = true, []dialogue.Event{entities}
	for _, c := range []struct {
		name   string
		votes  []vote
		action string
		policy string
		events int
	}{
		{"above the threshold", []vote{scores(2, 0.31), rule}, "a", tedPolicy, 2},
		{"at the threshold the priority counts", []vote{scores(2, 0.3), rule}, "fallback", ruleBased, 2},
		{"below it", []vote{scores(2, 0.29), rule}, "fallback", ruleBased, 2},
		{"a text before a rule", []vote{byText, scores(2, 1)}, "text", tedPolicy, 2},
		{"a loop before a text", []vote{byText, loop}, "b", ruleBased, 1},
		{"who was not asked does not count", []vote{{skipped: true}, scores(2, 1)}, "a", ruleBased, 1},
	} {
		got, _ := e.choose(c.votes, true)
		if got.Action != c.action || got.Policy != c.policy || len(got.Events) != c.events || got.EndToEnd != (c.action == "text") {
			t.Errorf("%s: got %+v", c.name, got)
		}
	}
}
