package trackerstore

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"parley/dialogue"
	"parley/livetest"
	"parley/lockstore"
)

// TestRedisSameRequestEverywhere sends one request fifty times at once, to three processes.
func TestRedisSameRequestEverywhere(t *testing.T) {
	t.Parallel()
	prefix := testPrefix(t)
	var stores []harness
	for range 3 {
		stores = append(stores, redisHarness(openRedis(t, livetest.SharedRedis(t), RedisConfig{RedisOptions: RedisOptions{Prefix: prefix}})))
	}
	var ran, repeated atomic.Int32
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			switch got, err := ask(t, stores[i%3], Request{Key: "k", Body: "b"}, "the reply"); {
			case err != nil:
				t.Errorf("request %d: %v", i, err)
			case got == "the reply":
				ran.Add(1)
			case got == "again: the reply":
				repeated.Add(1)
			default:
				t.Errorf("request %d got %q", i, got)
			}
		})
	}
	wg.Wait()
	if ran.Load() != 1 || repeated.Load() != 49 {
		t.Errorf("%d ran and %d were answered from the record, want 1 and 49", ran.Load(), repeated.Load())
	}
	wantTexts(t, read(t, stores[0], "a", testDomain()), "k")
	if n := stores[0].waiting("a"); n != 0 {
		t.Errorf("%d tickets are left in line", n)
	}
	record(t, stores[1], "a", testDomain(), said("next"))
}

func TestRedisLongSessions(t *testing.T) {
	t.Parallel()
	d := testDomain()
	for _, cacheBytes := range []int64{-1, 0} {
		prefix := testPrefix(t)
		open := func() harness {
			return redisHarness(openRedis(t, livetest.SharedRedis(t), RedisConfig{RedisOptions: RedisOptions{Prefix: prefix, CacheBytes: cacheBytes}}))
		}
		h := open()
		want := []string{}
		record(t, h, "a", d, said("before"))
		record(t, h, "a", d, did(dialogue.ActionSessionStart), &dialogue.SessionStarted{})
		for i := range 150 { // more than one page of frames, and several times what comes with the lock
			text := fmt.Sprintf("%d %s", i, strings.Repeat("x", 500))
			record(t, h, "a", d, said(text))
			want = append(want, text)
		}
		wantTexts(t, begin(t, open(), "a", d).Tracker, want...)
		latest, _, err := h.Read(t.Context(), "a", d, LatestSession)
		if err != nil {
			t.Fatal(err)
		}
		wantTexts(t, latest, want...)
		wantTexts(t, read(t, h, "a", d), append([]string{"before"}, want...)...)
	}
}

func TestRedisPrepare(t *testing.T) {
	t.Parallel()
	r := openRedis(t, livetest.SharedRedis(t), RedisConfig{RedisOptions: RedisOptions{Prefix: testPrefix(t)}})
	for range 2 {
		if err := r.Prepare(t.Context()); err != nil {
			t.Errorf("Prepare: %v", err)
		}
	}
	if err := r.rdb.HSet(t.Context(), r.keys.conf(), "layout", "9").Err(); err != nil {
		t.Fatal(err)
	}
	if err := r.Prepare(t.Context()); err == nil || !strings.Contains(err.Error(), "layout 9") {
		t.Errorf("Prepare on keys of another version: %v", err)
	}
	p := livetest.StartRedis(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
	if err := stillRedis(t, p.Addr, RedisConfig{}).Prepare(t.Context()); err == nil || !strings.Contains(err.Error(), "noeviction") {
		t.Errorf("Prepare on a server that evicts: %v", err)
	}
	if err := stillRedis(t, p.Addr, RedisConfig{RedisOptions: RedisOptions{AllowEviction: true}}).Prepare(t.Context()); err != nil {
		t.Errorf("Prepare with AllowEviction: %v", err)
	}
	p.Kill()
	if err := stillRedis(t, p.Addr, RedisConfig{}).Prepare(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Prepare without a server: %v, want ErrUnavailable", err)
	}
}

func TestOpenRedis(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		cfg   RedisConfig
		fused bool
		bad   bool
	}{
		"no lock server":        {RedisConfig{}, true, false},
		"same server, other db": {RedisConfig{Server: lockstore.RedisServer{URL: "h"}, Locks: &lockstore.RedisServer{URL: "h", DB: 1}}, true, false},
		"other server":          {RedisConfig{Server: lockstore.RedisServer{URL: "h"}, Locks: &lockstore.RedisServer{URL: "i"}}, false, false},
		"bad url":               {RedisConfig{Server: lockstore.RedisServer{URL: "ftp://h"}}, false, true},
		"bad lock url":          {RedisConfig{Locks: &lockstore.RedisServer{URL: "ftp://h"}}, false, true},
		"braces":                {RedisConfig{RedisOptions: RedisOptions{Prefix: "{x}"}}, false, true},
		"negative expiry":       {RedisConfig{RedisOptions: RedisOptions{RecordExp: -1}}, false, true},
		"bad lease":             {RedisConfig{LockOptions: lockstore.RedisOptions{Lease: -1}}, false, true},
	} {
		r, err := OpenRedis(tc.cfg)
		if (err != nil) != tc.bad {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err != nil {
			continue
		}
		if (r.fused != nil) != tc.fused {
			t.Errorf("%s: locks beside the conversations: %v, want %v", name, r.fused != nil, tc.fused)
		}
		if err := r.Close(); err != nil {
			t.Errorf("%s: Close: %v", name, err)
		}
	}
}
