package lockstore

import (
	"context"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
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

// Script is a Lua script that is run by its digest and loaded when the server does not know it. Every script of the stores is
// safe to repeat: by its token, or by its commit id.
type Script struct{ script *redis.Script }

// NewScript returns a script for a store whose locks are kept elsewhere, so that it never gives one back.
func NewScript(lua string) *Script { return newScript("", lua) }

// NewScript returns a script. Where its line "-- include locks" is it gets the functions of the locks, of which give(lock, queue)
// takes the lock from its holder and returns the ticket of the next, or false.
func (r *Redis) NewScript(lua string) *Script {
	return newScript(fmt.Sprintf("local claim, channel, lax = %d, %s, %t\n", r.opts.Claim.Milliseconds(), luaString(r.keys.wakePrefix()), r.lax), lua)
}

func newScript(constants, lua string) *Script {
	return &Script{redis.NewScript(constants + strings.Replace(lua, "-- include locks\n", locksLua, 1))}
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
	return s.run(ctx, rdb, rdb.EvalSha, keys, args)
}

func (s *Script) run(
	ctx context.Context, rdb redis.UniversalClient, evalSha func(context.Context, string, []string, ...any) *redis.Cmd,
	keys []string, args []any,
) (reply any, sent bool, err error) {
	err = again(ctx, func() error {
		cmd := evalSha(ctx, s.Hash(), keys, args...)
		if noScript(cmd.Err()) {
			if err := s.script.Load(ctx, rdb).Err(); err != nil {
				return err
			}
			cmd = evalSha(ctx, s.Hash(), keys, args...)
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

// Hash is the digest by which the script is run.
func (s *Script) Hash() string { return s.script.Hash() }

// Load makes the script known to the server.
func (s *Script) Load(ctx context.Context, rdb redis.UniversalClient) error {
	return s.script.Load(ctx, rdb).Err()
}

func noScript(err error) bool { return err != nil && redis.HasErrorPrefix(err, "NOSCRIPT") }

// again runs f up to three times while its error may pass.
func again(ctx context.Context, f func() error) error {
	pause := 8 * time.Millisecond
	for try := 0; ; try++ {
		err := f()
		if try == 2 || !transient(err) {
			return err
		}
		timer := time.NewTimer(pause/2 + rand.N(pause)) //nolint:gosec // only spreads the attempts
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		pause *= 4
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
	for _, prefix := range []string{"LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS", "max number of clients"} {
		if redis.HasErrorPrefix(err, prefix) {
			return true
		}
	}
	return false
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
