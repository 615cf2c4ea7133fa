package lockstore

import (
	"context"
	"slices"
	"sync"
	"time"

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

// grace is how long a caller whose context has ended waits for what is under way: the answer usually comes, and tells more.
const grace = 300 * time.Millisecond

// batched is what one caller sends.
type batched struct {
	cmds []redis.Cmder
	tx   bool
	lead chan bool // told once: true if the way is his, false if his commands were sent and are answered
}

// NewBatcher returns a batcher for a client. It starts nothing.
func NewBatcher(rdb redis.UniversalClient) *Batcher {
	_, single := rdb.(*redis.Client)
	return &Batcher{rdb: rdb, single: single, free: ways}
}

// Run runs a script; see [Script.Run].
func (b *Batcher) Run(ctx context.Context, s *Script, keys []string, args ...any) (reply any, sent bool, err error) {
	return s.run(ctx, b.rdb, func(ctx context.Context, cmd *redis.Cmd) *redis.Cmd {
		if err := b.do(ctx, &batched{cmds: []redis.Cmder{cmd}}); err != nil {
			return failedCmd(ctx, err)
		}
		return cmd
	}, keys, args)
}

// failedCmd is a command with an error.
func failedCmd(ctx context.Context, err error) *redis.Cmd {
	cmd := redis.NewCmd(ctx)
	cmd.SetErr(err)
	return cmd
}

// do sends commands and waits until each has its answer or its error. The end of ctx ends the wait: at once where nothing was sent, and
// otherwise after a grace. Then do returns an error and the commands are not to be looked at: others may be in the batch, so that it goes
// on, within the client's time limits.
func (b *Batcher) do(ctx context.Context, c *batched) error {
	if !b.single {
		b.exec(patient{ctx}, []*batched{c}) //nolint:contextcheck // it is ctx
		return nil
	}
	c.lead = make(chan bool, 1)
	b.mu.Lock()
	if b.free == 0 {
		b.waiting = append(b.waiting, c)
		b.mu.Unlock()
		return b.wait(ctx, c)
	}
	b.free--
	b.mu.Unlock()
	return b.send(ctx, c)
}

// wait waits for a way, or for the answer to what is under way.
func (b *Batcher) wait(ctx context.Context, c *batched) error {
	done := ctx.Done()
	var late <-chan time.Time
	for {
		select {
		case lead := <-c.lead:
			switch {
			case !lead:
				return nil
			case ctx.Err() != nil:
				b.pass()
				return ctx.Err()
			}
			return b.send(ctx, c)
		case <-done:
			if b.leave(c) {
				return ctx.Err()
			}
			limit := time.NewTimer(grace)
			defer limit.Stop()
			done, late = nil, limit.C
		case <-late:
			return ctx.Err()
		}
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

// send sends the commands of a caller with those of all that wait, and passes the way on. What several share goes on without any of them.
func (b *Batcher) send(ctx context.Context, c *batched) error {
	b.mu.Lock()
	others := b.waiting
	b.waiting = nil
	b.mu.Unlock()
	if len(others) == 0 {
		defer b.pass()
		b.exec(patient{ctx}, []*batched{c}) //nolint:contextcheck // it is ctx
		return nil
	}
	batch := append([]*batched{c}, others...)
	go func() {
		b.exec(context.WithoutCancel(ctx), batch)
		b.pass()
		for _, each := range batch {
			each.lead <- false
		}
	}()
	return b.wait(ctx, c)
}

// pass gives the way to the first that waits, if any does.
func (b *Batcher) pass() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) == 0 {
		b.free++
		return
	}
	b.waiting[0].lead <- true
	b.waiting = b.waiting[1:]
}

// exec sends commands. Each keeps its answer or its error.
func (b *Batcher) exec(ctx context.Context, batch []*batched) {
	if len(batch) == 1 && len(batch[0].cmds) == 1 {
		_ = b.rdb.Process(ctx, batch[0].cmds[0])
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
	_, _ = p.Exec(ctx)
}

// patient is a context with a grace for what is on its way when its time is over. Whatever was not sent by then still ends with it.
type patient struct{ context.Context } //nolint:containedctx // it is a context

// Deadline is later, where there is one.
func (p patient) Deadline() (time.Time, bool) {
	t, ok := p.Context.Deadline()
	return t.Add(grace), ok
}
