package trackerstore

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"parley/livetest"
	"parley/lockstore"
)

// startCluster starts three primaries that make up a cluster and returns their addresses.
func startCluster(t *testing.T, args ...string) string {
	t.Helper()
	var addrs []string
	for _, n := range startNodes(t, args...) {
		addrs = append(addrs, n.Addr)
	}
	return strings.Join(addrs, ",")
}

// startNodes starts three primaries that make up a cluster.
func startNodes(t *testing.T, args ...string) []*livetest.Redis {
	t.Helper()
	livetest.NeedRedis(t)
	if _, err := exec.LookPath("redis-cli"); err != nil {
		t.Skip("redis-cli is not installed: this test needs it to make a cluster")
	}
	var addrs []string
	var nodes []*livetest.Redis
	for range 3 {
		n := livetest.StartRedis(t, append([]string{"--cluster-enabled", "yes", "--cluster-node-timeout", "60000"}, args...)...)
		addrs = append(addrs, n.Addr)
		nodes = append(nodes, n)
	}
	out, err := exec.Command("redis-cli", append([]string{"--cluster-yes", "--cluster", "create"}, addrs...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("make a cluster: %v\n%s", err, out)
	}
	c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs})
	defer func() { _ = c.Close() }()
	livetest.Await(t, "the cluster", func() bool {
		ok := true
		err := c.ForEachMaster(context.Background(), func(ctx context.Context, m *redis.Client) error {
			if !strings.Contains(m.ClusterInfo(ctx).Val(), "cluster_state:ok") {
				return errors.New("not yet")
			}
			return nil
		})
		return ok && err == nil
	})
	return nodes
}

func TestRedisCluster(t *testing.T) { //nolint:tparallel // one cluster for all
	t.Parallel()
	addrs := startCluster(t)
	t.Run("contract", func(t *testing.T) {
		testContract(t, func(t *testing.T, l lockstore.Limits) harness {
			return redisHarness(openRedis(t, addrs, RedisConfig{
				LockOptions:  lockstore.RedisOptions{Limits: l},
				RedisOptions: RedisOptions{Prefix: testPrefix(t)},
			}))
		})
	})
	t.Run("prepare", func(t *testing.T) {
		if err := openRedis(t, addrs, RedisConfig{}).Prepare(t.Context()); err != nil {
			t.Errorf("Prepare: %v", err)
		}
	})
	t.Run("import", func(t *testing.T) {
		m := newMigration(t, addrs, RedisOptions{})
		for i := range 20 {
			id := fmt.Sprint(i)
			m.put(t, id, rasaSaid(id, "hello"), time.Hour)
			if diff := cmp.Diff([]string{"hello"}, m.turn(t, id, "second")); diff != "" {
				t.Errorf("%s: the first turn sees (-want +got):\n%s", id, diff)
			}
			if err := m.Delete(t.Context(), id); err != nil {
				t.Errorf("%s: Delete: %v", id, err)
			}
		}
	})
	t.Run("wake-ups cross the nodes", func(t *testing.T) {
		d := testDomain()
		prefix := testPrefix(t)
		var stores []harness
		for range 2 {
			stores = append(stores, redisHarness(openRedis(t, addrs, RedisConfig{
				RedisOptions: RedisOptions{Prefix: prefix}, LockOptions: lockstore.RedisOptions{Poll: time.Hour},
			})))
		}
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				for i := range 30 {
					turn, ctx, err := stores[w%2].Begin(t.Context(), fmt.Sprint(i%6), d)
					if err != nil {
						t.Errorf("Begin: %v", err)
						return
					}
					turn.Tracker.Record(clock, said(fmt.Sprint(len(texts(turn.Tracker)))))
					if err := turn.Commit(ctx, Commit{}); err != nil {
						t.Errorf("Commit: %v", err)
					}
				}
			})
		}
		wg.Wait()
		for c := range 6 {
			if n := len(texts(read(t, stores[0], fmt.Sprint(c), d))); n != 20 {
				t.Errorf("conversation %d holds %d messages, want 20", c, n)
			}
		}
	})
}
