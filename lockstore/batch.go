package lockstore

import (
	"context"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Batcher runs scripts, and sends those that goroutines ask for at the same time as one pipeline. Under load a turn so costs a part of a
// write and a read on each side instead of two of each. Nobody waits to be joined by others: whoever finds a way free sends at once, and
// those who arrive while all ways are taken are sent together when one becomes free.
//
// A batch with a transaction in it is sent as one transaction: its commands stay together, and so do those of the others. The nodes
// of a cluster differ by command, so that there each caller sends for himself.
type Batcher struct {
	rdb    redis.UniversalClient
	single bool // all commands go to one server

	mu      sync.Mutex
	free    int
	waiting []*batched
}

// ways is how many batches may be under way at once: one is answered while the next is written.
const ways = 2

// batched is what one caller sends.
type batched struct {
	cmds []redis.Cmder
	tx   bool
	lead chan bool // told once: true if the way is his, false if another sent his commands and they are answered
}

// NewBatcher returns a batcher for a client. It starts nothing.
func NewBatcher(rdb redis.UniversalClient) *Batcher {
	_, single := rdb.(*redis.Client)
	return &Batcher{rdb: rdb, single: single, free: ways}
}

// Run runs a script; see [Script.Run].
func (b *Batcher) Run(ctx context.Context, s *Script, keys []string, args ...any) (reply any, sent bool, err error) {
	return s.run(ctx, b.rdb, func(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
		cmd := evalSha(ctx, sha, keys, args)
		b.do(ctx, &batched{cmds: []redis.Cmder{cmd}})
		return cmd
	}, keys, args)
}

// evalSha is the command that runs a script by its digest.
func evalSha(ctx context.Context, sha string, keys []string, args []any) *redis.Cmd {
	all := make([]any, 0, 3+len(keys)+len(args))
	all = append(all, "evalsha", sha, len(keys))
	for _, k := range keys {
		all = append(all, k)
	}
	cmd := redis.NewCmd(ctx, append(all, args...)...)
	cmd.SetFirstKeyPos(3)
	return cmd
}

// do sends commands and waits until each has its answer or its error. ctx ends the wait for a way. It does not end a batch under way, for
// others are in it: the client's time limits do.
func (b *Batcher) do(ctx context.Context, c *batched) {
	if !b.single {
		b.exec(ctx, []*batched{c})
		return
	}
	b.mu.Lock()
	if b.free > 0 {
		b.free--
		b.mu.Unlock()
		b.send(ctx, c)
		return
	}
	c.lead = make(chan bool, 1)
	b.waiting = append(b.waiting, c)
	b.mu.Unlock()
	var lead bool
	select {
	case lead = <-c.lead:
	case <-ctx.Done():
		if b.leave(c) {
			for _, cmd := range c.cmds {
				cmd.SetErr(ctx.Err())
			}
			return
		}
		lead = <-c.lead // it is on its way, or next
	}
	if lead {
		b.send(ctx, c)
	}
}

// leave takes a caller out of those that wait and reports whether he was among them.
func (b *Batcher) leave(c *batched) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(b.waiting, c)
	if i >= 0 {
		b.waiting = slices.Delete(b.waiting, i, i+1)
	}
	return i >= 0
}

// send sends the commands of a caller with those of all that wait, and passes the way on.
func (b *Batcher) send(ctx context.Context, c *batched) {
	b.mu.Lock()
	batch := append([]*batched{c}, b.waiting...)
	b.waiting = nil
	b.mu.Unlock()
	b.exec(context.WithoutCancel(ctx), batch)
	b.mu.Lock()
	if len(b.waiting) > 0 {
		b.waiting[0].lead <- true
		b.waiting = b.waiting[1:]
	} else {
		b.free++
	}
	b.mu.Unlock()
	for _, other := range batch[1:] {
		other.lead <- false
	}
}

func (b *Batcher) exec(ctx context.Context, batch []*batched) {
	if len(batch) == 1 && len(batch[0].cmds) == 1 {
		_ = b.rdb.Process(ctx, batch[0].cmds[0]) // the command keeps its error
		return
	}
	p := b.rdb.Pipeline()
	if slices.ContainsFunc(batch, func(c *batched) bool { return c.tx }) {
		p = b.rdb.TxPipeline()
	}
	for _, c := range batch {
		for _, cmd := range c.cmds {
			_ = p.Process(ctx, cmd)
		}
	}
	_, _ = p.Exec(ctx) // each command keeps its error
}
