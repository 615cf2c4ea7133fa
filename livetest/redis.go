package livetest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Redis is a redis-server on a port of its own. It dies with the test binary, however that ends (on Linux).
type Redis struct {
	// Addr is its address, 127.0.0.1:port.
	Addr string
	// Port is its port.
	Port int
	// Dir is its folder: what it writes, and its log.
	Dir string

	args    []string
	cmd     *exec.Cmd
	release func()
}

// redisServer is the program that is started: REDIS_SERVER of the environment, so that another version or another server can be tested, or
// the redis-server that is installed.
func redisServer() string { return cmp.Or(os.Getenv("REDIS_SERVER"), "redis-server") }

// NeedRedis skips a test where redis-server is not installed.
func NeedRedis(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath(redisServer()); err != nil {
		if os.Getenv("REDIS_SERVER") != "" {
			t.Fatalf("REDIS_SERVER: %v", err)
		}
		t.Skip("redis-server is not installed: this test needs a real Redis")
	}
}

// StartRedis starts a server for a test, which ends with it. It keeps nothing on disk, unless args, what redis-server is to be told
// besides, say so.
// Without a redis-server the test is skipped.
func StartRedis(t testing.TB, args ...string) *Redis {
	t.Helper()
	NeedRedis(t)
	r, err := OpenRedis(args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// shared is the server of SharedRedis, once it is asked for.
var shared struct {
	once   sync.Once
	server *Redis
	err    error
}

// SharedRedis is the address of a server that all tests of a package share; each works under names of its own. [EndSharedRedis] ends it.
func SharedRedis(t testing.TB) string {
	t.Helper()
	NeedRedis(t)
	shared.once.Do(func() { shared.server, shared.err = OpenRedis() })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server.Addr
}

// EndSharedRedis ends the server of [SharedRedis], if there is one. TestMain calls it after the last test.
func EndSharedRedis() {
	if shared.server != nil {
		shared.server.Close()
	}
}

// OpenRedis is [StartRedis] for who has no test at hand: [Redis.Close] ends the server.
func OpenRedis(args ...string) (*Redis, error) {
	dir, err := os.MkdirTemp("", "parley-redis")
	if err != nil {
		return nil, err
	}
	r := &Redis{Dir: dir, args: args}
	for range 5 { // a program that is no test may take the port meanwhile
		if r.Port, r.release, err = ReservePort(); err != nil {
			break
		}
		r.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(r.Port))
		if err = r.Start(); err == nil {
			return r, nil
		}
		r.release()
		if !errors.Is(err, errPortTaken) {
			break
		}
	}
	_ = os.RemoveAll(dir)
	return nil, err
}

var errPortTaken = errors.New("redis-server cannot listen on its port")

// Start starts the server again after [Redis.Kill], and waits until it answers.
func (r *Redis) Start() error {
	args := append(slices.Clone(r.args), // a configuration file comes first
		"--port", strconv.Itoa(r.Port), "--bind", "127.0.0.1", "--dir", r.Dir, "--logfile", r.log(), "--save", "", "--daemonize", "no")
	_ = os.Remove(r.log())                       // of the last time
	r.cmd = exec.Command(redisServer(), args...) //nolint:gosec,noctx // it is a test's, and Kill ends it
	DieWithTest(r.cmd)
	if err := r.cmd.Start(); err != nil {
		return err
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(patience); ; {
		text, _ := os.ReadFile(r.log())
		says := func(what string) bool { return bytes.Contains(text, []byte(what)) }
		switch {
		case says("Failed listening on port"):
			r.Kill()
			return errPortTaken
		case (says("Ready to accept connections") || says("Sentinel ID is")) && r.answers():
			return nil
		}
		select {
		case <-tick.C:
		case <-end:
			r.Kill()
			return fmt.Errorf("redis-server does not answer; its log:\n%s", text)
		}
	}
}

func (r *Redis) log() string { return filepath.Join(r.Dir, "log") }

// answers reports whether the server does what it is asked: one that still loads its data, and a sentinel, have answers, too.
func (r *Redis) answers() bool {
	conn, err := net.DialTimeout("tcp", r.Addr, patience) //nolint:noctx // it has a deadline
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
		return false
	}
	answer := make([]byte, len("+PONG"))
	_, err = io.ReadFull(conn, answer)
	return err == nil && (string(answer) == "+PONG" || string(answer) == "-NOAU")
}

// Kill ends the server as a crash would. It may be called again.
func (r *Redis) Kill() {
	if r.cmd == nil || r.cmd.Process == nil {
		return
	}
	if err := r.cmd.Process.Kill(); err == nil || errors.Is(err, os.ErrProcessDone) {
		_ = r.cmd.Wait()
	}
	r.cmd = nil
}

// Close ends the server for good, and removes what it wrote.
func (r *Redis) Close() {
	r.Kill()
	r.release()
	_ = os.RemoveAll(r.Dir)
}
