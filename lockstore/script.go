package lockstore

import (
	"context"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed locks.lua
	locksLua string
	//go:embed acquire.lua
	acquireLua string
	//go:embed release.lua
	releaseLua string
)

// plainFree and plainLoad are included in the acquire script when the holder wants nothing but the lock.
const (
	plainFree = "return {'A'}\n"
	plainLoad = "local function before() return false end\nlocal function load() return {} end\n"
)

// Script is a Lua script that is run by its digest, and by its text when the server does not know it. Every script of the stores is
// safe to repeat: by its token, or by its commit id.
type Script struct {
	script *redis.Script
	lua    string
}

// NewScript returns a script for a store whose locks are kept elsewhere, so that it never gives one back.
func NewScript(lua string) *Script { return newScript("", lua) }

// NewScript returns a script. Where its line "-- include locks" is it gets the functions of the locks, of which give(lock, queue)
// takes the lock from its holder and returns the ticket of the next, or false.
func (r *Redis) NewScript(lua string) *Script {
	return newScript(fmt.Sprintf("local claim, channel, lax = %d, %s, %t\n", r.opts.Claim.Milliseconds(), luaString(r.keys.wakePrefix()), r.lax), lua)
}

func newScript(constants, lua string) *Script {
	lua = constants + strings.Replace(lua, "-- include locks\n", locksLua, 1)
	return &Script{script: redis.NewScript(lua), lua: lua}
}

// luaString quotes a string.
func luaString(s string) string {
	q := []byte{'\''}
	for i := range len(s) {
		q = fmt.Appendf(q, "\\%03d", s[i])
	}
	return string(append(q, '\''))
}

// NewAcquireScript returns the script that takes a key together with what is kept under it: see acquire.lua for the two
// texts. KEYS[3] and ARGV[3] are the first of theirs.
func (r *Redis) NewAcquireScript(constants, free, load string) *Script {
	lua := strings.Replace(acquireLua, "-- include free\n", free, 1)
	lua = strings.Replace(lua, "-- include load\n", load, 1)
	return r.NewScript(fmt.Sprintf("local full, life = %d, %d\n", r.opts.Limits.Queue, (r.opts.Limits.Wait+time.Minute).Milliseconds()) +
		constants + lua)
}

// Run runs the script by itself. Errors that may pass are tried again, twice; sent tells whether the server may have run it
// though the answer is an error.
func (s *Script) Run(ctx context.Context, rdb redis.UniversalClient, keys []string, args ...any) (reply any, sent bool, err error) {
	return s.run(ctx, rdb, func(ctx context.Context, cmd *redis.Cmd) *redis.Cmd {
		_ = rdb.Process(ctx, cmd)
		return cmd
	}, keys, args)
}

func (s *Script) run(
	ctx context.Context, rdb redis.UniversalClient, process func(context.Context, *redis.Cmd) *redis.Cmd, keys []string, args []any,
) (reply any, sent bool, err error) {
	err = again(ctx, func() error {
		cmd := process(ctx, evalSha(ctx, s.Hash(), keys, args))
		if noScript(cmd.Err()) {
			cmd = process(ctx, s.eval(ctx, keys, args))
		}
		if err := cmd.Err(); err != nil {
			sent = sent || mayHaveRun(rdb, err)
			return err
		}
		reply = cmd.Val()
		return nil
	})
	if err == nil || errors.Is(err, redis.Nil) {
		return reply, true, nil
	}
	return nil, sent, err
}

// evalSha is the command that runs a script by its digest.
func evalSha(ctx context.Context, sha string, keys []string, args []any) *redis.Cmd {
	return scriptCmd(ctx, "evalsha", sha, keys, args)
}

// eval is the command that runs the script by its text, where the digest is not known: the very node that was asked then knows it. In a
// cluster that may be one that has just joined, which a SCRIPT LOAD would not reach, and which need not wait for others that are gone.
func (s *Script) eval(ctx context.Context, keys []string, args []any) *redis.Cmd {
	return scriptCmd(ctx, "eval", s.lua, keys, args)
}

func scriptCmd(ctx context.Context, name, script string, keys []string, args []any) *redis.Cmd {
	all := make([]any, 0, 3+len(keys)+len(args))
	all = append(all, name, script, len(keys))
	for _, k := range keys {
		all = append(all, k)
	}
	cmd := redis.NewCmd(ctx, append(all, args...)...)
	cmd.SetFirstKeyPos(3)
	return cmd
}

// Hash is the digest by which the script is run.
func (s *Script) Hash() string { return s.script.Hash() }

// Load makes the script known to the server.
func (s *Script) Load(ctx context.Context, rdb redis.UniversalClient) error {
	return s.script.Load(ctx, rdb).Err()
}

func noScript(err error) bool { return err != nil && redis.HasErrorPrefix(err, "NOSCRIPT") }

// movePatience is how long a request waits, at most, while a cluster moves the slot of its keys.
const movePatience = 5 * time.Second

// again runs f up to three times while its error may pass, and for longer while the keys are being moved: that is sure to pass.
func again(ctx context.Context, f func() error) error {
	pause := 8 * time.Millisecond
	begun := time.Now()
	for try := 0; ; try++ {
		err := f()
		if !transient(err) || (try >= 2 && !(isMoving(err) && time.Since(begun) < movePatience)) {
			return err
		}
		timer := time.NewTimer(pause/2 + rand.N(pause)) //nolint:gosec // only spreads the attempts
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		pause = min(4*pause, 128*time.Millisecond)
	}
}

// errScript means that a script did not answer what it should.
var errScript = errors.New("unexpected answer of a script")

// transient reports whether the same request may succeed in a moment: the connection broke, or the server is starting,
// failing over or moving keys.
func transient(err error) bool {
	switch {
	case err == nil || errors.Is(err, redis.Nil) || errors.Is(err, redis.ErrClosed) || errors.Is(err, errScript):
		return false
	case isDial(err):
		return true
	case !Answered(err):
		return !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
	}
	return isMoving(err) || hasPrefix(err, "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS", "max number of clients")
}

// isMoving reports whether a cluster moves the slot of the keys: to its end the client is sent back and forth.
func isMoving(err error) bool { return hasPrefix(err, "TRYAGAIN", "MOVED", "ASK") }

func hasPrefix(err error, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return redis.HasErrorPrefix(err, p) })
}

// mayHaveRun reports whether the server may have run what it was sent. A client that tries again by itself shows the last
// error only, so that nothing is certain.
func mayHaveRun(rdb redis.UniversalClient, err error) bool {
	if Answered(err) {
		return false
	}
	if c, ok := rdb.(*redis.Client); !ok || c.Options().MaxRetries > 0 {
		return true
	}
	return !isDial(err) && !errors.Is(err, redis.ErrPoolTimeout) && !errors.Is(err, redis.ErrClosed)
}

// Answered reports whether an error is what the server answered, so that it is there and can be asked other things.
func Answered(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply)
}

// isDial reports whether a connection could not be made.
func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
