package trackerstore

import (
	"context"
	"errors"
	"testing"
	"time"

	"parley/lockstore"
)

// TestRedisHungServerEndsWithTheDeadline: a server that takes what is said and answers nothing holds nobody for longer than his deadline
// and a second, however long the client may wait for an answer (socket_timeout).
func TestRedisHungServerEndsWithTheDeadline(t *testing.T) {
	t.Parallel()
	d := testDomain()
	proxy := newFaultProxy(t, redisAddr(t))
	r := stillRedis(t, proxy.addr(), RedisConfig{
		RedisOptions: RedisOptions{Prefix: testPrefix(t)}, Server: lockstore.RedisServer{SocketTimeout: time.Minute},
	})
	const limit = 200 * time.Millisecond
	timed := func(what string, most time.Duration, want error, f func(ctx context.Context) error) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		begun := time.Now()
		if err := f(ctx); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
		if took := time.Since(begun); took > most+500*time.Millisecond { // the machine has other things to do
			t.Errorf("%s with a deadline of %s took %s", what, limit, took)
		}
	}
	turn := begin(t, redisHarness(r), "a", d)
	turn.Tracker.Record(clock, said("one"))
	proxy.deaf.Store(true)
	timed("Commit", commitGrace, ErrUnknownOutcome, func(ctx context.Context) error { return turn.Commit(ctx, Commit{}) })
	timed("Begin", limit+time.Second, context.DeadlineExceeded, func(ctx context.Context) error {
		_, _, err := r.Begin(ctx, "a", d)
		return err
	})
	timed("Read", limit+time.Second, context.DeadlineExceeded, func(ctx context.Context) error {
		_, _, err := r.Read(ctx, "a", d, AllSessions)
		return err
	})
	timed("Delete", limit+time.Second, context.DeadlineExceeded, func(ctx context.Context) error { return r.Delete(ctx, "a") })
	timed("List", limit+time.Second, context.DeadlineExceeded, func(ctx context.Context) error {
		_, _, err := r.List(ctx, "", 1)
		return err
	})
}
