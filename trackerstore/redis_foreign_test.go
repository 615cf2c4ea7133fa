package trackerstore

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"parley/dialogue"
	"parley/livetest"
)

// TestRedisForeignKeysInATurn: a key of a conversation turns out to hold something else, when the turn is stored at the latest. A turn is
// then stored whole, or it fails and leaves nothing: the conversation goes on when the key is put right, with each turn once.
func TestRedisForeignKeysInATurn(t *testing.T) {
	t.Parallel()
	d := testDomain()
	for i, name := range []string{"meta", "frames", "replies", "snapshot", "ids", "archives"} {
		for _, fresh := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, new conversation: %t", name, fresh), func(t *testing.T) {
				t.Parallel()
				r := openRedis(t, livetest.SharedRedis(t), RedisConfig{RedisOptions: RedisOptions{Prefix: testPrefix(t), CacheBytes: -1}})
				h := redisHarness(r)
				var want []string
				if !fresh {
					record(t, h, "a", d, said("one"))
					want = []string{"one"}
				}
				turn, _, err := r.Begin(WithRequest(t.Context(), Request{Key: "k", Body: "b"}), "a", d)
				if err != nil {
					t.Fatal(err)
				}
				turn.Tracker.Record(clock, said("two"))
				key := r.keys.turn("a")[i]
				kept := r.rdb.Dump(t.Context(), key).Val()
				foreign := func(p redis.Pipeliner) error {
					p.Del(t.Context(), key)
					if name == "meta" || name == "snapshot" {
						p.RPush(t.Context(), key, "of another program")
					} else {
						p.Set(t.Context(), key, "of another program", 0)
					}
					return nil
				}
				if _, err := r.rdb.Pipelined(t.Context(), foreign); err != nil {
					t.Fatal(err)
				}
				err = turn.Commit(t.Context(), Commit{Reply: []byte("done")})
				if err == nil {
					want = append(want, "two")
				} else if !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrConflict) {
					t.Errorf("Commit: %v, want ErrUnavailable or ErrConflict", err)
				} else {
					r.rdb.Del(t.Context(), key)
					if kept != "" {
						if err := r.rdb.Restore(t.Context(), key, 0, kept).Err(); err != nil {
							t.Fatal(err)
						}
					}
				}
				if name == "archives" { // what was there is unknown: all sessions cannot be shown until it is put right
					r.rdb.Del(t.Context(), key)
				}
				record(t, h, "a", d, said("three"))
				wantTexts(t, read(t, h, "a", d), append(want, "three")...)
				all, _, err := r.Read(t.Context(), "a", d, AllSessions)
				if err != nil {
					t.Fatalf("Read of all sessions: %v", err)
				}
				wantTexts(t, all, append(want, "three")...)
				if n := r.rdb.LLen(t.Context(), r.keys.frames("a")).Val(); n != int64(len(want)+1) {
					t.Errorf("%d frames are stored for %d turns", n, len(want)+1)
				}
			})
		}
	}
}

// TestRedisCommitsThoughTheNextCannotBeTold: handing on is the last thing that the commit script does. What goes wrong with it must not
// make a stored turn look like one that was not.
func TestRedisCommitsThoughTheNextCannotBeTold(t *testing.T) {
	t.Parallel()
	d := testDomain()
	r := openRedis(t, livetest.SharedRedis(t), RedisConfig{RedisOptions: RedisOptions{Prefix: testPrefix(t)}})
	h := redisHarness(r)
	turn := begin(t, h, "a", d)
	turn.Tracker.Record(clock, said("one"))
	queue := r.fused.GiveKeys("a")[1]
	if err := r.rdb.Set(t.Context(), queue, "of another program", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := turn.Commit(t.Context(), Commit{}); err != nil {
		t.Errorf("Commit: %v", err)
	}
	if err := r.rdb.Del(t.Context(), queue).Err(); err != nil {
		t.Fatal(err)
	}
	record(t, h, "a", d, said("two"))
	wantTexts(t, read(t, h, "a", d), "one", "two")
}

// TestRedisForgetsWhatLacksItsEnd: where the end of a chain is gone, its frames are nothing that a new one could follow.
func TestRedisForgetsWhatLacksItsEnd(t *testing.T) {
	t.Parallel()
	d := testDomain()
	r := openRedis(t, livetest.SharedRedis(t), RedisConfig{RedisOptions: RedisOptions{Prefix: testPrefix(t), CacheBytes: -1}})
	h := redisHarness(r)
	for i := range 20 { // with a snapshot
		record(t, h, "a", d, said(fmt.Sprint(i)), did(dialogue.ActionListen))
	}
	if err := r.rdb.Del(t.Context(), r.keys.meta("a")).Err(); err != nil { // evicted, or lost
		t.Fatal(err)
	}
	record(t, h, "a", d, said("new"))
	record(t, h, "a", d, said("again"))
	all, _, err := r.Read(t.Context(), "a", d, AllSessions)
	if err != nil {
		t.Fatalf("Read of all sessions: %v", err)
	}
	wantTexts(t, all, "new", "again")
}

// TestImportFailsWhole: an import that meets a foreign key leaves no mark, so that it is not taken for one that was made.
func TestImportFailsWhole(t *testing.T) {
	t.Parallel()
	for i, name := range map[int]string{1: "frames", 4: "ids"} {
		m := newMigration(t, livetest.SharedRedis(t), RedisOptions{})
		m.put(t, "a", rasaSaid("a", "hello"), 0)
		key := m.keys.turn("a")[i]
		if err := m.Redis.rdb.Set(t.Context(), key, "of another program", 0).Err(); err != nil {
			t.Fatal(err)
		}
		if _, _, err := m.Begin(t.Context(), "a", testDomain()); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: Begin: %v, want ErrUnavailable", name, err)
		}
		if err := m.Redis.rdb.Del(t.Context(), key).Err(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"hello"}, m.turn(t, "a", "second")); diff != "" {
			t.Errorf("%s: the first turn sees (-want +got):\n%s", name, diff)
		}
	}
}
