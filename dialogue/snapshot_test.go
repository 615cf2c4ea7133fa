package dialogue

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var pointer = regexp.MustCompile(`0x[0-9a-f]+`)

// described is what a state is, not which events are in it.
func (s *State) described() string {
	b := []byte(pointer.ReplaceAllString(s.summary(), "."))
	for _, e := range []Event{s.LatestMessage, s.LatestBot, s.LatestAction} {
		if !reflect.ValueOf(e).IsNil() {
			b = AppendEventJSON(append(b, ' '), e)
		}
	}
	for i := range s.Entities {
		b = AppendString(append(b, ' '), s.Entities[i].Entity)
	}
	b = AppendJSON(append(b, ' '), s.UseText != nil && *s.UseText)
	if s.Loop != nil && s.Loop.Trigger != nil {
		b = AppendEventJSON(append(b, " trigger "...), s.Loop.Trigger)
	}
	return string(b)
}

// dumpAll is everything that can be seen of a tracker, its history too.
func dumpAll(t *Tracker) string {
	b := t.AppendJSON(nil, EventsAll)
	b = append(b, '\n')
	b = append(t.AppendJSON(b, EventsApplied), '\n')
	b = append(t.AppendJSON(b, EventsAfterRestart), '\n')
	for m := range t.Moments() {
		b = fmt.Appendf(b, "%s %d\n", m.State.described(), m.Shown)
	}
	if m, settled, ok := t.Beginning(); ok {
		b = fmt.Appendf(b, "begins with %s %d %v\n", m.State.described(), m.Shown, settled)
	}
	for e := range t.Backward() {
		b = append(append(b, e.Kind()...), ' ')
	}
	return string(b)
}

// compareWithSnapshots plays events on two trackers. A byte over 200 does the same to both: it copies, rebuilds, or makes one of them
// anew from its snapshot. History is looked at only where a byte says so, and at the end.
func compareWithSnapshots(t *testing.T, d *Domain, script []byte) (count int) {
	t.Helper()
	whole, cut := NewTracker("s", d), NewTracker("s", d)
	check := func(i int, history bool) {
		t.Helper()
		if got, want := cut.State().described(), whole.State().described(); got != want || cut.Len() != whole.Len() ||
			cut.AppliedLen() != whole.AppliedLen() || cut.MomentCount() != whole.MomentCount() {
			t.Fatalf("%v after %d: state\n%s\nwant\n%s", script, i, got, want)
		}
		if history {
			var oldest Moment
			for m := range whole.Moments() {
				oldest = m
			}
			if m, _, ok := whole.Beginning(); ok != (oldest.Action != nil) || ok && m != oldest {
				t.Fatalf("%v after %d: begins with %v, want %v", script, i, m, oldest)
			}
			if got, want := dumpAll(cut), dumpAll(whole); got != want || cut.HistoryErr() != nil {
				t.Fatalf("%v after %d (%v):\n%s\nwant\n%s", script, i, cut.HistoryErr(), got, want)
			}
		}
	}
	for i, b := range script {
		switch {
		case b > 225:
			stored := AppendEventsJSON(nil, whole.Events(0))
			data, made, ok := cut.Snapshot()
			whole, cut = whole.Copy(), cut.Copy()
			if !ok || whole.Len() == 0 {
				break
			}
			read, err := FromSnapshot("s", d, data)
			if err != nil {
				t.Fatalf("%v after %d: %v in %s", script, i, err, data)
			}
			if cut = read; b%2 == 0 {
				cut = made
			}
			cut.OnHistory(func() ([]Event, error) { return DecodeStoredEvents(stored) })
			count++
		case b > 215:
			whole, cut = whole.Rebuilt(false), cut.Rebuilt(false)
		case b > 210:
			whole, cut = whole.Rebuilt(true), cut.Rebuilt(true)
		case b > 205:
			check(i, true)
		default:
			e := alphabet(b, i)
			e.Head().Timestamp = float64(i + 1)
			if a, ok := e.(*ActionExecuted); ok {
				a.HideRuleTurn = i%2 == 0
			}
			whole.Append(e)
			cut.Append(e)
		}
		check(i, false)
	}
	check(len(script), true)
	return count
}

func TestSnapshotsCannotBeToldFromTheirTrackers(t *testing.T) {
	t.Parallel()
	d := testDomain()
	rng := rand.New(rand.NewPCG(3, 4))
	made := 0
	for range 800 {
		script := make([]byte, 3+rng.IntN(60))
		for i := range script {
			script[i] = byte(rng.IntN(256))
		}
		made += compareWithSnapshots(t, d, script)
	}
	if made < 1000 {
		t.Errorf("only %d snapshots were made", made)
	}
}

func FuzzSnapshot(f *testing.F) {
	f.Add([]byte{0, 12, 4, 27, 0, 230, 12, 4, 29, 0})
	f.Add([]byte{4, 0, 12, 4, 27, 0, 240, 21, 22, 250, 12, 4})
	d := testDomain()
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 60 {
			script = script[:60]
		}
		compareWithSnapshots(t, d, script)
	})
}

func FuzzFromSnapshot(f *testing.F) {
	tr := history(40)
	data, _, _ := tr.Snapshot()
	f.Add(data)
	f.Fuzz(func(_ *testing.T, data []byte) {
		if tr, err := FromSnapshot("s", testDomain(), data); err == nil {
			_ = dumpAll(tr)
		}
	})
}

// TestSnapshotKnowsWithoutTheHistory shows what needs no look at the events before, and what does.
func TestSnapshotKnowsWithoutTheHistory(t *testing.T) {
	t.Parallel()
	whole := history(200)
	data, _, ok := whole.Snapshot()
	if !ok || len(data) > 3000 {
		t.Fatalf("a snapshot of %d bytes, ok %v", len(data), ok)
	}
	tr, err := FromSnapshot("s", whole.Domain(), data)
	if err != nil {
		t.Fatal(err)
	}
	loads := 0
	tr.OnHistory(func() ([]Event, error) { loads++; return whole.Events(0), nil })
	tr.Append(turn()...)
	tr = tr.Rebuilt(true)
	seen := 0
	for m := range tr.Moments() {
		if seen++; m.State.LatestIntent() != "greet" || seen == 3 {
			break
		}
	}
	for e := range tr.Backward() {
		if e.Kind() == KindUser {
			break
		}
	}
	if loads != 0 || tr.HistoryLoaded() || seen != 3 {
		t.Errorf("%d loads after %d moments", loads, seen)
	}
	if n := len(tr.Events(0)); n != whole.Len()+len(turn()) || loads != 1 || !tr.HistoryLoaded() {
		t.Errorf("%d events after %d loads", n, loads)
	}
}

func TestSnapshotWithoutItsHistory(t *testing.T) {
	t.Parallel()
	whole := history(60)
	data, _, _ := whole.Snapshot()
	broken := errors.New("broken")
	for name, load := range map[string]func() ([]Event, error){
		"not to be had": nil,
		"fails":         func() ([]Event, error) { return nil, broken },
		"is too short":  func() ([]Event, error) { return whole.Events(1), nil },
	} {
		tr, err := FromSnapshot("s", whole.Domain(), data)
		if err != nil {
			t.Fatal(err)
		}
		if load != nil {
			tr.OnHistory(load)
		}
		tr.Append(turn()...)
		if tr.HistoryErr() != nil {
			t.Errorf("%s: %v before anybody has looked", name, tr.HistoryErr())
		}
		_ = dumpAll(tr)
		if err := tr.HistoryErr(); err == nil || name == "fails" && !errors.Is(err, broken) {
			t.Errorf("%s: the error is %v", name, err)
		}
		tr.OnHistory(func() ([]Event, error) { return whole.Events(0), nil })
		if got := len(tr.Copy().Events(0)); got != 0 || tr.HistoryErr() == nil {
			t.Errorf("%s, then found: %d events, though others were shown none", name, got)
		}
	}
}

func TestSnapshotThatDoesNotFit(t *testing.T) {
	t.Parallel()
	tr := history(60)
	data, _, _ := tr.Snapshot()
	other := &Domain{Slots: slices.Clone(tr.Domain().Slots)}
	other.Slots[0].Initial = "else"
	for name, tc := range map[string]struct {
		d    *Domain
		data []byte
	}{
		"other slots":     {other.Finish(), data},
		"another version": {tr.Domain(), bytes.Replace(data, []byte(`{"v":1`), []byte(`{"v":2`), 1)},
		"cut off":         {tr.Domain(), data[:len(data)/2]},
		"empty":           {tr.Domain(), nil},
		"no such event":   {tr.Domain(), []byte(strings.Replace(string(data), `"user":`, `"user":9`, 1))},
	} {
		if _, err := FromSnapshot("s", tc.d, tc.data); !errors.Is(err, ErrSnapshot) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkSnapshot(b *testing.B) {
	tr := history(100)
	data, _, _ := tr.Snapshot()
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			_, _, _ = tr.Snapshot()
		}
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := FromSnapshot("s", tr.Domain(), data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
