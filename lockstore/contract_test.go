package lockstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/livetest"
)

// contractStore is what the contract needs of an implementation.
type contractStore interface {
	Store
	// Waiting is the number of tickets in line.
	Waiting(key string) int
}

// testContract runs the tests that every lock store must pass. open returns a store of its own for each of them.
func testContract(t *testing.T, open func(*testing.T, Limits) contractStore) {
	t.Helper()
	for _, tc := range []struct {
		name   string
		limits Limits
		run    func(*testing.T, contractStore)
	}{
		{"one holder at a time", Limits{}, testOneHolder},
		{"keys do not wait for each other", Limits{}, testKeysAreIndependent},
		{"order of arrival", Limits{}, testOrderOfArrival},
		{"release twice frees once", Limits{}, testReleaseTwice},
		{"leave on cancel", Limits{}, testLeaveOnCancel},
		{"leave when the client goes", Limits{}, testLeaveOfAClient},
		{"a client that goes when it is its turn", Limits{}, testClientGoneAtItsTurn},
		{"dead context is refused", Limits{}, testDeadContext},
		{"cause of the cancellation is told", Limits{}, testCause},
		{"cancel and grant at once lose no key", Limits{}, testCancelRace},
		{"queue limit", Limits{Queue: 2}, testQueueLimit},
		{"wait limit", Limits{Wait: 50 * time.Millisecond}, testWaitLimit},
		{"keys of any bytes", Limits{}, testAnyKey},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.run(t, open(t, tc.limits))
		})
	}
}

func acquire(t *testing.T, s Store, key string) *Lease {
	t.Helper()
	l, err := s.Acquire(t.Context(), key)
	if err != nil {
		t.Fatalf("Acquire(%.40q): %v", key, err)
	}
	return l
}

// stand has a request wait for the key "k", at a place in line, and tells how that ends. It gives the key back at once.
func stand(ctx context.Context, t *testing.T, s contractStore, place int) <-chan error {
	t.Helper()
	end := make(chan error, 1)
	go func() {
		l, err := s.Acquire(ctx, "k")
		if err == nil {
			l.Release()
		}
		end <- err
	}()
	livetest.Await(t, "the ticket", func() bool { return s.Waiting("k") == place })
	return end
}

func testOneHolder(t *testing.T, s contractStore) {
	var inside, overlaps atomic.Int32
	counter := 0 // guarded by the key
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 25 {
				l, err := s.Acquire(t.Context(), "k")
				if err != nil {
					t.Errorf("Acquire: %v", err)
					return
				}
				if inside.Add(1) > 1 {
					overlaps.Add(1)
				}
				counter++
				inside.Add(-1)
				l.Release()
			}
		})
	}
	wg.Wait()
	if counter != 200 || overlaps.Load() != 0 {
		t.Errorf("counted %d of 200 with %d overlaps", counter, overlaps.Load())
	}
}

func testKeysAreIndependent(t *testing.T, s contractStore) {
	a := acquire(t, s, "a")
	b := acquire(t, s, "b")
	a.Release()
	b.Release()
	acquire(t, s, "a").Release()
}

func testOrderOfArrival(t *testing.T, s contractStore) {
	held := acquire(t, s, "k")
	const n = 10
	var mu sync.Mutex
	var order, want []int
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			l, err := s.Acquire(t.Context(), "k")
			if err != nil {
				t.Errorf("Acquire: %v", err)
				return
			}
			mu.Lock()
			order = append(order, i)
			mu.Unlock()
			l.Release()
		})
		livetest.Await(t, "the ticket", func() bool { return s.Waiting("k") == i+1 })
		want = append(want, i)
	}
	held.Release()
	wg.Wait()
	if diff := cmp.Diff(want, order); diff != "" {
		t.Errorf("order of grants (-arrival +granted):\n%s", diff)
	}
}

func testReleaseTwice(t *testing.T, s contractStore) {
	first := acquire(t, s, "k")
	first.Release()
	second := acquire(t, s, "k")
	first.Release() // must not free the second holder's key
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.Acquire(ctx, "k"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Acquire of a held key: %v, want the deadline's error", err)
	}
	second.Release()
}

func testLeaveOnCancel(t *testing.T, s contractStore) {
	held := acquire(t, s, "k")
	ctx, cancel := context.WithCancel(t.Context())
	left := stand(ctx, t, s, 1)
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled Acquire: %v, want context.Canceled", err)
	}
	livetest.Await(t, "the ticket to leave", func() bool { return s.Waiting("k") == 0 })
	held.Release()
	acquire(t, s, "k").Release()
}

func testLeaveOfAClient(t *testing.T, s contractStore) {
	held := acquire(t, s, "k")
	var gone atomic.Bool
	left := stand(WithClient(t.Context(), gone.Load), t, s, 1)
	gone.Store(true)
	if err := <-left; !errors.Is(err, ErrGone) {
		t.Errorf("Acquire: %v, want ErrGone", err)
	}
	livetest.Await(t, "the ticket to leave", func() bool { return s.Waiting("k") == 0 })
	held.Release()
	acquire(t, s, "k").Release()
}

// testClientGoneAtItsTurn: the key is granted, or about to be, to who turns out to have gone. The next gets it.
func testClientGoneAtItsTurn(t *testing.T, s contractStore) {
	held := acquire(t, s, "k")
	var gone atomic.Bool
	left := stand(WithClient(t.Context(), gone.Load), t, s, 1)
	next := stand(t.Context(), t, s, 2)
	gone.Store(true)
	held.Release()
	if err := <-left; !errors.Is(err, ErrGone) {
		t.Errorf("who is gone: %v, want ErrGone", err)
	}
	if err := <-next; err != nil {
		t.Errorf("the next: %v", err)
	}
}

func testDeadContext(t *testing.T, s contractStore) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Acquire(ctx, "k"); !errors.Is(err, context.Canceled) {
		t.Errorf("Acquire: %v, want context.Canceled", err)
	}
	acquire(t, s, "k").Release()
}

func testCause(t *testing.T, s contractStore) {
	held := acquire(t, s, "k")
	defer held.Release()
	drain := errors.New("draining")
	ctx, cancel := context.WithCancelCause(t.Context())
	left := stand(ctx, t, s, 1)
	cancel(drain)
	if err := <-left; !errors.Is(err, drain) || !errors.Is(err, context.Canceled) {
		t.Errorf("Acquire: %v, want both context.Canceled and its cause", err)
	}
}

func testCancelRace(t *testing.T, s contractStore) {
	for i := range 50 {
		held := acquire(t, s, "k")
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if l, err := s.Acquire(ctx, "k"); err == nil {
				l.Release()
			}
		})
		livetest.Await(t, "the ticket", func() bool { return s.Waiting("k") == 1 })
		wg.Go(held.Release)
		wg.Go(cancel)
		wg.Wait()
		livetest.Await(t, fmt.Sprintf("an empty line in round %d", i), func() bool { return s.Waiting("k") == 0 })
	}
	acquire(t, s, "k").Release()
}

func testQueueLimit(t *testing.T, s contractStore) {
	held := acquire(t, s, "k")
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			l, err := s.Acquire(t.Context(), "k")
			if err != nil {
				t.Errorf("Acquire: %v", err)
				return
			}
			l.Release()
		})
		livetest.Await(t, "the ticket", func() bool { return s.Waiting("k") == i+1 })
	}
	if _, err := s.Acquire(t.Context(), "k"); !errors.Is(err, ErrTooManyPending) {
		t.Errorf("Acquire behind a full line: %v, want ErrTooManyPending", err)
	}
	if n := s.Waiting("k"); n != 2 {
		t.Errorf("%d in line after the refusal, want 2", n)
	}
	held.Release()
	wg.Wait()
	acquire(t, s, "k").Release()
}

func testWaitLimit(t *testing.T, s contractStore) {
	held := acquire(t, s, "k")
	if _, err := s.Acquire(t.Context(), "k"); !errors.Is(err, ErrTimeout) {
		t.Errorf("Acquire of a held key: %v, want ErrTimeout", err)
	}
	livetest.Await(t, "the ticket to leave", func() bool { return s.Waiting("k") == 0 })
	held.Release()
	acquire(t, s, "k").Release()
}

func testAnyKey(t *testing.T, s contractStore) {
	keys := []string{"", " ", "a/b", "{a}b", "}{", "{}", "äöü 🙂", "nul\x00nul", "bar|bar", "%s\n", "\xff\xfe", strings.Repeat("x", 10_000)}
	held := make([]*Lease, 0, len(keys))
	for _, k := range keys {
		l := acquire(t, s, k)
		if l.Key() != k {
			t.Errorf("Key() = %.40q, want %.40q", l.Key(), k)
		}
		held = append(held, l)
	}
	for _, l := range held {
		l.Release()
	}
}

func TestOver(t *testing.T) {
	t.Parallel()
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(5*time.Millisecond))
	defer cancel()
	livetest.Await(t, "the deadline", func() bool { deadline, _ := late.Deadline(); return !time.Now().Before(deadline) })
	early, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	left, cancel := context.WithCancel(t.Context())
	cancel()
	got := []bool{Over(late), Over(early), Over(left), Over(t.Context())}
	if diff := cmp.Diff([]bool{true, false, true, false}, got); diff != "" {
		t.Errorf("deadline reached, deadline ahead, cancelled, neither (-want +got):\n%s", diff)
	}
}
