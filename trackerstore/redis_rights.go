package trackerstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// checkRights finds out whether the user may run all commands of the scripts: where a rule of Redis forbids one, its answer does not always
// say which.
func (r *Redis) checkRights(ctx context.Context) error {
	channel := ""
	if r.fused != nil {
		channel = r.fused.Options().Prefix + ":w:rights"
	}
	key := r.keys.prefix + ":" + r.keys.tags[0] + ":rights"
	answer := r.rdb.Eval(ctx, rightsLua, []string{key}, channel)
	if err := answer.Err(); err != nil && !errors.Is(err, redis.Nil) {
		return failed(ctx, "try the commands", err)
	}
	_, err := r.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error { // as turns are
		p.Exists(ctx, key)
		return nil
	})
	if err != nil {
		return failed(ctx, "try a transaction", err)
	}
	if said, _ := answer.StringSlice(); len(said) == 2 {
		return fmt.Errorf("prepare the tracker store: the user of redis must not run %s, or not with the keys and channels of %q: %s",
			said[0], r.opts.Prefix, said[1])
	}
	return nil
}
