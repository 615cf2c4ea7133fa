package trackerstore

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"parley/dialogue"
	"parley/livetest"
	"parley/lockstore"
)

// TestRedisThatCannotBeUsed: every turn fails as one that was not stored, and none begins a new conversation.
func TestRedisThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	replica := livetest.StartRedis(t, "--replicaof", "127.0.0.1", "1", "--replica-read-only", "yes")
	guarded := livetest.StartRedis(t)
	d := testDomain()
	open := func(addr string) *Redis {
		return stillRedis(t, addr, RedisConfig{RedisOptions: RedisOptions{Prefix: testPrefix(t)}})
	}
	admin := open(guarded.Addr)
	if err := admin.rdb.ConfigSet(t.Context(), "requirepass", "secret").Err(); err != nil {
		t.Fatal(err)
	}
	foreign := open(livetest.SharedRedis(t))
	if err := foreign.rdb.HSet(t.Context(), foreign.keys.meta("a"), "of", "another program").Err(); err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*Redis{
		"read-only":       open(replica.Addr),
		"without access":  open(guarded.Addr),
		"foreign content": foreign,
	} {
		if _, _, err := r.Begin(t.Context(), "a", d); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: Begin: %v, want ErrUnavailable", name, err)
		}
		if _, ok, err := r.Read(t.Context(), "a", d, LatestSession); name != "read-only" && err == nil {
			t.Errorf("%s: Read: ok %v without an error", name, ok)
		}
	}
	wrong := stillRedis(t, guarded.Addr, RedisConfig{Server: lockstore.RedisServer{Password: "guess"}})
	if err := wrong.Prepare(t.Context()); err == nil || !strings.Contains(err.Error(), "WRONGPASS") {
		t.Errorf("Prepare with a wrong password: %v", err)
	}
}

// TestRedisDamagedSnapshot: a snapshot is derived; what is wrong with it costs the reading of the session, and nothing else.
func TestRedisDamagedSnapshot(t *testing.T) {
	t.Parallel()
	d := testDomain()
	for _, damage := range []string{"", "x", "0:{}", "9", "12:{}\n[]", "12:{", "-1:x"} {
		r := openRedis(t, livetest.SharedRedis(t), RedisConfig{RedisOptions: RedisOptions{Prefix: testPrefix(t), CacheBytes: -1}})
		h := redisHarness(r)
		var want []string
		for i := range 20 {
			record(t, h, "a", d, said(fmt.Sprint(i)), did(dialogue.ActionListen))
			want = append(want, fmt.Sprint(i))
		}
		if n, err := r.rdb.Exists(t.Context(), r.keys.turn("a")[3]).Result(); n != 1 || err != nil {
			t.Fatalf("no snapshot was made: %d, %v", n, err)
		}
		if err := r.rdb.Set(t.Context(), r.keys.turn("a")[3], damage, 0).Err(); err != nil {
			t.Fatal(err)
		}
		record(t, h, "a", d, said("on"))
		wantTexts(t, begin(t, h, "a", d).Tracker, append(want, "on")...)
	}
}
