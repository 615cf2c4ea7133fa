package trackerstore

import (
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"parley/livetest"
	"parley/lockstore"
)

func redisHarness(r *Redis) harness { return harness{Store: r, waiting: waitingIn(r)} }

func TestRedisContractOnMiniredis(t *testing.T) {
	t.Parallel()
	testContract(t, func(t *testing.T, l lockstore.Limits) harness {
		return redisHarness(openRedis(t, miniredis.RunT(t).Addr(), RedisConfig{LockOptions: lockstore.RedisOptions{Limits: l}}))
	})
}

func TestRedisContractOnRealRedis(t *testing.T) {
	t.Parallel()
	addr := livetest.SharedRedis(t)
	testContract(t, func(t *testing.T, l lockstore.Limits) harness {
		return redisHarness(openRedis(t, addr, RedisConfig{
			LockOptions:  lockstore.RedisOptions{Limits: l},
			RedisOptions: RedisOptions{Prefix: testPrefix(t)},
		}))
	})
}

func TestRedisContractWithoutCache(t *testing.T) {
	t.Parallel()
	addr := livetest.SharedRedis(t)
	testContract(t, func(t *testing.T, l lockstore.Limits) harness {
		return redisHarness(openRedis(t, addr, RedisConfig{
			LockOptions:  lockstore.RedisOptions{Limits: l},
			RedisOptions: RedisOptions{Prefix: testPrefix(t), CacheBytes: -1},
		}))
	})
}

func TestRedisContractWithLocksElsewhere(t *testing.T) {
	t.Parallel()
	addr := livetest.SharedRedis(t)
	testContract(t, func(t *testing.T, l lockstore.Limits) harness {
		return redisHarness(openRedis(t, addr, RedisConfig{
			LockOptions:  lockstore.RedisOptions{Limits: l},
			Locks:        &lockstore.RedisServer{URL: miniredis.RunT(t).Addr()},
			RedisOptions: RedisOptions{Prefix: testPrefix(t)},
		}))
	})
}

func TestRedisContractWithLocksInMemory(t *testing.T) {
	t.Parallel()
	testContract(t, func(t *testing.T, l lockstore.Limits) harness {
		rdb, err := lockstore.RedisServer{URL: miniredis.RunT(t).Addr(), SocketTimeout: time.Minute}.Connect()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = rdb.Close() })
		r, err := NewRedis(rdb, lockstore.NewMemory(l), RedisOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return redisHarness(r)
	})
}

func TestRedisContractCompressed(t *testing.T) {
	t.Parallel()
	addr := livetest.SharedRedis(t)
	testContract(t, func(t *testing.T, l lockstore.Limits) harness {
		return redisHarness(openRedis(t, addr, RedisConfig{
			LockOptions:  lockstore.RedisOptions{Limits: l},
			RedisOptions: RedisOptions{Prefix: testPrefix(t), CacheBytes: -1, Compress: true},
		}))
	})
}

// TestRedisContractArchiving archives every closed session as soon as there is one.
func TestRedisContractArchiving(t *testing.T) {
	t.Parallel()
	addr := livetest.SharedRedis(t)
	testContract(t, func(t *testing.T, l lockstore.Limits) harness {
		return redisHarness(openRedis(t, addr, RedisConfig{
			LockOptions:  lockstore.RedisOptions{Limits: l},
			RedisOptions: RedisOptions{Prefix: testPrefix(t), CacheBytes: -1, MaxClosedBytes: 1, MaxClosedFrames: 1},
		}))
	})
}

// TestRedisContractImporting has records to look into that hold none of the conversations.
func TestRedisContractImporting(t *testing.T) {
	t.Parallel()
	addr := livetest.SharedRedis(t)
	testContract(t, func(t *testing.T, l lockstore.Limits) harness {
		return redisHarness(openRedis(t, addr, RedisConfig{
			LockOptions:  lockstore.RedisOptions{Limits: l},
			Import:       &RasaSource{Server: lockstore.RedisServer{URL: addr, DB: 1}, Prefix: "nobodys"},
			RedisOptions: RedisOptions{Prefix: testPrefix(t)},
		}))
	})
}
