package trackerstore

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"
)

// failures tells an observer what kind of failure a call of Redis met. It is a hook of the client, so that no call is forgotten and
// each attempt counts.
type failures struct {
	failed func(kind string)
}

// DialHook is for the client: a connection that cannot be made fails the call that wanted it.
func (failures) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook is for the client.
func (f failures) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		f.count(cmd, err)
		return err
	}
}

// ProcessPipelineHook is for the client. Commands that were sent together fail together, or each by itself.
func (f failures) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		var said redis.Error
		if err != nil && !errors.As(err, &said) {
			f.count(cmds[0], err)
			return err
		}
		for _, cmd := range cmds {
			f.count(cmd, cmd.Err())
		}
		return err
	}
}

// count counts a failure, unless it is of what the client says by itself when it connects: older servers do not know all of that.
func (f failures) count(cmd redis.Cmder, err error) {
	if name := cmd.Name(); name == "client" || name == "hello" {
		return
	}
	if kind := failureKind(err); kind != "" {
		f.failed(kind)
	}
}

// failureKind is the kind of a failure: timeout, conn, readonly, oom, moved, script or other; "" for what is none, such as a key that
// is not there, a script that has to be sent first, or a client that left.
func failureKind(err error) string {
	var said redis.Error
	switch {
	case err == nil, errors.Is(err, redis.Nil), errors.Is(err, context.Canceled):
		return ""
	case errors.As(err, &said):
		return answerKind(said.Error())
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, redis.ErrPoolTimeout):
		return "timeout"
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return "timeout"
	}
	return "conn"
}

// answerKind is the kind of an error that the server answered.
func answerKind(text string) string {
	word, _, _ := strings.Cut(text, " ")
	switch word {
	case "NOSCRIPT":
		return ""
	case "READONLY":
		return "readonly"
	case "OOM":
		return "oom"
	case "MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "CROSSSLOT":
		return "moved"
	case "BUSY", "UNKILLABLE":
		return "script"
	}
	if strings.Contains(text, "script") {
		return "script"
	}
	return "other"
}

// Pool is the state of the connections to the server that keeps the conversations: how many there are and are idle, and how many waits
// for one ended without, and connections had to be opened, since the store was made.
type Pool struct {
	Total, Idle, Timeouts, Misses int
}

// Pool returns the state of the connections.
func (r *Redis) Pool() Pool {
	s := r.rdb.PoolStats()
	p := Pool{Total: int(s.TotalConns), Idle: int(s.IdleConns), Timeouts: int(s.Timeouts), Misses: int(s.Misses)}
	if b := s.PipelineStats; b != nil { // batches have connections of their own
		p.Total += int(b.TotalConns)
		p.Idle += int(b.IdleConns)
		p.Timeouts += int(b.Timeouts)
		p.Misses += int(b.Misses)
	}
	return p
}
