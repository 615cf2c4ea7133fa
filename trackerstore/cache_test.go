package trackerstore

import (
	"fmt"
	"sync"
	"testing"

	"parley/dialogue"
	"parley/livetest"
)

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	d := testDomain()
	const most = 1 << 20
	c := newCache(most)
	for i := range 5000 {
		id := fmt.Sprint(i)
		c.put(id, copyOf{end: end{id: "x"}, bytes: 1000, tracker: dialogue.NewTracker(id, d)})
		if n := c.size(); n > most {
			t.Fatalf("%d bytes after %d conversations, the limit is %d", n, i+1, most)
		}
	}
	if n := c.size(); n < most*8/10 {
		t.Errorf("only %d of %d bytes are used", n, most)
	}
	if c.get("4999").tracker == nil {
		t.Error("the latest conversation is not kept")
	}
	if c.get("0").tracker != nil {
		t.Error("the first conversation is still kept")
	}
	c.put("4999", copyOf{end: end{id: "x"}, bytes: most, tracker: dialogue.NewTracker("4999", d)})
	if c.get("4999").tracker != nil {
		t.Error("a conversation larger than the cache is kept, or its old copy is")
	}
}

func TestCacheOff(t *testing.T) {
	t.Parallel()
	c := newCache(-1)
	c.put("a", copyOf{tracker: dialogue.NewTracker("a", nil)})
	c.drop("a")
	if c.get("a").tracker != nil || c.size() != 0 {
		t.Error("a cache that is off keeps something")
	}
}

func TestCacheConcurrently(t *testing.T) {
	t.Parallel()
	c := newCache(100_000)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 500 {
				id := fmt.Sprint(i % 50)
				switch (i + w) % 3 {
				case 0:
					c.put(id, copyOf{end: end{sessions: i}, tracker: dialogue.NewTracker(id, nil)})
				case 1:
					if k := c.get(id); k.tracker != nil && k.tracker.SenderID != id {
						t.Errorf("the copy of %s is one of %s", id, k.tracker.SenderID)
					}
				default:
					c.drop(id)
				}
			}
		})
	}
	wg.Wait()
}

func TestRedisCacheIsUsedAndValidated(t *testing.T) {
	t.Parallel()
	d := testDomain()
	prefix := testPrefix(t)
	var mu sync.Mutex
	seen := map[string]int{}
	open := func() harness {
		return redisHarness(openRedis(t, livetest.SharedRedis(t), RedisConfig{RedisOptions: RedisOptions{Prefix: prefix, Observer: Observer{
			Cached: func(result string) {
				mu.Lock()
				defer mu.Unlock()
				seen[result]++
			},
		}}}))
	}
	take := func() map[string]int {
		mu.Lock()
		defer mu.Unlock()
		s := seen
		seen = map[string]int{}
		return s
	}
	a, b := open(), open()
	record(t, a, "a", d, said("one"))
	take()
	record(t, a, "a", d, said("two"))
	if got := take(); got["hit"] != 1 {
		t.Errorf("second turn of the same process: %v, want a hit", got)
	}
	record(t, b, "a", d, said("three"))
	if got := take(); got["miss"] != 1 {
		t.Errorf("first turn of another process: %v, want a miss", got)
	}
	record(t, a, "a", d, said("four"))
	if got := take(); got["stale"] != 1 {
		t.Errorf("turn after another process's: %v, want a stale copy", got)
	}
	wantTexts(t, read(t, a, "a", d), "one", "two", "three", "four")
	if got := take(); got["hit"] != 1 {
		t.Errorf("read: %v, want a hit", got)
	}
	wantTexts(t, read(t, b, "a", d), "one", "two", "three", "four")
}
