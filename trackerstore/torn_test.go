package trackerstore

import (
	"fmt"
	"testing"

	"parley/dialogue"
	"parley/livetest"
)

// TestRedisTornCommits: a server that was killed while it wrote a commit to its append-only file has run the first half of it, so that the
// list of frames ends with one that the end of the chain does not know. It is as if that commit had never been, for those who read, for
// a worker whose copy is current, and for one that has none.
func TestRedisTornCommits(t *testing.T) {
	t.Parallel()
	d := testDomain()
	for name, cache := range map[string]int64{"with a current copy": 0, "without a copy": -1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := openRedis(t, livetest.SharedRedis(t), RedisConfig{RedisOptions: RedisOptions{Prefix: testPrefix(t), CacheBytes: cache}})
			h := redisHarness(r)
			var want []string
			say := func(text string) {
				record(t, h, "a", d, said(text), did(dialogue.ActionListen))
				want = append(want, text)
			}
			tear := func() {
				t.Helper()
				last, err := r.rdb.LIndex(t.Context(), r.keys.frames("a"), -1).Result()
				if err == nil {
					err = r.rdb.RPush(t.Context(), r.keys.frames("a"), "x"+last).Err()
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			for i := range 9 { // with a snapshot, and frames after it
				say(fmt.Sprint(i))
			}
			tear()
			say("after a torn commit")
			tear()
			tear()
			say("after two")
			tear()
			for _, scope := range []Scope{LatestSession, AllSessions} {
				got, _, err := r.Read(t.Context(), "a", d, scope)
				if err != nil {
					t.Fatalf("Read: %v", err)
				}
				wantTexts(t, got, want...)
			}
			if n := r.rdb.LLen(t.Context(), r.keys.frames("a")).Val(); n != int64(len(want)) {
				t.Errorf("%d frames of %d commits", n, len(want))
			}
		})
	}
}
