package trackerstore

import (
	"context"
	"sync/atomic"
	"testing"

	"parley/dialogue"
	"parley/livetest"
	"parley/lockstore"
)

// inTurn is a store whose calls go to several processes in turn, so that the copies of each are always behind.
type inTurn struct {
	stores []*Redis
	n      atomic.Int64
}

func (s *inTurn) next() *Redis { return s.stores[s.n.Add(1)%int64(len(s.stores))] }

func (s *inTurn) Begin(ctx context.Context, id string, d *dialogue.Domain) (*Turn, context.Context, error) {
	return s.next().Begin(ctx, id, d)
}

func (s *inTurn) Read(ctx context.Context, id string, d *dialogue.Domain, scope Scope) (*dialogue.Tracker, bool, error) {
	return s.next().Read(ctx, id, d, scope)
}

func (s *inTurn) Delete(ctx context.Context, id string) error { return s.next().Delete(ctx, id) }

func (s *inTurn) List(ctx context.Context, cursor string, limit int) ([]string, string, error) {
	return s.next().List(ctx, cursor, limit)
}

func TestRedisContractOfProcessesInTurn(t *testing.T) {
	t.Parallel()
	addr := livetest.SharedRedis(t)
	testContract(t, func(t *testing.T, l lockstore.Limits) harness {
		s := &inTurn{}
		prefix := testPrefix(t)
		for range 3 {
			s.stores = append(s.stores, openRedis(t, addr, RedisConfig{
				LockOptions:  lockstore.RedisOptions{Limits: l},
				RedisOptions: RedisOptions{Prefix: prefix},
			}))
		}
		return harness{Store: s, waiting: waitingIn(s.stores[0])}
	})
}

// TestRedisCopyThatIsBehindGetsTheRest shows what a process is sent that has a copy of an earlier moment: what came after it, and
// the whole session where the copy is no part of that.
func TestRedisCopyThatIsBehindGetsTheRest(t *testing.T) {
	t.Parallel()
	d := testDomain()
	prefix := testPrefix(t)
	h := redisHarness(openRedis(t, livetest.SharedRedis(t), RedisConfig{RedisOptions: RedisOptions{Prefix: prefix}}))
	behind := openRedis(t, livetest.SharedRedis(t), RedisConfig{RedisOptions: RedisOptions{Prefix: prefix}})
	sent := func() int {
		t.Helper()
		have := behind.cache.get("a")
		payload, _, err := behind.load(t.Context(), "a", []any{have.end.id, have.end.version, "", "1"})
		if err != nil {
			t.Fatal(err)
		}
		_, s, err := readLoaded(payload)
		if err != nil {
			t.Fatal(err)
		}
		return len(s.frames)
	}
	look := func() { read(t, redisHarness(behind), "a", d); begin(t, redisHarness(behind), "a", d).Abort() }
	for _, step := range []struct {
		name string
		do   func()
		want int
	}{
		{"no copy", func() {
			for range 5 {
				record(t, h, "a", d, said("x"))
			}
		}, 5},
		{"a current copy", look, 0},
		{"behind by three", func() {
			for range 3 {
				record(t, h, "a", d, said("y"))
			}
		}, 3},
		{"a new session", func() {
			look()
			record(t, h, "a", d, said("z"))
			record(t, h, "a", d, did(dialogue.ActionSessionStart), &dialogue.SessionStarted{})
			record(t, h, "a", d, said("z"))
		}, 2},
		{"behind in the new session", func() { look(); record(t, h, "a", d, said("z")) }, 1},
		{"replaced", func() {
			look()
			turn := begin(t, h, "a", d)
			turn.Tracker = dialogue.NewTracker("a", d)
			turn.Tracker.Record(clock, said("new"))
			commit(t, turn, Commit{Replace: true})
			record(t, h, "a", d, said("newer"))
		}, 2},
		{"deleted and begun again", func() {
			look()
			if err := h.Delete(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
			for range 8 {
				record(t, h, "a", d, said("again"))
			}
		}, 8},
	} {
		if step.do(); sent() != step.want {
			t.Errorf("%s: %d frames are sent, want %d", step.name, sent(), step.want)
		}
	}
	wantTexts(t, begin(t, redisHarness(behind), "a", d).Tracker, texts(read(t, h, "a", d))...)
}
