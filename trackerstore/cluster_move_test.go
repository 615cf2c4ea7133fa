package trackerstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// moving is a slot of a cluster on its way from one node to another.
type moving struct {
	slot     int
	from, to *redis.Client
	others   []*redis.Client
}

// move begins to move the slot of a conversation.
func move(t *testing.T, r *Redis, senderID string) moving {
	t.Helper()
	ctx := t.Context()
	c, ok := r.rdb.(*redis.ClusterClient)
	if !ok {
		t.Fatal("no cluster")
	}
	slot, err := c.ClusterKeySlot(ctx, r.keys.meta(senderID)).Result()
	if err != nil {
		t.Fatal(err)
	}
	m := moving{slot: int(slot)}
	nodes, err := (&RasaRecords{rdb: c}).nodes(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		switch {
		case n.rdb.Exists(ctx, r.keys.meta(senderID)).Err() == nil: // the others say where it is
			m.from = n.rdb
		case m.to == nil:
			m.to = n.rdb
		default:
			m.others = append(m.others, n.rdb)
		}
	}
	if err := m.to.ScriptFlush(ctx).Err(); err != nil { // as one that has just joined
		t.Fatal(err)
	}
	m.set(t, m.to, "importing", id(t, m.from))
	m.set(t, m.from, "migrating", id(t, m.to))
	return m
}

// keys moves so many keys, all of them where that is 0.
func (m moving) keys(t *testing.T, count int) {
	t.Helper()
	if count == 0 {
		count = 10000
	}
	names, err := m.from.ClusterGetKeysInSlot(t.Context(), m.slot, count).Result()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	host, port, _ := strings.Cut(m.to.Options().Addr, ":")
	for _, name := range names {
		if err := m.from.Migrate(t.Context(), host, port, name, 0, time.Second).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// done says to all whose the slot is.
func (m moving) done(t *testing.T) {
	t.Helper()
	for _, n := range append([]*redis.Client{m.to, m.from}, m.others...) {
		m.set(t, n, "node", id(t, m.to))
	}
}

func (m moving) set(t *testing.T, n *redis.Client, state, node string) {
	t.Helper()
	if err := n.Do(t.Context(), "cluster", "setslot", strconv.Itoa(m.slot), state, node).Err(); err != nil {
		t.Fatal(err)
	}
}

func id(t *testing.T, n *redis.Client) string {
	t.Helper()
	s, err := n.Do(t.Context(), "cluster", "myid").Text()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRedisClusterMovesASlot: while the slot of a conversation moves, its turns wait; a turn that is under way is stored. Then they go on at
// the other node, which knows no script.
func TestRedisClusterMovesASlot(t *testing.T) { //nolint:tparallel // one cluster for all
	t.Parallel()
	addrs := startCluster(t, "--cluster-require-full-coverage", "no")
	d := testDomain()
	r := openRedis(t, addrs, RedisConfig{RedisOptions: RedisOptions{Prefix: testPrefix(t)}})
	if err := r.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	h := redisHarness(r)
	record(t, h, "a", d, said("0"))
	for round := range 3 {
		turn := begin(t, h, "a", d)
		turn.Tracker.Record(clock, said(fmt.Sprint(2*round+1)))
		m := move(t, r, "a")
		ended := make(chan error, 2)
		go func() { ended <- turn.Commit(t.Context(), Commit{}) }()
		go func() {
			next, ctx, err := r.Begin(t.Context(), "a", d)
			if err != nil {
				ended <- err
				return
			}
			if n := len(texts(next.Tracker)); n != 2*round+2 {
				next.Abort()
				ended <- fmt.Errorf("a turn that follows %d messages, not %d", n, 2*round+2)
				return
			}
			next.Tracker.Record(clock, said(fmt.Sprint(2*round+2)))
			ended <- next.Commit(ctx, Commit{})
		}()
		pause(300 * time.Millisecond) // both meet a slot that moves
		m.keys(t, 1)
		pause(300 * time.Millisecond)
		m.keys(t, 0)
		m.done(t)
		for range 2 {
			if err := <-ended; err != nil {
				t.Errorf("round %d: a turn while the slot moved: %v", round, err)
			}
		}
		want := []string{}
		for i := range 2*round + 3 {
			want = append(want, fmt.Sprint(i))
		}
		wantTexts(t, read(t, h, "a", d), want...)
	}
}

// TestRedisClusterLosesANode: the others serve on, also when one of them has forgotten its scripts.
func TestRedisClusterLosesANode(t *testing.T) {
	t.Parallel()
	nodes := startNodes(t, "--cluster-require-full-coverage", "no")
	var addrs []string
	for _, n := range nodes {
		addrs = append(addrs, n.Addr)
	}
	d := testDomain()
	r := openRedis(t, strings.Join(addrs, ","), RedisConfig{RedisOptions: RedisOptions{Prefix: testPrefix(t)}})
	if err := r.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, _ := r.rdb.(*redis.ClusterClient)
	on := map[string]string{} // a conversation of each node
	for i := 0; len(on) < 3; i++ {
		m, err := c.MasterForKey(t.Context(), r.keys.meta(fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		on[m.Options().Addr] = fmt.Sprint(i)
	}
	h := redisHarness(r)
	for _, id := range on {
		record(t, h, id, d, said("one"))
	}
	nodes[0].Kill()
	live := redis.NewClient(&redis.Options{Addr: nodes[1].Addr})
	t.Cleanup(func() { _ = live.Close() })
	if err := live.ScriptFlush(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes[1:] {
		record(t, h, on[n.Addr], d, said("two"))
		wantTexts(t, read(t, h, on[n.Addr], d), "one", "two")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, _, err := r.Begin(ctx, on[nodes[0].Addr], d); !errors.Is(err, ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a turn of the node that is gone: %v, want ErrUnavailable", err)
	}
}
