package trackerstore

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"parley/livetest"
	"parley/lockstore"
)

// silent takes what the client of Redis has to say of servers that tests kill.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

func TestMain(m *testing.M) {
	redis.SetLogger(silent{})
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		livetest.EndSharedRedis()
		os.Exit(code)
	}))
}

// testPrefix is a prefix that no other test uses.
func testPrefix(t testing.TB) string {
	return fmt.Sprintf("t:%s:%s", strings.NewReplacer("/", "_", " ", "_").Replace(t.Name()), newCommitID()[:6])
}

// patient fills in a configuration for a test. What the test does not say of its times is so long that they do not matter to it.
func patient(addr string, cfg RedisConfig) RedisConfig {
	cfg.Server.URL = addr
	cfg.Server.SocketTimeout = cmp.Or(cfg.Server.SocketTimeout, time.Minute)
	if cfg.Locks != nil {
		locks := *cfg.Locks
		locks.SocketTimeout = cmp.Or(locks.SocketTimeout, time.Minute)
		cfg.Locks = &locks
	}
	if cfg.Import != nil {
		source := *cfg.Import
		source.Server.SocketTimeout = cmp.Or(source.Server.SocketTimeout, time.Minute)
		cfg.Import = &source
	}
	cfg.LockOptions.Lease = cmp.Or(cfg.LockOptions.Lease, 20*time.Second)
	cfg.LockOptions.Claim = cmp.Or(cfg.LockOptions.Claim, 20*time.Second)
	return cfg
}

// openRedis opens a store for a test, running. The server is given as an address.
func openRedis(t testing.TB, addr string, cfg RedisConfig) *Redis {
	t.Helper()
	cfg = patient(addr, cfg)
	r, err := OpenRedis(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if err := r.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	if locks, ok := r.locks.(*lockstore.Redis); ok {
		livetest.Await(t, "the subscription", locks.Listening)
	}
	return r
}

// dialled waits until a store dials again: a client whose dials were refused as often as its pool has places answers with that error for
// up to a second more.
func dialled(t *testing.T, r *Redis) {
	t.Helper()
	livetest.Await(t, "the client to dial again", func() bool { return r.Ping(t.Context()) == nil })
}

// waitingIn counts the tickets in line at a store.
func waitingIn(r *Redis) func(senderID string) int {
	return func(senderID string) int {
		var locks *lockstore.Redis
		switch l := r.locks.(type) {
		case *lockstore.Redis:
			locks = l
		case *lockstore.Memory:
			return l.Waiting(senderID)
		default:
			return -1
		}
		line, err := locks.Client().LRange(context.Background(), locks.GiveKeys(senderID)[1], 0, -1).Result()
		if err != nil {
			return -1
		}
		n := 0
		for _, t := range line {
			if !strings.HasPrefix(t, "!") {
				n++
			}
		}
		return n
	}
}

// roundTrips counts what a client sends.
type roundTrips struct {
	mu    sync.Mutex
	trips int
	sent  []string
}

func (c *roundTrips) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *roundTrips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.note(cmd.Name())
		return next(ctx, cmd)
	}
}

func (c *roundTrips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.note("pipeline of " + strconv.Itoa(len(cmds)))
		return next(ctx, cmds)
	}
}

func (c *roundTrips) note(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trips++
	c.sent = append(c.sent, what)
}

func (c *roundTrips) reset() (trips int, sent []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	trips, sent = c.trips, c.sent
	c.trips, c.sent = 0, nil
	return trips, sent
}
