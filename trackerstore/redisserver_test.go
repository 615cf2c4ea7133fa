package trackerstore

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

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"parley/lockstore"
)

// redisProcess is a redis-server that a test started.
type redisProcess struct {
	addr string
	dir  string
	args []string
	cmd  *exec.Cmd
}

// start starts redis-server on the process's address and waits until it answers.
func (p *redisProcess) start() error {
	_, port, err := net.SplitHostPort(p.addr)
	if err != nil {
		return err
	}
	args := append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", p.dir, "--save", "", "--daemonize", "no"}, p.args...)
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

func newRedisProcess(args ...string) (*redisProcess, error) {
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
	return &redisProcess{addr: addr, dir: dir, args: args}, nil
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

// testPrefix is a prefix that no other test uses.
func testPrefix(t testing.TB) string {
	return fmt.Sprintf("t:%s:%s", strings.NewReplacer("/", "_", " ", "_").Replace(t.Name()), newCommitID()[:6])
}

// openRedis opens a store for a test, running. The server is given as an address.
func openRedis(t testing.TB, addr string, cfg RedisConfig) *Redis {
	t.Helper()
	cfg.Server.URL = addr
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
		waitFor(t, "the subscription", locks.Listening)
	}
	return r
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
