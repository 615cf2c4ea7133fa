package trackerstore

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"parley/livetest"
)

// TestRedisReplicaThatLacksTheLastTurn: a replica is promoted that has not got the last turn. That turn is lost, as the durability of Redis
// has it; a turn that was computed from it is refused and can run again, and a copy in memory that is ahead does no harm.
func TestRedisReplicaThatLacksTheLastTurn(t *testing.T) {
	t.Parallel()
	d := testDomain()
	primary, replica := livetest.StartRedis(t), livetest.StartRedis(t)
	cfg := RedisConfig{RedisOptions: RedisOptions{Prefix: testPrefix(t)}}
	was := stillRedis(t, primary.Addr, cfg)
	follow := redis.NewClient(&redis.Options{Addr: replica.Addr})
	t.Cleanup(func() { _ = follow.Close() })
	host, port, _ := strings.Cut(primary.Addr, ":")
	if err := follow.ReplicaOf(t.Context(), host, port).Err(); err != nil {
		t.Fatal(err)
	}
	h := redisHarness(was)
	for i := range 3 {
		record(t, h, "a", d, said(fmt.Sprint(i)))
	}
	livetest.Await(t, "the replica", func() bool { return follow.LLen(t.Context(), was.keys.frames("a")).Val() == 3 })
	if err := follow.ReplicaOf(t.Context(), "no", "one").Err(); err != nil { // promoted; the link is gone
		t.Fatal(err)
	}
	record(t, h, "a", d, said("lost"))
	late := begin(t, h, "a", d)
	late.Tracker.Record(clock, said("computed from what is lost"))

	// The client of the worker now leads to the replica.
	now := stillRedis(t, replica.Addr, cfg)
	now.cache.put("a", was.cache.get("a"))
	held, _ := late.held.(*redisHeld)
	held.store.scripts, held.store.rdb = now.scripts, now.rdb
	if err := late.Commit(t.Context(), Commit{}); !errors.Is(err, ErrConflict) {
		t.Errorf("Commit of what follows a lost turn: %v, want ErrConflict", err)
	}
	h = redisHarness(now)
	turn := begin(t, h, "a", d)
	wantTexts(t, turn.Tracker, "0", "1", "2")
	turn.Tracker.Record(clock, said("again"))
	commit(t, turn, Commit{})
	wantTexts(t, read(t, h, "a", d), "0", "1", "2", "again")
}

// TestRedisOutOfMemoryInATurn: a server whose memory is full refuses a turn whole, and says why.
func TestRedisOutOfMemoryInATurn(t *testing.T) {
	t.Parallel()
	d := testDomain()
	server := livetest.StartRedis(t, "--maxmemory-policy", "noeviction")
	r := stillRedis(t, server.Addr, RedisConfig{RedisOptions: RedisOptions{Prefix: testPrefix(t)}})
	h := redisHarness(r)
	record(t, h, "a", d, said("one"))
	turn := begin(t, h, "a", d)
	turn.Tracker.Record(clock, said("two"))
	full := func(limit string) {
		if err := r.rdb.ConfigSet(t.Context(), "maxmemory", limit).Err(); err != nil {
			t.Fatal(err)
		}
	}
	full("1")
	if err := turn.Commit(t.Context(), Commit{}); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "OOM") {
		t.Errorf("Commit: %v, want ErrUnavailable that says OOM", err)
	}
	wantTexts(t, read(t, h, "a", d), "one")
	_, _, err := r.Begin(t.Context(), "a", d)
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "OOM") {
		t.Errorf("Begin: %v, want ErrUnavailable that says OOM", err)
	}
	full("0")
	record(t, h, "a", d, said("two"))
	wantTexts(t, read(t, h, "a", d), "one", "two")
}
