package trackerstore

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"parley/livetest"
)

// TestRedisHungServerEndsWithTheDeadline: a server that takes what is said and answers nothing holds nobody for longer than his deadline
// and a second, however long the client may wait for an answer (socket_timeout).
func TestRedisHungServerEndsWithTheDeadline(t *testing.T) {
	t.Parallel()
	livetest.Paced(t, func(second time.Duration) error {
		d := testDomain()
		proxy := newFaultProxy(t, livetest.SharedRedis(t))
		r := stillRedis(t, proxy.addr(), RedisConfig{RedisOptions: RedisOptions{Prefix: testPrefix(t)}})
		limit := second / 5
		var late error
		timed := func(what string, most time.Duration, want error, f func(ctx context.Context) error) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			begun := time.Now()
			if err := f(ctx); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", what, err, want)
			}
			if took := time.Since(begun); took > most+second/2 { // the machine has other things to do
				late = errors.Join(late, fmt.Errorf("%s with a deadline of %s took %s", what, limit, took))
			}
		}
		turn := begin(t, redisHarness(r), "a", d)
		turn.Tracker.Record(clock, said("one"))
		proxy.deaf.Store(true)
		timed("Commit", max(limit, commitGrace), ErrUnknownOutcome, func(ctx context.Context) error { return turn.Commit(ctx, Commit{}) })
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
		return late
	})
}
