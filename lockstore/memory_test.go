package lockstore

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestMemoryContract(t *testing.T) {
	t.Parallel()
	testContract(t, func(_ *testing.T, l Limits) contractStore { return NewMemory(l) })
}

func TestMemoryKeepsNothingOfFreeKeys(t *testing.T) {
	t.Parallel()
	m := NewMemory(Limits{})
	acquire(t, m, "k").Release()
	for i := range m.shards {
		if n := len(m.shards[i].lines); n != 0 {
			t.Errorf("shard %d keeps %d lines", i, n)
		}
	}
}

func TestMemoryWaitsForAMinuteByDefault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(Limits{})
		held, err := m.Acquire(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		defer held.Release()
		start := time.Now()
		if _, err := m.Acquire(t.Context(), "k"); !errors.Is(err, ErrTimeout) {
			t.Errorf("Acquire: %v, want ErrTimeout", err)
		}
		if d := time.Since(start); d != time.Minute {
			t.Errorf("waited %s, want a minute", d)
		}
	})
}

func TestMemoryHonoursTheDeadlineOfItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(Limits{})
		held, err := m.Acquire(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		defer held.Release()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		if _, err := m.Acquire(ctx, "k"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Acquire: %v, want the deadline's error", err)
		}
		if d := time.Since(start); d != 3*time.Second {
			t.Errorf("waited %s, want 3 s", d)
		}
	})
}

func BenchmarkMemoryUncontended(b *testing.B) {
	m := NewMemory(Limits{})
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		l, err := m.Acquire(ctx, "sender")
		if err != nil {
			b.Fatal(err)
		}
		l.Release()
	}
}
