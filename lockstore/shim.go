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
	q, ok := ctx.Value(questionKey{}).(*question)
	if !ok {
		return s.UniversalClient.EvalSha(ctx, sha, keys, args...)
	}
	obtained, err := s.both(ctx, q, sha, keys, args)
	if noScript(err) {
		if err := q.script.Load(ctx, s.UniversalClient); err != nil {
			obtained.SetErr(err)
			return obtained
		}
		obtained, err = s.both(ctx, q, sha, keys, args)
	}
	if err != nil {
		obtained.SetErr(err)
	}
	return obtained
}

// Eval is what redislock calls when the server does not know its script: it is loaded, so that it can run by its digest.
func (s shim) Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd {
	if _, ok := ctx.Value(questionKey{}).(*question); !ok {
		return s.UniversalClient.Eval(ctx, script, keys, args...)
	}
	sha, err := s.ScriptLoad(ctx, script).Result()
	if err != nil {
		cmd := redis.NewCmd(ctx)
		cmd.SetErr(err)
		return cmd
	}
	return s.EvalSha(ctx, sha, keys, args...)
}

// both sends the question and redislock's script. The error is the question's.
func (s shim) both(ctx context.Context, q *question, sha string, keys []string, args []any) (*redis.Cmd, error) {
	ours, obtained := evalSha(ctx, q.script.Hash(), q.keys, q.args), evalSha(ctx, sha, keys, args)
	if err := s.batcher.do(ctx, &batched{cmds: []redis.Cmder{ours, obtained}, tx: true}); err != nil {
		return failedCmd(ctx, err), err
	}
	if err := ours.Err(); err != nil {
		return obtained, err
	}
	var err error
	q.reply, err = ours.Slice()
	return obtained, err
}
