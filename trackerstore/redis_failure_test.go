package trackerstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
	"parley/livetest"
	"parley/lockstore"
)

// shortLease is a configuration in which a lease ends soon and nothing refreshes it unless Run runs.
func shortLease(t *testing.T) RedisConfig {
	return RedisConfig{
		LockOptions:  lockstore.RedisOptions{Lease: 200 * time.Millisecond, Poll: 20 * time.Millisecond},
		RedisOptions: RedisOptions{Prefix: testPrefix(t)},
	}
}

// stillRedis opens a store whose Run does not run.
func stillRedis(t testing.TB, addr string, cfg RedisConfig) *Redis {
	t.Helper()
	r, err := OpenRedis(patient(addr, cfg))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func TestRedisTurnTakesTwoRoundTrips(t *testing.T) {
	t.Parallel()
	d := testDomain()
	for _, tc := range []struct {
		name  string
		locks *lockstore.RedisServer
		want  int
	}{
		{"locks beside the conversations", nil, 2},
		{"locks elsewhere", &lockstore.RedisServer{URL: miniredis.RunT(t).Addr()}, 4},
	} {
		r := openRedis(t, livetest.SharedRedis(t), RedisConfig{Locks: tc.locks, RedisOptions: RedisOptions{Prefix: testPrefix(t)}})
		if err := r.Prepare(t.Context()); err != nil { // a script that is not loaded yet costs two more
			t.Fatal(err)
		}
		h := redisHarness(r)
		record(t, h, "a", d, said("warm up"))
		var trips roundTrips
		r.rdb.AddHook(&trips)
		if locks, ok := r.locks.(*lockstore.Redis); ok && r.fused == nil {
			locks.Client().AddHook(&trips)
		}
		for _, id := range []string{"a", "a", "new"} {
			record(t, h, id, d, said("x"))
			if n, sent := trips.reset(); n != tc.want {
				t.Errorf("%s: a turn of %q took %d round trips, want %d: %q", tc.name, id, n, tc.want, sent)
			}
		}
		read(t, h, "a", d)
		if n, sent := trips.reset(); n != 1 {
			t.Errorf("%s: Read took %d round trips: %q", tc.name, n, sent)
		}
		begin(t, h, "a", d).Abort()
		if n, sent := trips.reset(); n != tc.want-tc.want/4 {
			t.Errorf("%s: an aborted turn took %d round trips: %q", tc.name, n, sent)
		}
	}
}

func TestRedisStaleHolderIsRefused(t *testing.T) {
	t.Parallel()
	d := testDomain()
	cfg := shortLease(t)
	slow := stillRedis(t, livetest.SharedRedis(t), cfg)
	cfg.LockOptions.Lease = 0 // the others hold what they have for as long as they like
	fast := openRedis(t, livetest.SharedRedis(t), cfg)
	hs, hf := redisHarness(slow), redisHarness(fast)
	record(t, hf, "a", d, said("one"))

	// The holder is late; meanwhile another began.
	stale, ctx, err := slow.Begin(t.Context(), "a", d)
	if err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	if cause := context.Cause(ctx); !errors.Is(cause, ErrLeaseLost) || !errors.Is(cause, ErrConflict) {
		t.Errorf("the turn's context ended with %v, want ErrLeaseLost and ErrConflict", cause)
	}
	stale.Tracker.Record(clock, said("stale"))
	other := begin(t, hf, "a", d)
	if err := stale.Commit(t.Context(), Commit{}); !errors.Is(err, ErrConflict) || !errors.Is(err, ErrLeaseLost) {
		t.Errorf("Commit while another holds the conversation: %v, want ErrConflict and ErrLeaseLost", err)
	}
	other.Tracker.Record(clock, said("two"))
	commit(t, other, Commit{})

	// The other has already committed.
	stale, ctx, err = slow.Begin(t.Context(), "a", d)
	if err != nil {
		t.Fatal(err)
	}
	wantTexts(t, stale.Tracker, "one", "two")
	<-ctx.Done()
	stale.Tracker.Record(clock, said("stale"))
	record(t, hf, "a", d, said("three"))
	if err := stale.Commit(t.Context(), Commit{}); !errors.Is(err, ErrConflict) {
		t.Errorf("Commit after another's: %v, want ErrConflict", err)
	}

	// With the context of the turn nothing is even sent.
	stale, ctx, err = slow.Begin(t.Context(), "a", d)
	if err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	if err := stale.Commit(ctx, Commit{}); !errors.Is(err, ErrConflict) || !errors.Is(err, context.Canceled) {
		t.Errorf("Commit with the lost turn's context: %v, want ErrConflict and context.Canceled", err)
	}
	wantTexts(t, read(t, hs, "a", d), "one", "two", "three")

	// Deleting counts as a change, also when the conversation began anew since.
	stale, ctx, err = slow.Begin(t.Context(), "a", d)
	if err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	if err := fast.Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	for i := range 4 { // as many commits as before
		record(t, hf, "a", d, said(fmt.Sprintf("anew %d", i)))
	}
	if err := stale.Commit(t.Context(), Commit{}); !errors.Is(err, ErrConflict) {
		t.Errorf("Commit to a conversation that was deleted and began anew: %v, want ErrConflict", err)
	}
}

func TestRedisLateButUnchallengedIsAccepted(t *testing.T) {
	t.Parallel()
	d := testDomain()
	r := stillRedis(t, livetest.SharedRedis(t), shortLease(t))
	for _, text := range []string{"first", "second"} {
		turn, ctx, err := r.Begin(t.Context(), "a", d)
		if err != nil {
			t.Fatal(err)
		}
		<-ctx.Done()
		livetest.Await(t, "the lock to lapse", func() bool {
			return r.rdb.Exists(t.Context(), r.fused.GiveKeys("a")[0]).Val() == 0
		})
		turn.Tracker.Record(clock, said(text))
		commit(t, turn, Commit{})
	}
	wantTexts(t, read(t, redisHarness(r), "a", d), "first", "second")
}

func TestRedisRefreshKeepsALongTurn(t *testing.T) {
	t.Parallel()
	d := testDomain()
	livetest.Paced(t, func(second time.Duration) error {
		cfg := shortLease(t)
		cfg.LockOptions.Lease = second * 6 / 5
		r := openRedis(t, livetest.SharedRedis(t), cfg)
		turn, ctx, err := r.Begin(t.Context(), "a", d)
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			turn.Abort()
			return fmt.Errorf("the context of a long turn ended: %w", context.Cause(ctx))
		case <-time.After(cfg.LockOptions.Lease * 5 / 2):
		}
		turn.Tracker.Record(clock, said("long"))
		commit(t, turn, Commit{})
		wantTexts(t, read(t, redisHarness(r), "a", d), "long")
		return nil
	})
}

// TestRedisRepeatedCommit sends the very same commit again, as the network may.
func TestRedisRepeatedCommit(t *testing.T) {
	t.Parallel()
	d := testDomain()
	r := openRedis(t, livetest.SharedRedis(t), RedisConfig{RedisOptions: RedisOptions{Prefix: testPrefix(t)}})
	h := redisHarness(r)
	record(t, h, "a", d, said("one"))
	turn := begin(t, h, "a", d)
	held, _ := turn.held.(*redisHeld)
	frame, err := writeFrame(nil, "commitID", 1, []dialogue.Event{said("two")}, 1<<20, nil)
	if err != nil {
		t.Fatal(err)
	}
	before := held.copy.end
	args := []any{held.token(), before.String(), before.followed("commitID", 1, len(frame)).String(), frame, "", "", "a", "key", "body:r:reply"}
	send := func() string {
		reply, _, err := r.commitScript.Run(t.Context(), r.rdb, held.keys, args...)
		if err != nil {
			t.Fatal(err)
		}
		list, _ := reply.([]any)
		return fmt.Sprint(list[0])
	}
	got := []string{send(), send()} // the second finds the lock given back
	next := begin(t, h, "a", d)
	got = append(got, send()) // while another holds the conversation
	next.Tracker.Record(clock, said("three"))
	commit(t, next, Commit{})
	got = append(got, send())
	record(t, h, "a", d, said("four"))
	got = append(got, send()) // two commits later
	if diff := cmp.Diff([]string{"OK", "DUP", "DUP", "DUP", "DUP"}, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	wantTexts(t, read(t, h, "a", d), "one", "two", "three", "four")
	held.cancel(nil)
}

func TestRedisCommitWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	d := testDomain()
	proxy := newFaultProxy(t, livetest.SharedRedis(t))
	cfg := RedisConfig{RedisOptions: RedisOptions{Prefix: testPrefix(t)}}
	direct := redisHarness(openRedis(t, livetest.SharedRedis(t), cfg))
	h := redisHarness(stillRedis(t, proxy.addr(), cfg))
	record(t, h, "a", d, said("one"))

	turn := begin(t, h, "a", d)
	turn.Tracker.Record(clock, said("two"))
	proxy.mute.Store(true)
	done := make(chan error, 1)
	go func() { done <- turn.Commit(t.Context(), Commit{}) }()
	livetest.Await(t, "the commit to arrive", func() bool { return len(texts(read(t, direct, "a", d))) == 2 })
	record(t, direct, "a", d, said("three")) // others go on
	proxy.mute.Store(false)
	proxy.cut()
	if err := <-done; err != nil {
		t.Errorf("Commit whose first answer was lost: %v", err)
	}
	wantTexts(t, read(t, direct, "a", d), "one", "two", "three")
	wantTexts(t, begin(t, h, "a", d).Tracker, "one", "two", "three")
}

// hasty opens a store that waits for an answer a tenth of a second, at the pace of a test.
func hasty(t *testing.T, proxy *faultProxy, prefix string, second time.Duration) *Redis {
	t.Helper()
	return stillRedis(t, proxy.addr(), RedisConfig{
		RedisOptions: RedisOptions{Prefix: prefix}, Server: lockstore.RedisServer{SocketTimeout: second / 10},
	})
}

// tell runs a turn of a conversation.
func tell(t *testing.T, r *Redis, senderID, text string) error {
	t.Helper()
	turn, ctx, err := r.Begin(t.Context(), senderID, testDomain())
	if err != nil {
		return err
	}
	turn.Tracker.Record(clock, said(text))
	return turn.Commit(ctx, Commit{})
}

func TestRedisUnknownOutcome(t *testing.T) {
	t.Parallel()
	d := testDomain()
	livetest.Paced(t, func(second time.Duration) error {
		proxy := newFaultProxy(t, livetest.SharedRedis(t))
		prefix := testPrefix(t)
		r := hasty(t, proxy, prefix, second)
		direct := openRedis(t, livetest.SharedRedis(t), RedisConfig{RedisOptions: RedisOptions{Prefix: prefix}})
		request := Request{Key: "k", Body: "b"}
		if err := tell(t, r, "warm up", "x"); err != nil { // opens the connections, loads the scripts
			return err
		}
		turn, _, err := r.Begin(WithRequest(t.Context(), request), "a", d)
		if err != nil {
			return err
		}
		turn.Tracker.Record(clock, said("one"))
		proxy.mute.Store(true)
		ctx, cancel := context.WithTimeout(t.Context(), second*7/10)
		defer cancel()
		begun := time.Now()
		if err := turn.Commit(ctx, Commit{Reply: []byte("done")}); !errors.Is(err, ErrUnknownOutcome) {
			return fmt.Errorf("Commit without an answer: %w, want ErrUnknownOutcome", err)
		}
		if d := time.Since(begun); d > second*3/2 {
			return fmt.Errorf("Commit with a deadline of %s took %s", second*7/10, d)
		}
		// The client asks again, elsewhere, with the same key.
		var repeated *Repeated
		if _, _, err := direct.Begin(WithRequest(t.Context(), request), "a", d); !errors.As(err, &repeated) || string(repeated.Reply) != "done" {
			return fmt.Errorf("repeated request: %w, want the stored reply", err)
		}
		wantTexts(t, read(t, redisHarness(direct), "a", d), "one")
		return nil
	})
}

func TestRedisServerHangs(t *testing.T) {
	t.Parallel()
	d := testDomain()
	livetest.Paced(t, func(second time.Duration) error {
		proxy := newFaultProxy(t, livetest.SharedRedis(t))
		r := hasty(t, proxy, testPrefix(t), second)
		if err := tell(t, r, "a", "one"); err != nil {
			return err
		}
		proxy.deaf.Store(true)
		ctx, cancel := context.WithTimeout(t.Context(), second/5)
		defer cancel()
		if _, _, err := r.Begin(ctx, "a", d); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrUnavailable) {
			t.Errorf("Begin: %v, want the deadline's error or ErrUnavailable", err)
		}
		if _, _, err := r.Begin(t.Context(), "a", d); !errors.Is(err, ErrUnavailable) {
			t.Errorf("Begin: %v, want ErrUnavailable", err)
		}
		if _, _, err := r.Read(t.Context(), "a", d, AllSessions); !errors.Is(err, ErrUnavailable) {
			t.Errorf("Read: %v, want ErrUnavailable, never an empty conversation", err)
		}
		if _, _, err := r.List(t.Context(), "", 5); !errors.Is(err, ErrUnavailable) {
			t.Errorf("List: %v, want ErrUnavailable", err)
		}
		if err := r.Delete(t.Context(), "a"); !errors.Is(err, ErrUnavailable) {
			t.Errorf("Delete: %v, want ErrUnavailable", err)
		}
		proxy.deaf.Store(false)
		proxy.cut()
		if err := tell(t, r, "a", "two"); err != nil {
			return err
		}
		tracker, _, err := r.Read(t.Context(), "a", d, AllSessions)
		if err != nil {
			return err
		}
		wantTexts(t, tracker, "one", "two")
		return nil
	})
}

func TestRedisServerGoneAndBack(t *testing.T) {
	t.Parallel()
	d := testDomain()
	p := livetest.StartRedis(t, "--appendonly", "yes", "--appendfsync", "no") // what it was told survives its death, if not the machine's
	r := openRedis(t, p.Addr, RedisConfig{LockOptions: lockstore.RedisOptions{Lease: time.Second, Poll: 20 * time.Millisecond}})
	h := redisHarness(r)
	record(t, h, "a", d, said("one"))
	inFlight := begin(t, h, "a", d)
	inFlight.Tracker.Record(clock, said("two"))
	p.Kill()
	lost := begin2(t, h, "b", d)
	if !errors.Is(lost, ErrUnavailable) {
		t.Errorf("Begin without a server: %v, want ErrUnavailable", lost)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	dialled(t, r)
	if err := inFlight.Commit(t.Context(), Commit{}); err != nil {
		t.Errorf("Commit of the turn that was under way: %v", err)
	}
	record(t, h, "a", d, said("three"))
	wantTexts(t, read(t, h, "a", d), "one", "two", "three")

	// Commit while the server is away: certainly not stored.
	inFlight = begin(t, h, "a", d)
	inFlight.Tracker.Record(clock, said("never"))
	p.Kill()
	if err := inFlight.Commit(t.Context(), Commit{}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Commit without a server: %v, want ErrUnavailable", err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	dialled(t, r)
	record(t, h, "a", d, said("four"))
	wantTexts(t, read(t, h, "a", d), "one", "two", "three", "four")
}

func begin2(t *testing.T, h harness, id string, d *dialogue.Domain) error {
	t.Helper()
	turn, _, err := h.Begin(t.Context(), id, d)
	if err == nil {
		turn.Abort()
	}
	return err
}

// TestRedisLosesItsDataUnderATurn: without persistence the history is gone, and a turn computed from it is not grafted on
// what came since.
func TestRedisLosesItsDataUnderATurn(t *testing.T) {
	t.Parallel()
	d := testDomain()
	m := miniredis.RunT(t)
	r := openRedis(t, m.Addr(), RedisConfig{})
	h := redisHarness(r)
	record(t, h, "a", d, said("one"))
	turn := begin(t, h, "a", d)
	turn.Tracker.Record(clock, said("two"))
	m.FlushAll()
	if err := turn.Commit(t.Context(), Commit{}); !errors.Is(err, ErrConflict) {
		t.Errorf("Commit to a conversation that is gone: %v, want ErrConflict", err)
	}
	record(t, h, "a", d, said("anew"))
	wantTexts(t, read(t, h, "a", d), "anew")
}

func TestRedisTwoStoresShareConversations(t *testing.T) {
	t.Parallel()
	d := testDomain()
	prefix := testPrefix(t)
	stores := make([]harness, 3)
	for i := range stores {
		stores[i] = redisHarness(openRedis(t, livetest.SharedRedis(t), RedisConfig{
			RedisOptions: RedisOptions{Prefix: prefix}, LockOptions: lockstore.RedisOptions{Poll: time.Hour},
		}))
	}
	const each, conversations = 40, 4
	var wg sync.WaitGroup
	for w := range 9 {
		wg.Go(func() {
			for i := range each {
				id := fmt.Sprint(i % conversations)
				turn, ctx, err := stores[w%3].Begin(t.Context(), id, d)
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
	for c := range conversations {
		want := make([]string, 9*each/conversations)
		for i := range want {
			want[i] = fmt.Sprint(i)
		}
		for _, h := range stores {
			wantTexts(t, read(t, h, fmt.Sprint(c), d), want...)
		}
	}
}

func TestRedisRefusesALargeEvent(t *testing.T) {
	t.Parallel()
	d := testDomain()
	r := openRedis(t, livetest.SharedRedis(t), RedisConfig{RedisOptions: RedisOptions{Prefix: testPrefix(t), MaxEventBytes: 2000}})
	h := redisHarness(r)
	turn := begin(t, h, "a", d)
	turn.Tracker.Record(clock, said("small"), said(strings.Repeat("x", 2000)))
	if err := turn.Commit(t.Context(), Commit{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Commit: %v, want ErrTooLarge", err)
	}
	record(t, h, "a", d, said("small"))
	wantTexts(t, read(t, h, "a", d), "small")
}

func TestRedisRecordExp(t *testing.T) {
	t.Parallel()
	d := testDomain()
	m := miniredis.RunT(t)
	r := openRedis(t, m.Addr(), RedisConfig{RedisOptions: RedisOptions{RecordExp: 90500 * time.Millisecond}})
	h := redisHarness(r)
	record(t, h, "a", d, said("one"))
	record(t, h, "b", d, said("one"))
	for _, key := range []string{r.keys.meta("a"), r.keys.frames("a")} {
		if ttl := m.TTL(key); ttl != 90500*time.Millisecond {
			t.Errorf("%s lives %s, want 90.5 s", key, ttl)
		}
	}
	m.FastForward(time.Minute)
	record(t, h, "a", d, said("two")) // lives on
	m.FastForward(time.Minute)
	wantTexts(t, read(t, h, "a", d), "one", "two")
	if _, ok, err := h.Read(t.Context(), "b", d, AllSessions); ok || err != nil {
		t.Errorf("Read of an expired conversation: ok %v, %v", ok, err)
	}
	if diff := cmp.Diff([]string{"a"}, listAll(t, h, 10)); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
	if err := r.sweepOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m.Exists(r.keys.ids(bucketOf("b"))) {
		t.Error("the sweep left an expired conversation in the list")
	}
	record(t, h, "b", d, said("anew"))
	wantTexts(t, read(t, h, "b", d), "anew")
	if diff := cmp.Diff(2, len(listAll(t, h, 10))); diff != "" {
		t.Errorf("number of ids (-want +got):\n%s", diff)
	}
}

func TestRedisLeavesNoKeyBehind(t *testing.T) {
	t.Parallel()
	d := testDomain()
	m := miniredis.RunT(t)
	h := redisHarness(openRedis(t, m.Addr(), RedisConfig{}))
	if _, err := ask(t, h, Request{Key: "k"}, "reply"); err != nil {
		t.Fatal(err)
	}
	begin(t, h, "never stored", d).Abort()
	if err := h.Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if keys := m.Keys(); len(keys) != 0 {
		t.Errorf("left behind: %q", keys)
	}
}

func TestRedisDamagedConversation(t *testing.T) {
	t.Parallel()
	d := testDomain()
	last := func(text string) func(*miniredis.Miniredis, *Redis) {
		return func(_ *miniredis.Miniredis, r *Redis) { r.rdb.LSet(context.Background(), r.keys.frames("a"), -1, text) }
	}
	for name, damage := range map[string]func(*miniredis.Miniredis, *Redis){
		"frame without header": last("[]"),
		"frame missing":        func(m *miniredis.Miniredis, r *Redis) { m.Del(r.keys.frames("a")) },
		"frame twice": func(m *miniredis.Miniredis, r *Redis) {
			l, _ := m.List(r.keys.frames("a"))
			_, _ = m.Push(r.keys.frames("a"), l[1])
		},
		"unknown codec": last("id:1:1:x:[]"),
		"not json":      last("id:1:1:j:[{]"),
		"count": func(m *miniredis.Miniredis, r *Redis) {
			damageEnd(m, r, func(e *end) { e.events = 7 })
		},
		"version": func(m *miniredis.Miniredis, r *Redis) {
			damageEnd(m, r, func(e *end) { e.version = 9 })
		},
		"foreign text": func(m *miniredis.Miniredis, r *Redis) { _ = m.Set(r.keys.meta("a"), "of another program") },
		"number":       func(m *miniredis.Miniredis, r *Redis) { _ = m.Set(r.keys.meta("a"), "id:x:1:1:1:1:1:0") },
		"end cut":      func(m *miniredis.Miniredis, r *Redis) { _ = m.Set(r.keys.meta("a"), "id:1:1:1:1:1:1") },
		"end longer":   func(m *miniredis.Miniredis, r *Redis) { _ = m.Set(r.keys.meta("a"), "id:1:1:1:1:1:1:0:0") },
	} {
		m := miniredis.RunT(t)
		r := openRedis(t, m.Addr(), RedisConfig{RedisOptions: RedisOptions{CacheBytes: -1}})
		h := redisHarness(r)
		record(t, h, "a", d, said("one"))
		record(t, h, "a", d, said("two"))
		damage(m, r)
		if err := begin2(t, h, "a", d); !errors.Is(err, errFrame) {
			t.Errorf("%s: Begin: %v, want an error that says so and never a new conversation", name, err)
		}
		if _, _, err := h.Read(t.Context(), "a", d, LatestSession); err == nil {
			t.Errorf("%s: Read of the latest session succeeds", name)
		}
		if n := h.waiting("a"); n != 0 || m.Exists(r.fused.GiveKeys("a")[0]) {
			t.Errorf("%s: the lock is kept", name)
		}
	}
}

// damageEnd changes the end of a conversation's chain.
func damageEnd(m *miniredis.Miniredis, r *Redis, change func(*end)) {
	text, _ := m.Get(r.keys.meta("a"))
	e, _ := parseEnd(text)
	change(&e)
	_ = m.Set(r.keys.meta("a"), e.String())
}
