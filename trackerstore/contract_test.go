package trackerstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
	"parley/livetest"
	"parley/lockstore"
)

// harness is a store under test.
type harness struct {
	Store
	// waiting is the number of turns in line for a conversation, its holder not counted.
	waiting func(senderID string) int
	// forgetsSessions marks a store that keeps only what the last turn held.
	forgetsSessions bool
}

// testContract runs the tests that every tracker store must pass. open returns a store of its own for each of them.
func testContract(t *testing.T, open func(*testing.T, lockstore.Limits) harness) {
	t.Helper()
	for _, tc := range []struct {
		name   string
		limits lockstore.Limits
		run    func(*testing.T, harness)
	}{
		{"turns of a conversation never overlap", lockstore.Limits{}, testSerialises},
		{"order of arrival", lockstore.Limits{}, testOrderOfArrival},
		{"conversations do not wait for each other", lockstore.Limits{}, testIndependent},
		{"abort stores nothing", lockstore.Limits{}, testAbort},
		{"commit once", lockstore.Limits{}, testCommitOnce},
		{"stale turn is refused", lockstore.Limits{}, testStaleTurn},
		{"dead context commits nothing", lockstore.Limits{}, testCommitDeadContext},
		{"commit without events makes a conversation", lockstore.Limits{}, testEmptyCommit},
		{"tracker that lost events is refused", lockstore.Limits{}, testShrunkTracker},
		{"store keeps its own tracker", lockstore.Limits{}, testIsolation},
		{"replace", lockstore.Limits{}, testReplace},
		{"delete", lockstore.Limits{}, testDelete},
		{"delete waits its turn", lockstore.Limits{}, testDeleteWaits},
		{"list pages", lockstore.Limits{}, testList},
		{"list while conversations go on", lockstore.Limits{}, testListWhileWriting},
		{"read takes no lock", lockstore.Limits{}, testReadDuringTurn},
		{"read of an unknown conversation stores nothing", lockstore.Limits{}, testReadUnknown},
		{"leave on cancel", lockstore.Limits{}, testLeaveOnCancel},
		{"queue limit", lockstore.Limits{Queue: 2}, testQueueLimit},
		{"wait limit", lockstore.Limits{Wait: 50 * time.Millisecond}, testWaitLimit},
		{"tracker is rebuilt equal", lockstore.Limits{}, testRebuilt},
		{"long session is rebuilt equal", lockstore.Limits{}, testLongSession},
		{"sessions", lockstore.Limits{}, testSessions},
		{"another domain", lockstore.Limits{}, testOtherDomain},
		{"ids of any bytes", lockstore.Limits{}, testAnyID},
		{"context ends with the turn", lockstore.Limits{}, testContextEnds},
		{"repeated request gets its reply", lockstore.Limits{}, testRepeated},
		{"repeated request waits for the first", lockstore.Limits{}, testRepeatedWhileRunning},
		{"turns have an identity", lockstore.Limits{}, testIdentity},
		{"reply is forgotten after 64 turns", lockstore.Limits{}, testRepliesAreBounded},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.run(t, open(t, tc.limits))
		})
	}
}

// testDomain is a domain with two slots.
func testDomain() *dialogue.Domain {
	d := &dialogue.Domain{
		Slots: []dialogue.Slot{
			{Name: "name", Type: dialogue.SlotText},
			{Name: dialogue.SlotSessionMetadata, Type: dialogue.SlotAny, Builtin: true},
		},
		Responses:         map[string][]dialogue.Response{},
		Actions:           slices.Clone(dialogue.DefaultActions),
		SessionExpiration: 60,
		CarryOverSlots:    true,
	}
	for _, name := range dialogue.DefaultIntents {
		d.Intents = append(d.Intents, dialogue.IntentSpec{Name: name})
	}
	slices.SortFunc(d.Intents, func(a, b dialogue.IntentSpec) int { return strings.Compare(a.Name, b.Name) })
	return d.Finish()
}

func said(text string) *dialogue.UserUttered {
	return &dialogue.UserUttered{
		Text: &text,
		Parse: dialogue.Parse{
			Text:     &text,
			Intent:   dialogue.Intent{Name: "greet", Confidence: 0.5},
			Entities: []dialogue.Entity{},
			Ranking:  []dialogue.Intent{},
		},
		InputChannel: "rest",
		MessageID:    "m-" + text,
	}
}

func did(name string) *dialogue.ActionExecuted {
	c := 1.0
	return &dialogue.ActionExecuted{Name: name, Policy: "RulePolicy", Confidence: &c}
}

// texts are the texts of the user's messages.
func texts(t *dialogue.Tracker) []string {
	out := []string{}
	for _, e := range t.Events(0) {
		if u, ok := e.(*dialogue.UserUttered); ok && u.Text != nil {
			out = append(out, *u.Text)
		}
	}
	return out
}

func dump(t *dialogue.Tracker) string { return string(t.AppendJSON(nil, dialogue.EventsAll)) }

// clock stamps events with growing times.
const clock = 1_700_000_000.0

func begin(t *testing.T, h harness, id string, d *dialogue.Domain) *Turn {
	t.Helper()
	turn, _, err := h.Begin(t.Context(), id, d)
	if err != nil {
		t.Fatalf("Begin(%.40q): %v", id, err)
	}
	return turn
}

func commit(t *testing.T, turn *Turn, c Commit) {
	t.Helper()
	if err := turn.Commit(t.Context(), c); err != nil {
		t.Fatalf("Commit: %v", err)
	}
}

// record runs a whole turn that appends events.
func record(t *testing.T, h harness, id string, d *dialogue.Domain, events ...dialogue.Event) {
	t.Helper()
	turn := begin(t, h, id, d)
	turn.Tracker.Record(clock, events...)
	commit(t, turn, Commit{})
}

func read(t *testing.T, h harness, id string, d *dialogue.Domain) *dialogue.Tracker {
	t.Helper()
	tr, ok, err := h.Read(t.Context(), id, d, AllSessions)
	if err != nil || !ok {
		t.Fatalf("Read(%.40q): ok %v, %v", id, ok, err)
	}
	return tr
}

func wantTexts(t *testing.T, tr *dialogue.Tracker, want ...string) {
	t.Helper()
	if diff := cmp.Diff(append([]string{}, want...), texts(tr)); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

func testSerialises(t *testing.T, h harness) {
	d := testDomain()
	const workers, turns = 8, 10
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range turns {
				turn, ctx, err := h.Begin(t.Context(), "a", d)
				if err != nil {
					t.Errorf("Begin: %v", err)
					return
				}
				turn.Tracker.Record(clock, said(fmt.Sprint(len(texts(turn.Tracker)))))
				if err := turn.Commit(ctx, Commit{}); err != nil {
					t.Errorf("Commit: %v", err)
				}
			}
		})
	}
	wg.Wait()
	want := make([]string, workers*turns)
	for i := range want {
		want[i] = fmt.Sprint(i)
	}
	wantTexts(t, read(t, h, "a", d), want...)
}

func testOrderOfArrival(t *testing.T, h harness) {
	d := testDomain()
	held := begin(t, h, "a", d)
	var wg sync.WaitGroup
	want := []string{}
	for i := range 10 {
		wg.Go(func() { record(t, h, "a", d, said(fmt.Sprint(i))) })
		livetest.Await(t, "the ticket", func() bool { return h.waiting("a") == i+1 })
		want = append(want, fmt.Sprint(i))
	}
	held.Abort()
	wg.Wait()
	wantTexts(t, read(t, h, "a", d), want...)
}

func testIndependent(t *testing.T, h harness) {
	d := testDomain()
	a, b := begin(t, h, "a", d), begin(t, h, "b", d)
	a.Tracker.Record(clock, said("to a"))
	b.Tracker.Record(clock, said("to b"))
	commit(t, b, Commit{})
	commit(t, a, Commit{})
	wantTexts(t, read(t, h, "a", d), "to a")
	wantTexts(t, read(t, h, "b", d), "to b")
}

func testAbort(t *testing.T, h harness) {
	d := testDomain()
	turn := begin(t, h, "a", d)
	turn.Tracker.Record(clock, said("lost"))
	turn.Abort()
	turn.Abort()
	if _, ok, err := h.Read(t.Context(), "a", d, AllSessions); ok || err != nil {
		t.Errorf("Read after an aborted first turn: ok %v, %v", ok, err)
	}
	record(t, h, "a", d, said("kept"))
	turn = begin(t, h, "a", d)
	if !turn.Exists {
		t.Error("Exists is false for a stored conversation")
	}
	turn.Tracker.Record(clock, said("lost"))
	turn.Abort()
	wantTexts(t, read(t, h, "a", d), "kept")
}

func testCommitOnce(t *testing.T, h harness) {
	d := testDomain()
	turn := begin(t, h, "a", d)
	turn.Tracker.Record(clock, said("once"))
	commit(t, turn, Commit{})
	next := begin(t, h, "a", d)
	turn.Abort() // must not give the next turn's conversation away
	if err := turn.Commit(t.Context(), Commit{}); !errors.Is(err, ErrConflict) {
		t.Errorf("second Commit: %v, want ErrConflict", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, _, err := h.Begin(ctx, "a", d); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Begin during a turn: %v, want the deadline's error", err)
	}
	next.Abort()
	wantTexts(t, read(t, h, "a", d), "once")
}

func testStaleTurn(t *testing.T, h harness) {
	d := testDomain()
	stale := begin(t, h, "a", d)
	stale.Tracker.Record(clock, said("stale"))
	stale.Abort()
	record(t, h, "a", d, said("newer"))
	if err := stale.Commit(t.Context(), Commit{}); !errors.Is(err, ErrConflict) {
		t.Errorf("Commit of a turn that was given back: %v, want ErrConflict", err)
	}
	wantTexts(t, read(t, h, "a", d), "newer")
}

func testCommitDeadContext(t *testing.T, h harness) {
	d := testDomain()
	turn := begin(t, h, "a", d)
	turn.Tracker.Record(clock, said("late"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := turn.Commit(ctx, Commit{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Commit: %v, want context.Canceled", err)
	}
	record(t, h, "a", d, said("next"))
	wantTexts(t, read(t, h, "a", d), "next")
}

func testEmptyCommit(t *testing.T, h harness) {
	d := testDomain()
	commit(t, begin(t, h, "a", d), Commit{})
	if tr := read(t, h, "a", d); tr.Len() != 0 {
		t.Errorf("%d events, want none", tr.Len())
	}
	turn := begin(t, h, "a", d)
	defer turn.Abort()
	if !turn.Exists {
		t.Error("Exists is false for a stored conversation without events")
	}
}

func testShrunkTracker(t *testing.T, h harness) {
	d := testDomain()
	record(t, h, "a", d, said("one"), said("two"))
	turn := begin(t, h, "a", d)
	turn.Tracker = dialogue.NewTracker("a", d)
	if err := turn.Commit(t.Context(), Commit{}); err == nil {
		t.Error("Commit of a tracker with fewer events than before succeeded")
	}
	wantTexts(t, read(t, h, "a", d), "one", "two")
}

func testIsolation(t *testing.T, h harness) {
	d := testDomain()
	turn := begin(t, h, "a", d)
	turn.Tracker.Record(clock, said("one"))
	commit(t, turn, Commit{})
	turn.Tracker.Record(clock, said("after the commit"))
	view := read(t, h, "a", d)
	wantTexts(t, view, "one")
	view.Record(clock, said("in a view"))
	turn = begin(t, h, "a", d)
	turn.Tracker.Record(clock, said("aborted"))
	turn.Abort()
	turn = begin(t, h, "a", d)
	wantTexts(t, turn.Tracker, "one")
	turn.Abort()
	wantTexts(t, read(t, h, "a", d), "one")
}

func testReplace(t *testing.T, h harness) {
	d := testDomain()
	record(t, h, "a", d, said("one"))
	record(t, h, "a", d, did(dialogue.ActionSessionStart), &dialogue.SessionStarted{}, said("two"))
	turn := begin(t, h, "a", d)
	turn.Tracker = dialogue.NewTracker("a", d)
	turn.Tracker.Record(clock, said("instead"))
	commit(t, turn, Commit{Replace: true})
	wantTexts(t, read(t, h, "a", d), "instead")
	record(t, h, "a", d, said("and on"))
	wantTexts(t, read(t, h, "a", d), "instead", "and on")

	turn = begin(t, h, "a", d)
	turn.Tracker = dialogue.NewTracker("a", d)
	commit(t, turn, Commit{Replace: true})
	wantTexts(t, read(t, h, "a", d))

	turn = begin(t, h, "new", d)
	turn.Tracker.Record(clock, said("first"))
	commit(t, turn, Commit{Replace: true})
	wantTexts(t, read(t, h, "new", d), "first")
}

func testDelete(t *testing.T, h harness) {
	d := testDomain()
	if err := h.Delete(t.Context(), "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Delete of an unknown conversation: %v, want ErrNotFound", err)
	}
	record(t, h, "a", d, said("one"))
	if err := h.Delete(t.Context(), "a"); err != nil {
		t.Errorf("Delete: %v", err)
	}
	if _, ok, err := h.Read(t.Context(), "a", d, AllSessions); ok || err != nil {
		t.Errorf("Read after Delete: ok %v, %v", ok, err)
	}
	if ids := listAll(t, h, 10); len(ids) != 0 {
		t.Errorf("List after Delete: %q", ids)
	}
	turn := begin(t, h, "a", d)
	if turn.Exists || turn.Tracker.Len() != 0 {
		t.Errorf("turn after Delete: exists %v with %d events", turn.Exists, turn.Tracker.Len())
	}
	turn.Tracker.Record(clock, said("again"))
	commit(t, turn, Commit{})
	wantTexts(t, read(t, h, "a", d), "again")
}

func testDeleteWaits(t *testing.T, h harness) {
	d := testDomain()
	turn := begin(t, h, "a", d)
	deleted := make(chan error, 1)
	go func() { deleted <- h.Delete(t.Context(), "a") }()
	livetest.Await(t, "Delete to stand in line", func() bool { return h.waiting("a") == 1 })
	turn.Tracker.Record(clock, said("one"))
	commit(t, turn, Commit{})
	if err := <-deleted; err != nil {
		t.Errorf("Delete behind the first turn: %v", err)
	}
	if _, ok, err := h.Read(t.Context(), "a", d, AllSessions); ok || err != nil {
		t.Errorf("Read after Delete: ok %v, %v", ok, err)
	}
}

func listAll(t *testing.T, h harness, limit int) []string {
	t.Helper()
	var all []string
	cursor := ""
	for range 10_000 {
		ids, next, err := h.List(t.Context(), cursor, limit)
		if err != nil {
			t.Fatalf("List(%q): %v", cursor, err)
		}
		if len(ids) > limit {
			t.Fatalf("List(%q) returned %d ids, limit %d", cursor, len(ids), limit)
		}
		all = append(all, ids...)
		if next == "" {
			return all
		}
		cursor = next
	}
	t.Fatal("List does not end")
	return nil
}

func testList(t *testing.T, h harness) {
	d := testDomain()
	if ids := listAll(t, h, 5); len(ids) != 0 {
		t.Errorf("List of an empty store: %q", ids)
	}
	want := []string{"", "äöü", "nul\x00"}
	for i := range 22 {
		want = append(want, fmt.Sprintf("id-%d", i))
	}
	for _, id := range want {
		record(t, h, id, d, said("x"))
	}
	slices.Sort(want)
	for _, limit := range []int{1, 4, 25, 1000} {
		first := listAll(t, h, limit)
		if diff := cmp.Diff(first, listAll(t, h, limit)); diff != "" {
			t.Errorf("two listings with limit %d differ:\n%s", limit, diff)
		}
		slices.Sort(first)
		if diff := cmp.Diff(want, first); diff != "" {
			t.Errorf("ids with limit %d (-want +got):\n%s", limit, diff)
		}
	}
	if _, _, err := h.List(t.Context(), "", 0); err == nil {
		t.Error("List with limit 0 succeeded")
	}
}

func testListWhileWriting(t *testing.T, h harness) {
	d := testDomain()
	for i := range 9 {
		record(t, h, fmt.Sprint(i), d, said("x"))
	}
	seen := map[string]int{}
	cursor := ""
	for page := 0; ; page++ {
		ids, next, err := h.List(t.Context(), cursor, 2)
		if err != nil {
			t.Fatalf("List: %v", err)
		}
		for _, id := range ids {
			seen[id]++
		}
		record(t, h, fmt.Sprint(page%9), d, said("y"))
		record(t, h, fmt.Sprintf("new-%d", page%20), d, said("y"))
		if cursor = next; cursor == "" {
			break
		}
	}
	for i := range 9 {
		if n := seen[fmt.Sprint(i)]; n != 1 {
			t.Errorf("conversation %d was listed %d times", i, n)
		}
	}
}

func testReadDuringTurn(t *testing.T, h harness) {
	d := testDomain()
	record(t, h, "a", d, said("one"))
	turn := begin(t, h, "a", d)
	turn.Tracker.Record(clock, said("two"))
	wantTexts(t, read(t, h, "a", d), "one")
	commit(t, turn, Commit{})
	wantTexts(t, read(t, h, "a", d), "one", "two")
}

func testReadUnknown(t *testing.T, h harness) {
	d := testDomain()
	if tr, ok, err := h.Read(t.Context(), "a", d, LatestSession); tr != nil || ok || err != nil {
		t.Errorf("Read = %v, %v, %v; want nothing", tr, ok, err)
	}
	if ids := listAll(t, h, 10); len(ids) != 0 {
		t.Errorf("List after Read: %q", ids)
	}
	turn := begin(t, h, "a", d)
	defer turn.Abort()
	if turn.Exists {
		t.Error("Exists is true after Read of an unknown conversation")
	}
}
