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
	"github.com/redis/go-redis/v9"

	"parley/livetest"
)

// hour is a poll interval with which nothing is found out by polling.
const hour = time.Hour

func TestRedisTakesTwoRoundTrips(t *testing.T) {
	t.Parallel()
	r := openRedis(t, livetest.SharedRedis(t), RedisOptions{Prefix: testPrefix(t)})
	acquire(t, r, "warm up").Release()
	var trips roundTrips
	r.rdb.AddHook(&trips)
	l := acquire(t, r, "k")
	if n, sent := trips.reset(); n != 1 {
		t.Errorf("Acquire of a free key took %d round trips: %q", n, sent)
	}
	l.Release()
	if n, sent := trips.reset(); n != 1 {
		t.Errorf("Release took %d round trips: %q", n, sent)
	}
}

func TestRedisWakesTheNextOfTheSameProcess(t *testing.T) {
	t.Parallel()
	r := openRedis(t, livetest.SharedRedis(t), RedisOptions{Prefix: testPrefix(t), Poll: hour})
	testOneHolder(t, r)
	testOrderOfArrival(t, r)
}

func TestRedisWakesTheNextOfAnotherProcess(t *testing.T) {
	t.Parallel()
	prefix := testPrefix(t)
	stores := make([]redisUnderTest, 3)
	for i := range stores {
		stores[i] = openRedis(t, livetest.SharedRedis(t), RedisOptions{Prefix: prefix, Poll: hour})
	}
	held := acquire(t, stores[0], "k")
	var mu sync.Mutex
	var order, want []int
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			l, err := stores[i%3].Acquire(t.Context(), "k")
			if err != nil {
				t.Errorf("Acquire: %v", err)
				return
			}
			mu.Lock()
			order = append(order, i)
			mu.Unlock()
			l.Release()
		})
		want = append(want, i)
		livetest.Await(t, "the ticket", func() bool { return stores[0].Waiting("k") == i+1 })
	}
	held.Release()
	wg.Wait()
	if diff := cmp.Diff(want, order); diff != "" {
		t.Errorf("order of grants (-arrival +granted):\n%s", diff)
	}
}

func TestRedisKeepsALongLeaseAlive(t *testing.T) {
	t.Parallel()
	livetest.Paced(t, func(second time.Duration) error {
		var refreshed atomic.Int32
		opts := RedisOptions{
			Prefix: testPrefix(t), Lease: second * 6 / 5, Poll: 20 * time.Millisecond,
			Observer: Observer{Refreshed: func(string) { refreshed.Add(1) }},
		}
		r := openRedis(t, livetest.SharedRedis(t), opts)
		other := openRedis(t, livetest.SharedRedis(t), opts)
		held := acquire(t, r, "k")
		defer held.Release()
		lost := make(chan struct{})
		held.OnLost(func() { close(lost) })
		ctx, cancel := context.WithTimeout(t.Context(), 3*opts.Lease)
		defer cancel()
		if l, err := other.Acquire(ctx, "k"); !errors.Is(err, context.DeadlineExceeded) {
			if err == nil {
				l.Release()
			}
			return fmt.Errorf("Acquire of a held key: %w; want the deadline's error", err)
		}
		select {
		case <-lost:
			return errors.New("the lease was lost")
		default:
		}
		if n := refreshed.Load(); n < 4 {
			return fmt.Errorf("%d refreshes in three leases", n)
		}
		held.Release()
		acquire(t, other, "k").Release()
		return nil
	})
}

func TestRedisGivesUpALeaseThatIsHeldTooLong(t *testing.T) {
	t.Parallel()
	r := openRedis(t, livetest.SharedRedis(t), RedisOptions{
		Prefix: testPrefix(t), Lease: 300 * time.Millisecond, Poll: 20 * time.Millisecond, MaxHold: 400 * time.Millisecond,
	})
	held := acquire(t, r, "k")
	defer held.Release()
	lost := make(chan struct{})
	held.OnLost(func() { close(lost) })
	acquire(t, r, "k").Release()
	<-lost
}

func TestRedisLosesALeaseThatIsNotRefreshed(t *testing.T) {
	t.Parallel()
	opts := RedisOptions{Prefix: testPrefix(t), Lease: 200 * time.Millisecond, Poll: 20 * time.Millisecond}
	r := newRedis(t, livetest.SharedRedis(t), opts) // does not run
	other := openRedis(t, livetest.SharedRedis(t), RedisOptions{Prefix: opts.Prefix, Poll: opts.Poll})
	begun := time.Now()
	held := acquire(t, r, "k")
	lost := make(chan struct{})
	held.OnLost(func() { close(lost) })
	select {
	case <-lost:
	case <-time.After(time.Minute):
		t.Fatal("the holder was not told")
	}
	if d := time.Since(begun); d < 150*time.Millisecond || d > 200*time.Millisecond {
		t.Logf("told after %s of a lease of 200 ms", d) // a busy machine is late
		if d < 150*time.Millisecond {
			t.Error("told too early")
		}
	}
	next := acquire(t, other, "k")
	held.Release() // must not free the next holder's key
	if got := r.rdb.Get(t.Context(), r.keys.lock("k")).Val(); got == "" {
		t.Error("the late release of a lost lease freed the key of the next holder")
	}
	called := make(chan struct{})
	held.OnLost(func() { close(called) })
	<-called // at once, as it has happened
	next.Release()
}

func TestRedisTellsOfATakenLeaseAtTheNextRefresh(t *testing.T) {
	t.Parallel()
	r := openRedis(t, livetest.SharedRedis(t), RedisOptions{Prefix: testPrefix(t), Lease: 2 * time.Second})
	held := acquire(t, r, "k")
	lost := make(chan struct{})
	held.OnLost(func() { close(lost) })
	if err := r.rdb.Set(t.Context(), r.keys.lock("k"), "somebody else", 0).Err(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-lost:
	case <-time.After(time.Minute):
		t.Fatal("the holder was not told")
	}
	held.Release()
}

func TestRedisSkipsTheTicketsOfADeadWorkerAtOnce(t *testing.T) {
	t.Parallel()
	r := openRedis(t, livetest.SharedRedis(t), RedisOptions{Prefix: testPrefix(t), Poll: hour, Claim: hour})
	held := acquire(t, r, "k")
	for i := range 5 {
		if err := r.rdb.RPush(t.Context(), r.keys.queue("k"), fmt.Sprintf("dead|t%d", i)).Err(); err != nil {
			t.Fatal(err)
		}
	}
	granted := make(chan *Lease)
	go func() {
		l, err := r.Acquire(t.Context(), "k")
		if err != nil {
			t.Errorf("Acquire: %v", err)
		}
		granted <- l
	}()
	livetest.Await(t, "the ticket", func() bool { return r.Waiting("k") == 6 })
	held.Release()
	select {
	case l := <-granted:
		l.Release()
	case <-time.After(time.Minute):
		t.Fatal("the tickets of a dead worker stand in the way")
	}
}

func TestRedisWaitsForAHungWorkerOnce(t *testing.T) {
	t.Parallel()
	for name, ticket := range map[string]string{
		"subscribed": "hung|t%d",
		"polling":    "~gone%[1]d|t%[1]d", // each of another worker, which died before it had a subscription
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testHungWorker(t, ticket)
		})
	}
}

func testHungWorker(t *testing.T, ticket string) {
	t.Helper()
	livetest.Paced(t, func(second time.Duration) error {
		r := openRedis(t, livetest.SharedRedis(t), RedisOptions{Prefix: testPrefix(t), Poll: 20 * time.Millisecond, Claim: second * 3 / 10})
		sub := r.rdb.Subscribe(t.Context(), r.keys.wake("hung"))
		defer func() { _ = sub.Close() }()
		if _, err := sub.Receive(t.Context()); err != nil {
			return err
		}
		held := acquire(t, r, "k")
		for i := range 5 {
			if err := r.rdb.RPush(t.Context(), r.keys.queue("k"), fmt.Sprintf(ticket, i)).Err(); err != nil {
				return err
			}
		}
		done := make(chan time.Time, 1)
		go func() {
			l, err := r.Acquire(t.Context(), "k")
			if err != nil {
				t.Errorf("Acquire: %v", err)
			} else {
				l.Release()
			}
			done <- time.Now()
		}()
		livetest.Await(t, "the ticket", func() bool { return r.Waiting("k") == 6 })
		begun := time.Now()
		held.Release()
		if d := (<-done).Sub(begun); d < second/4 || d > second {
			return fmt.Errorf("granted after %s, want one claim window of %s", d, second*3/10)
		}
		return nil
	})
}

func TestRedisFindsOutByPollingWhenWakeUpsAreLost(t *testing.T) {
	t.Parallel()
	livetest.Paced(t, func(second time.Duration) error {
		prefix, poll := testPrefix(t), second/2
		deaf := newRedis(t, livetest.SharedRedis(t), RedisOptions{Prefix: prefix, Poll: poll})
		deaf.deaf = true
		run(t, deaf)
		livetest.Await(t, "the subscription", deaf.Listening)
		other := openRedis(t, livetest.SharedRedis(t), RedisOptions{Prefix: prefix})
		held := acquire(t, other, "k")
		granted := make(chan time.Time, 1)
		go func() {
			l, err := deaf.Acquire(t.Context(), "k")
			granted <- time.Now()
			if err != nil {
				t.Errorf("Acquire: %v", err)
				return
			}
			l.Release()
		}()
		livetest.Await(t, "the ticket", func() bool { return other.Waiting("k") == 1 })
		released := time.Now()
		held.Release()
		if d := (<-granted).Sub(released); d > 2*poll { // 1.2 times that, and what a busy machine adds
			return fmt.Errorf("granted %s after the release, polling every %s", d, poll)
		}
		return nil
	})
}

func TestRedisDoesNotLetANewcomerPassWhenALeaseLapses(t *testing.T) {
	t.Parallel()
	r := openRedis(t, livetest.SharedRedis(t), RedisOptions{Prefix: testPrefix(t), Poll: hour})
	held := acquire(t, r, "k")
	order := make(chan string, 2)
	take := func(name string) {
		l, err := r.Acquire(t.Context(), "k")
		if err != nil {
			t.Errorf("Acquire: %v", err)
			return
		}
		order <- name
		l.Release()
	}
	var wg sync.WaitGroup
	wg.Go(func() { take("first in line") })
	livetest.Await(t, "the ticket", func() bool { return r.Waiting("k") == 1 })
	if err := r.rdb.Del(t.Context(), r.keys.lock("k")).Err(); err != nil { // as if the lease were over
		t.Fatal(err)
	}
	wg.Go(func() { take("newcomer") })
	wg.Wait()
	if got := <-order; got != "first in line" {
		t.Errorf("%s was served first", got)
	}
	held.Release()
}

func TestRedisQueuesARepeatedRequestOnce(t *testing.T) {
	t.Parallel()
	r := openRedis(t, livetest.SharedRedis(t), RedisOptions{Prefix: testPrefix(t)})
	free := r.newTicket("free", Load{Script: r.plain})
	for range 3 { // the network sends it again
		if err := r.ask(t.Context(), free); err != nil || free.verdict != "A" {
			t.Errorf("repeated request for a free key: %q, %v", free.verdict, err)
		}
	}
	held := acquire(t, r, "k")
	waiting := r.newTicket("k", Load{Script: r.plain})
	for range 3 {
		if err := r.ask(t.Context(), waiting); err != nil || waiting.verdict != "Q" || waiting.place != 1 {
			t.Errorf("repeated request for a held key: %q at %d, %v", waiting.verdict, waiting.place, err)
		}
	}
	if n := r.Waiting("k"); n != 1 {
		t.Errorf("%d tickets in line for one request", n)
	}
	held.Release()
	for range 2 {
		if err := r.ask(t.Context(), waiting); err != nil || waiting.verdict != "A" {
			t.Errorf("request after the hand-off: %q, %v", waiting.verdict, err)
		}
	}
	r.leave(t.Context(), waiting)
	r.leave(t.Context(), free)
	acquire(t, r, "k").Release()
}

func TestRedisLoadsItsScriptsAgain(t *testing.T) {
	t.Parallel()
	p := livetest.StartRedis(t)
	r := openRedis(t, p.Addr, RedisOptions{})
	for range 2 {
		if err := r.rdb.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		l := acquire(t, r, "k")
		if err := r.rdb.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		l.Release()
	}
	if err := r.Load(t.Context()); err != nil {
		t.Errorf("Load: %v", err)
	}
}

func TestRedisGoneAndBack(t *testing.T) {
	t.Parallel()
	p := livetest.StartRedis(t)
	queued := make(chan struct{}, 1)
	r := openRedis(t, p.Addr, RedisOptions{
		Lease: 15 * time.Second, Poll: 50 * time.Millisecond,
		Observer: Observer{Queued: func(ahead int) {
			if ahead > 0 {
				queued <- struct{}{}
			}
		}},
	})
	held := acquire(t, r, "k")
	waited := make(chan error, 1)
	go func() {
		l, err := r.Acquire(t.Context(), "k")
		if err == nil {
			l.Release()
		}
		waited <- err
	}()
	<-queued
	p.Kill()
	if _, err := r.Acquire(t.Context(), "other"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Acquire without a server: %v, want ErrUnavailable", err)
	}
	lost := make(chan struct{})
	held.OnLost(func() { close(lost) })
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err != nil { // the new server knows nothing of the ticket: it queues again
		t.Errorf("the waiter after the restart: %v", err)
	}
	select {
	case <-lost:
	case <-time.After(time.Minute):
		t.Error("the holder was not told that its lease is gone")
	}
	held.Release()
	livetest.Await(t, "the subscription to come back", r.Listening)
	dialled(t, r.rdb)
	acquire(t, r, "k").Release()
}

// dialled waits until a client dials again: whose dials were refused as often as its pool has places answers with that error for up to a
// second more.
func dialled(t *testing.T, rdb redis.UniversalClient) {
	t.Helper()
	livetest.Await(t, "the client to dial again", func() bool { return rdb.Ping(t.Context()).Err() == nil })
}

func TestRedisRefusesWhatItCannotUse(t *testing.T) {
	t.Parallel()
	rdb := redis.NewClient(&redis.Options{})
	defer func() { _ = rdb.Close() }()
	for name, opts := range map[string]RedisOptions{
		"prefix with braces": {Prefix: "a{b}"},
		"negative lease":     {Lease: -time.Second},
		"lease too short":    {Lease: time.Millisecond},
		"negative poll":      {Poll: -1},
		"negative claim":     {Claim: -1},
	} {
		if _, err := NewRedis(rdb, opts); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	tags := NewTags()
	for bucket, tag := range tags {
		slot := int(crc16(strings.Trim(tag, "{}"))) % clusterSlots
		if slot/(clusterSlots/Buckets) != bucket {
			t.Errorf("tag %s of bucket %d lies in slot %d", tag, bucket, slot)
		}
	}
	// The layout of stored data hangs on these: they must never change.
	for key, want := range map[string]string{"": "{bds}", "default": "{b28k}", "user-1": "{bt1}", "äöü 🙂": "{b288}"} {
		if got := tags.Of(key); got != want {
			t.Errorf("tag of %q is %s, want %s", key, got, want)
		}
	}
	if got := crc16("123456789"); got != 0x31c3 {
		t.Errorf("crc16 = %#x, want 0x31c3", got)
	}
	used := map[int]int{}
	for i := range 100_000 {
		used[Bucket(fmt.Sprintf("user-%d", i))]++
	}
	for b := range Buckets {
		if n := used[b]; n < 50 || n > 160 {
			t.Errorf("bucket %d has %d of 100000 keys, want about 98", b, n)
		}
	}
}

func TestRedisObserver(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []string
	note := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, fmt.Sprintf(format, args...))
	}
	r := openRedis(t, livetest.SharedRedis(t), RedisOptions{
		Prefix: testPrefix(t),
		Limits: Limits{Queue: 1},
		Observer: Observer{
			Queued:    func(ahead int) { note("queued behind %d", ahead) },
			Waited:    func(outcome string, contended bool, _ time.Duration) { note("%s contended=%v", outcome, contended) },
			Released:  func(time.Duration) { note("released") },
			HandedOff: func(kind string) { note("handed off %s", kind) },
		},
	})
	held := acquire(t, r, "k")
	done := make(chan struct{})
	go func() {
		defer close(done)
		l, err := r.Acquire(t.Context(), "k")
		if err != nil {
			t.Errorf("Acquire: %v", err)
			return
		}
		l.Release()
	}()
	livetest.Await(t, "the ticket", func() bool { return r.Waiting("k") == 1 })
	if _, err := r.Acquire(t.Context(), "k"); !errors.Is(err, ErrTooManyPending) {
		t.Errorf("Acquire: %v", err)
	}
	mu.Lock()
	first := append([]string{}, seen...)
	mu.Unlock()
	want := []string{"queued behind 0", "granted contended=false", "queued behind 1", "queued behind 2", "full contended=true"}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("while held (-want +got):\n%s", diff)
	}
	held.Release()
	<-done
	mu.Lock()
	defer mu.Unlock()
	rest := strings.Join(seen[len(first):], ", ")
	for _, s := range []string{"released", "handed off local", "granted contended=true"} {
		if !strings.Contains(rest, s) {
			t.Errorf("%q is missing in %s", s, rest)
		}
	}
}

func BenchmarkRedisUncontended(b *testing.B) {
	r := newRedis(b, livetest.SharedRedis(b), RedisOptions{Prefix: testPrefix(b)})
	b.RunParallel(func(pb *testing.PB) {
		key := randomToken(4)
		for pb.Next() {
			l, err := r.Acquire(b.Context(), key)
			if err != nil {
				b.Error(err)
				return
			}
			l.Release()
		}
	})
}
