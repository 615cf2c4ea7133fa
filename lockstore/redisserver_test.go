package lockstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

// redisProcess is a redis-server that a test started.
type redisProcess struct {
	addr string
	dir  string
	cmd  *exec.Cmd
}

// start starts redis-server on the process's address and waits until it answers.
func (p *redisProcess) start() error {
	_, port, err := net.SplitHostPort(p.addr)
	if err != nil {
		return err
	}
	args := []string{"--port", port, "--bind", "127.0.0.1", "--dir", p.dir, "--save", "", "--daemonize", "no"}
	p.cmd = exec.Command("redis-server", args...)
	if err := p.cmd.Start(); err != nil {
		return err
	}
	c := redis.NewClient(&redis.Options{Addr: p.addr})
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for c.Ping(ctx).Err() != nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
			p.kill()
			return errors.New("redis-server does not answer")
		}
	}
	return nil
}

// kill ends the server as a crash would.
func (p *redisProcess) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

func newRedisProcess() (*redisProcess, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	_ = l.Close()
	dir, err := os.MkdirTemp("", "parley-redis")
	if err != nil {
		return nil, err
	}
	return &redisProcess{addr: addr, dir: dir}, nil
}

// sharedRedis is the server that tests share; each works under a prefix of its own.
var sharedRedis = sync.OnceValues(func() (*redisProcess, error) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return nil, err
	}
	p, err := newRedisProcess()
	if err != nil {
		return nil, err
	}
	return p, p.start()
})

// silent takes what the client of Redis has to say of servers that tests kill.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

func TestMain(m *testing.M) {
	redis.SetLogger(silent{})
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if p, err := sharedRedis(); err == nil {
			p.kill()
			_ = os.RemoveAll(p.dir)
		}
		os.Exit(code)
	}))
}

// redisAddr is the address of a real Redis; the test is skipped where there is none.
func redisAddr(t testing.TB) string {
	t.Helper()
	p, err := sharedRedis()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("redis-server is not installed: this test needs a real Redis")
	}
	if err != nil {
		t.Fatalf("start redis-server: %v", err)
	}
	return p.addr
}

func connect(t testing.TB, addr string) redis.UniversalClient {
	t.Helper()
	rdb, err := RedisServer{URL: addr}.Connect()
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

func newRedis(t testing.TB, addr string, opts RedisOptions) *Redis {
	t.Helper()
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
	waitFor(t, "the subscription", r.subscribed.Load)
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
	addr := redisAddr(t)
	testContract(t, func(t *testing.T, l Limits) contractStore {
		return openRedis(t, addr, RedisOptions{Limits: l, Prefix: testPrefix(t)})
	})
}

// TestRedisContractByPolling runs the contract on a store whose Run does not run.
func TestRedisContractByPolling(t *testing.T) {
	t.Parallel()
	addr := redisAddr(t)
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
