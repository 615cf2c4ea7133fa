package lockstore

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

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"parley/livetest"
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

// connect makes a client that waits longer for an answer than a machine is held up.
func connect(t testing.TB, addr string) redis.UniversalClient {
	t.Helper()
	rdb, err := RedisServer{URL: addr, SocketTimeout: time.Minute}.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// testPrefix is a prefix that no other test uses.
func testPrefix(t testing.TB) string {
	return fmt.Sprintf("t:%s:%s", strings.NewReplacer("/", "_", " ", "_").Replace(t.Name()), randomToken(4))
}

// run runs a store until the test ends.
func run(t testing.TB, r *Redis) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// newRedis makes a store. What a test does not say of its times is so long that they do not matter to it.
func newRedis(t testing.TB, addr string, opts RedisOptions) *Redis {
	t.Helper()
	opts.Lease = cmp.Or(opts.Lease, 20*time.Second)
	opts.Claim = cmp.Or(opts.Claim, 20*time.Second)
	r, err := NewRedis(connect(t, addr), opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// redisUnderTest adds to the store what only tests ask.
type redisUnderTest struct{ *Redis }

// Waiting counts the tickets in line.
func (r redisUnderTest) Waiting(key string) int {
	line, err := r.rdb.LRange(context.Background(), r.keys.queue(key), 0, -1).Result()
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

func openRedis(t *testing.T, addr string, opts RedisOptions) redisUnderTest {
	t.Helper()
	r := newRedis(t, addr, opts)
	run(t, r)
	livetest.Await(t, "the subscription", r.subscribed.Load)
	return redisUnderTest{r}
}

func TestRedisContractOnMiniredis(t *testing.T) {
	t.Parallel()
	testContract(t, func(t *testing.T, l Limits) contractStore {
		return openRedis(t, miniredis.RunT(t).Addr(), RedisOptions{Limits: l})
	})
}

func TestRedisContractOnRealRedis(t *testing.T) {
	t.Parallel()
	addr := livetest.SharedRedis(t)
	testContract(t, func(t *testing.T, l Limits) contractStore {
		return openRedis(t, addr, RedisOptions{Limits: l, Prefix: testPrefix(t)})
	})
}

// TestRedisContractByPolling runs the contract on a store whose Run does not run.
func TestRedisContractByPolling(t *testing.T) {
	t.Parallel()
	addr := livetest.SharedRedis(t)
	testContract(t, func(t *testing.T, l Limits) contractStore {
		return redisUnderTest{newRedis(t, addr, RedisOptions{Limits: l, Prefix: testPrefix(t), Poll: 5 * time.Millisecond})}
	})
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
