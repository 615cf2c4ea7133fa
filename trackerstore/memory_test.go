package trackerstore

import (
	"fmt"
	"sync"
	"testing"

	"parley/lockstore"
)

func TestMemoryContract(t *testing.T) {
	t.Parallel()
	testContract(t, func(_ *testing.T, l lockstore.Limits) harness {
		m := NewMemoryWith(MemoryConfig{Limits: l})
		return harness{Store: m, waiting: m.locks.Waiting, forgetsSessions: true}
	})
}

func TestMemoryForgetsTheLeastRecentlyUsed(t *testing.T) {
	t.Parallel()
	d := testDomain()
	m := NewMemoryWith(MemoryConfig{MaxConversations: 3})
	h := harness{Store: m}
	for _, id := range []string{"a", "b", "c"} {
		record(t, h, id, d, said("x"))
	}
	read(t, h, "a", d)
	record(t, h, "d", d, said("x"))
	for id, want := range map[string]bool{"a": true, "b": false, "c": true, "d": true} {
		if _, ok, err := m.Read(t.Context(), id, d, AllSessions); ok != want || err != nil {
			t.Errorf("Read(%s): ok %v, %v; want %v", id, ok, err, want)
		}
	}
	if err := m.Delete(t.Context(), "c"); err != nil {
		t.Errorf("Delete: %v", err)
	}
	record(t, h, "e", d, said("x"))
	read(t, h, "a", d)
}

func TestMemoryStaysBelowItsLimit(t *testing.T) {
	t.Parallel()
	d := testDomain()
	m := NewMemoryWith(MemoryConfig{MaxConversations: 1000})
	for i := range 3000 {
		record(t, harness{Store: m}, fmt.Sprint(i), d, said("x"))
	}
	n := 0
	for i := range m.shards {
		n += len(m.shards[i].kept)
	}
	if n > 1000 || n < 900 {
		t.Errorf("%d conversations are kept, want about 1000 and no more", n)
	}
}

func TestMemoryManyConversationsAtOnce(t *testing.T) {
	t.Parallel()
	d := testDomain()
	h := harness{Store: NewMemory()}
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 200 {
				record(t, h, fmt.Sprint(i), d, said(fmt.Sprint(w)))
			}
		})
	}
	wg.Wait()
	for i := range 200 {
		if n := len(texts(read(t, h, fmt.Sprint(i), d))); n != 8 {
			t.Errorf("conversation %d holds %d messages, want 8", i, n)
		}
	}
}

func BenchmarkMemoryTurn(b *testing.B) {
	d := testDomain()
	m := NewMemory()
	ctx := b.Context()
	for i := range 40 {
		turn, _, err := m.Begin(ctx, "a", d)
		if err != nil {
			b.Fatal(err)
		}
		turn.Tracker.Record(clock, said(fmt.Sprint(i)), did("utter_x"), did("action_listen"))
		if err := turn.Commit(ctx, Commit{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		turn, _, err := m.Begin(ctx, "a", d)
		if err != nil {
			b.Fatal(err)
		}
		if err := turn.Commit(ctx, Commit{}); err != nil {
			b.Fatal(err)
		}
	}
}
