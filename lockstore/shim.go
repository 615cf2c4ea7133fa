package lockstore

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// question is what is asked in one MULTI with a script of redislock.
type question struct {
	script *Script
	keys   []string
	args   []any
	reply  []any
}

type questionKey struct{}

// asking is a context with a question.
type asking struct {
	context.Context //nolint:containedctx // it is a context
	question        *question
}

// Value returns the question.
func (a asking) Value(key any) any {
	if key == (questionKey{}) {
		return a.question
	}
	return a.Context.Value(key)
}

// Deadline is far away where there is none, or redislock sets one with a timer: the length of the lease.
func (a asking) Deadline() (time.Time, bool) {
	if t, ok := a.Context.Deadline(); ok {
		return t, true
	}
	return time.Now().Add(time.Minute), true
}

// shim is the client that redislock gets. When the context carries a question, our script goes before redislock's in one
// MULTI: it queues, hands over and loads; redislock's own script then takes the lock where ours left it free or ours. So the
// library stays in the path of every turn, unmodified, and a turn still costs one round trip.
type shim struct {
	redis.UniversalClient
	batcher *Batcher
}

// EvalSha runs a script of redislock, with the question before it.
func (s shim) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	if q, ok := ctx.Value(questionKey{}).(*question); ok {
		return s.both(ctx, q, func() *redis.Cmd { return evalSha(ctx, sha, keys, args) })
	}
	return s.UniversalClient.EvalSha(ctx, sha, keys, args...)
}

// Eval is what redislock calls when the server does not know its script.
func (s shim) Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd {
	if q, ok := ctx.Value(questionKey{}).(*question); ok {
		return s.both(ctx, q, func() *redis.Cmd { return scriptCmd(ctx, "eval", script, keys, args) })
	}
	return s.UniversalClient.Eval(ctx, script, keys, args...)
}

// both sends the question and redislock's script, whose answer it returns. An error of the question is one of both.
func (s shim) both(ctx context.Context, q *question, theirs func() *redis.Cmd) *redis.Cmd {
	ours, obtained := evalSha(ctx, q.script.Hash(), q.keys, q.args), theirs()
	err := s.batcher.do(ctx, &batched{cmds: []redis.Cmder{ours, obtained}, tx: true})
	if err == nil && noScript(ours.Err()) {
		ours, obtained = q.script.eval(ctx, q.keys, q.args), theirs()
		err = s.batcher.do(ctx, &batched{cmds: []redis.Cmder{ours, obtained}, tx: true})
	}
	if err == nil {
		q.reply, err = ours.Slice()
	}
	if err != nil {
		return failedCmd(ctx, err)
	}
	return obtained
}
