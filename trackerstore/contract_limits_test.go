package trackerstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
	"parley/livetest"
)

func testLeaveOnCancel(t *testing.T, h harness) {
	d := testDomain()
	held := begin(t, h, "a", d)
	ctx, cancel := context.WithCancelCause(t.Context())
	left := make(chan error, 1)
	go func() {
		_, _, err := h.Begin(ctx, "a", d)
		left <- err
	}()
	livetest.Await(t, "the ticket", func() bool { return h.waiting("a") == 1 })
	cancel(ErrDraining)
	if err := <-left; !errors.Is(err, context.Canceled) || !errors.Is(err, ErrDraining) {
		t.Errorf("cancelled Begin: %v, want context.Canceled and its cause", err)
	}
	livetest.Await(t, "the ticket to leave", func() bool { return h.waiting("a") == 0 })
	held.Abort()
	record(t, h, "a", d, said("next"))
}

func testQueueLimit(t *testing.T, h harness) {
	d := testDomain()
	held := begin(t, h, "a", d)
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() { record(t, h, "a", d, said(fmt.Sprint(i))) })
		livetest.Await(t, "the ticket", func() bool { return h.waiting("a") == i+1 })
	}
	if _, _, err := h.Begin(t.Context(), "a", d); !errors.Is(err, ErrTooManyPending) {
		t.Errorf("Begin behind a full line: %v, want ErrTooManyPending", err)
	}
	held.Abort()
	wg.Wait()
	wantTexts(t, read(t, h, "a", d), "0", "1")
}

func testWaitLimit(t *testing.T, h harness) {
	d := testDomain()
	held := begin(t, h, "a", d)
	if _, _, err := h.Begin(t.Context(), "a", d); !errors.Is(err, ErrLockTimeout) {
		t.Errorf("Begin during a turn: %v, want ErrLockTimeout", err)
	}
	held.Abort()
	record(t, h, "a", d, said("next"))
	wantTexts(t, read(t, h, "a", d), "next")
}

func testSessions(t *testing.T, h harness) {
	d := testDomain()
	session := func() []dialogue.Event {
		return []dialogue.Event{did(dialogue.ActionSessionStart), &dialogue.SessionStarted{}, did(dialogue.ActionListen)}
	}
	record(t, h, "a", d, append(session(), said("one"))...)
	record(t, h, "a", d, append(session(), said("two"))...)
	wantTexts(t, read(t, h, "a", d), "one", "two") // both sessions were in the last turn's hands
	turn := begin(t, h, "a", d)
	wantTexts(t, turn.Tracker, "two")
	turn.Tracker.Record(clock, said("three"))
	commit(t, turn, Commit{})
	latest, _, err := h.Read(t.Context(), "a", d, LatestSession)
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	wantTexts(t, latest, "two", "three")
	if h.forgetsSessions {
		wantTexts(t, read(t, h, "a", d), "two", "three")
	} else {
		wantTexts(t, read(t, h, "a", d), "one", "two", "three")
	}
}

func testOtherDomain(t *testing.T, h harness) {
	first := testDomain()
	record(t, h, "a", first, said("one"), &dialogue.SlotSet{Name: "name", Value: "Ada"})
	other := testDomain()
	other.Slots = append(other.Slots, dialogue.Slot{Name: "more", Type: dialogue.SlotAny, Initial: "there"})
	other.Finish()
	turn := begin(t, h, "a", other)
	if turn.Tracker.Domain() != other {
		t.Error("the turn's tracker has the first domain")
	}
	if v, ok := turn.Tracker.Slot("more"); !ok || v != "there" {
		t.Errorf("slot of the other domain is %v, %v", v, ok)
	}
	if v, _ := turn.Tracker.Slot("name"); v != "Ada" {
		t.Errorf("slot set under the first domain is %v", v)
	}
	turn.Tracker.Record(clock, said("two"))
	commit(t, turn, Commit{})
	wantTexts(t, read(t, h, "a", first), "one", "two")
}

func testAnyID(t *testing.T, h harness) {
	d := testDomain()
	ids := []string{"", " ", "a/b", "../a", "{a}b", "}{", "{}", "äöü 🙂", "nul\x00nul", "bar|bar", "a:m", "%s\n", strings.Repeat("x", 10_000)}
	for _, id := range ids {
		record(t, h, id, d, said("to "+id))
		record(t, h, id, d, said("again"))
	}
	for _, id := range ids {
		tr := read(t, h, id, d)
		wantTexts(t, tr, "to "+id, "again")
		if tr.SenderID != id {
			t.Errorf("SenderID = %.40q, want %.40q", tr.SenderID, id)
		}
	}
	got := listAll(t, h, 5)
	slices.Sort(got)
	slices.Sort(ids)
	if diff := cmp.Diff(ids, got); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
	for _, id := range ids {
		if err := h.Delete(t.Context(), id); err != nil {
			t.Errorf("Delete(%.40q): %v", id, err)
		}
	}
	if left := listAll(t, h, 5); len(left) != 0 {
		t.Errorf("left after Delete: %q", left)
	}
}

func testContextEnds(t *testing.T, h harness) {
	d := testDomain()
	for _, end := range []func(*Turn){
		func(turn *Turn) { turn.Abort() },
		func(turn *Turn) { commit(t, turn, Commit{}) },
	} {
		turn, ctx, err := h.Begin(t.Context(), "a", d)
		if err != nil {
			t.Fatal(err)
		}
		if ctx.Err() != nil {
			t.Errorf("the context of a new turn: %v", ctx.Err())
		}
		end(turn)
		if !errors.Is(ctx.Err(), context.Canceled) {
			t.Errorf("the context after the turn: %v, want context.Canceled", ctx.Err())
		}
	}
}
