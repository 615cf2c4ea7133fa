package lockstore

import (
	"context"

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

func withQuestion(ctx context.Context, q *question) context.Context {
	return context.WithValue(ctx, questionKey{}, q)
}

// shim is the client that redislock gets. When the context carries a question, our script goes before redislock's in one
// MULTI: it queues, hands over and loads; redislock's own script then takes the lock where ours left it free or ours. So the
// library stays in the path of every turn, unmodified, and a turn still costs one round trip.
type shim struct{ redis.UniversalClient }

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
	var ours, obtained *redis.Cmd
	_, err := s.TxPipelined(ctx, func(p redis.Pipeliner) error {
		ours = p.EvalSha(ctx, q.script.Hash(), q.keys, q.args...)
		obtained = p.EvalSha(ctx, sha, keys, args...)
		return nil
	})
	if ours == nil || obtained == nil {
		obtained = redis.NewCmd(ctx)
		return obtained, err
	}
	if ours.Err() != nil {
		return obtained, ours.Err()
	}
	q.reply, err = ours.Slice()
	return obtained, err
}
