package lockstore

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bsm/redislock"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"
)

// RedisOptions are the numbers of a lock store on Redis. The zero value means the defaults.
type RedisOptions struct {
	// Limits bound the lines.
	Limits Limits
	// Prefix is what the names of all keys and channels begin with; "": parley. Braces are refused: they would undo the
	// hash tags.
	Prefix string
	// Lease is how long a holder that stopped answering keeps its key; 0: 5 seconds. Redis.Run refreshes it at a third.
	Lease time.Duration
	// MaxHold is how long a lease is refreshed at most, so that a holder that hangs gives its key up; 0: 5 minutes.
	MaxHold time.Duration
	// Claim is how long a key that was handed over waits for its new holder; 0: 2 seconds.
	Claim time.Duration
	// Poll is how often, give or take a fifth, a ticket asks when it hears nothing; 0: half a second.
	Poll time.Duration
	// Log hears what goes wrong behind the callers' backs; nil: nothing.
	Log *slog.Logger
	// Observer hears what is measured.
	Observer Observer
}

// Observer is told what a lock store does. Functions may be nil; they are called from many goroutines and must not block.
type Observer struct {
	// Queued is told how many stand before a request that arrives, the holder counted; 0: the key is free.
	Queued func(ahead int)
	// Waited is told how what Queued began has ended: granted, full, timeout or left; contended says whether it had to wait.
	Waited func(outcome string, contended bool, d time.Duration)
	// Released is told how long a key was held.
	Released func(held time.Duration)
	// Expired is told what lapsed: holder.
	Expired func(who string)
	// HandedOff is told where the next holder lives: local or remote.
	HandedOff func(kind string)
	// Refreshed is told how the refresh of a lease went: ok, lost or error.
	Refreshed func(result string)
}

// Redis keeps the lines of its keys in Redis, for any number of processes. Each turn in line is a lease of bsm/redislock,
// admitted in order of arrival: the ticket of who has to wait is queued by the very request that asked for the key, and the
// holder hands the key to the first in line when it gives it back.
type Redis struct {
	rdb      redis.UniversalClient
	opts     RedisOptions
	keys     keys
	worker   string
	lax      bool // PUBLISH does not tell whether anybody listens
	plain    *Script
	releaser *Script
	locker   *redislock.Client
	batcher  *Batcher
	log      *slog.Logger

	waiters    waiters
	held       leases
	subscribed atomic.Bool
	deaf       bool // tests: drop all wake-ups
}

var _ Store = (*Redis)(nil)

// NewRedis returns a lock store on a Redis server. It starts nothing and does not connect: [Redis.Run] runs what listens for
// wake-ups and keeps leases alive.
func NewRedis(rdb redis.UniversalClient, opts RedisOptions) (*Redis, error) {
	if strings.ContainsAny(opts.Prefix, "{}") {
		return nil, fmt.Errorf("lockstore: prefix %q holds a brace", opts.Prefix)
	}
	opts.Limits = opts.Limits.withDefaults()
	opts.Prefix = cmp.Or(opts.Prefix, "parley")
	opts.Lease = cmp.Or(opts.Lease, 5*time.Second)
	opts.MaxHold = cmp.Or(opts.MaxHold, 5*time.Minute)
	opts.Claim = cmp.Or(opts.Claim, 2*time.Second)
	opts.Poll = cmp.Or(opts.Poll, 500*time.Millisecond)
	if opts.Lease < 10*time.Millisecond || opts.Claim < time.Millisecond || opts.Poll < time.Millisecond {
		return nil, errors.New("lockstore: Lease, Claim and Poll must be positive, Lease at least 10 ms")
	}
	r := &Redis{
		rdb:    rdb,
		opts:   opts,
		keys:   keys{prefix: opts.Prefix, tags: NewTags()},
		worker: randomToken(9),
		log:    cmp.Or(opts.Log, slog.New(slog.DiscardHandler)),
	}
	if _, cluster := rdb.(*redis.ClusterClient); cluster {
		r.lax = true // a node counts its own subscribers only
	}
	r.plain = r.NewAcquireScript("", plainFree, plainLoad)
	r.releaser = r.NewScript(releaseLua)
	r.batcher = NewBatcher(rdb)
	r.locker = redislock.New(shim{rdb, r.batcher})
	r.waiters.woken = make(map[string]chan struct{})
	return r, nil
}

// Client is the Redis client of the store.
func (r *Redis) Client() redis.UniversalClient { return r.rdb }

// Batcher sends the scripts of turns.
func (r *Redis) Batcher() *Batcher { return r.batcher }

// Options are the numbers of the store, defaults filled in.
func (r *Redis) Options() RedisOptions { return r.opts }

// Base is what the names of all keys about a key begin with; they share a slot of a Redis Cluster.
func (r *Redis) Base(key string) string { return r.keys.base(key) }

// Tags are the hash tags of the store.
func (r *Redis) Tags() *Tags { return r.keys.tags }

// Listening reports whether wake-ups arrive; otherwise tickets poll.
func (r *Redis) Listening() bool { return r.subscribed.Load() }

// Load makes the store's scripts known to the server. Without it the first requests do.
func (r *Redis) Load(ctx context.Context) error {
	return errors.Join(r.plain.Load(ctx, r.rdb), r.releaser.Load(ctx, r.rdb))
}

// Run listens for wake-ups and refreshes leases until ctx ends. While it does not run, tickets find out by polling that it
// is their turn, and a lease is lost after [RedisOptions.Lease]. End it after the last lease was released.
func (r *Redis) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.listen(ctx) })
	g.Go(func() error { return r.keepAlive(ctx) })
	return g.Wait()
}

// Load is what a holder of a key wants to know at once.
type Load struct {
	// Script is a script of [Redis.NewAcquireScript].
	Script *Script
	// Keys are those of [Redis.GiveKeys] and behind them the keys of before and load, in the same slot; nil: there are no others.
	Keys []string
	// Args returns their arguments; it is called for each request.
	Args func() []any
}

// Reply is what came with a granted key, or instead of it.
type Reply struct {
	// Lease is the held key; nil: the request was answered without it.
	Lease *Lease
	// Payload is what load or, without a lease, before returned.
	Payload []any
}

// Acquire waits in line for the key and holds it until the lease is released.
func (r *Redis) Acquire(ctx context.Context, key string) (*Lease, error) {
	reply, err := r.AcquireWith(ctx, key, Load{Script: r.plain})
	if err != nil {
		return nil, err
	}
	return reply.Lease, nil
}

// AcquireWith waits in line for the key and loads what is kept under it, in one round trip when the key is free.
func (r *Redis) AcquireWith(ctx context.Context, key string, load Load) (Reply, error) {
	begun := time.Now()
	t := r.newTicket(key, load)
	reply, outcome, err := r.acquire(ctx, t)
	if f := r.opts.Observer.Queued; f != nil && t.place == 0 {
		f(0)
	}
	if f := r.opts.Observer.Waited; f != nil {
		f(outcome, t.place > 0, time.Since(begun))
	}
	if err != nil {
		return Reply{}, fmt.Errorf("acquire: %w", err)
	}
	return reply, nil
}

func (r *Redis) acquire(ctx context.Context, t *ticket) (reply Reply, outcome string, err error) {
	if ctx.Err() != nil {
		return Reply{}, "left", ended(ctx)
	}
	woken := r.waiters.add(t.token)
	defer r.waiters.remove(t.token)
	gone := clientOf(ctx)
	begun := time.Now()
	answered := begun // when the server was last heard
	var limit *time.Timer
	for first := true; ; first = false {
		if !first && gone() {
			r.leave(ctx, t)
			return Reply{}, "left", fmt.Errorf("wait in line: %w", ErrGone)
		}
		asked := time.Now()
		err := r.ask(ctx, t)
		switch {
		case err == nil && t.verdict == "A":
			return Reply{Lease: r.hold(t, asked), Payload: t.payload}, "granted", nil
		case err == nil && t.verdict == "R":
			if t.place > 0 || t.lock != nil { // it stands in line, or redislock took the free lock
				r.leave(ctx, t)
			}
			return Reply{Payload: t.payload}, "left", nil
		case err == nil && t.verdict == "F":
			r.undo(ctx, t)
			t.place = r.opts.Limits.Queue + 1
			if f := r.opts.Observer.Queued; f != nil && first {
				f(t.place)
			}
			return Reply{}, "full", fmt.Errorf("%d in line: %w", r.opts.Limits.Queue, ErrTooManyPending)
		case err == nil:
			answered = asked
			r.undo(ctx, t)
			if f := r.opts.Observer.Queued; f != nil && first {
				f(t.place)
			}
		case Over(ctx):
			r.leave(ctx, t)
			return Reply{}, "left", fmt.Errorf("wait in line: %w", ended(ctx))
		case first || !transient(err) || time.Since(answered) > r.opts.Lease:
			r.leave(ctx, t)
			return Reply{}, "left", fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		if limit == nil { // it has to wait
			limit = time.NewTimer(r.opts.Limits.Wait - time.Since(begun))
			defer limit.Stop()
		}
		pause := r.opts.Poll*4/5 + mathrand.N(r.opts.Poll*2/5) //nolint:gosec // only spreads the questions
		poll := time.NewTimer(pause)
		select {
		case <-woken:
		case <-poll.C:
		case <-ctx.Done():
			poll.Stop()
			r.leave(ctx, t)
			return Reply{}, "left", fmt.Errorf("wait in line: %w", ended(ctx))
		case <-limit.C:
			poll.Stop()
			r.leave(ctx, t)
			return Reply{}, "timeout", fmt.Errorf("wait in line for %s: %w", r.opts.Limits.Wait, ErrTimeout)
		}
		poll.Stop()
	}
}

// ticket is one request for a key, from its arrival until it leaves. Its token is never used again.
type ticket struct {
	key   string
	token string
	place int
	name  string // how it stands in the queue: worker and token

	load Load
	keys []string
	args []any

	sent    bool // the server may know the ticket
	verdict string
	payload []any
	lock    *redislock.Lock
}

func (r *Redis) newTicket(key string, load Load) *ticket {
	t := &ticket{key: key, token: randomToken(16), load: load}
	worker := r.worker
	if !r.subscribed.Load() {
		worker = "~" + worker
	}
	t.name = worker + "|" + t.token
	if t.keys = load.Keys; t.keys == nil {
		t.keys = r.GiveKeys(key)
	}
	t.args = []any{t.token, t.name}
	return t
}

// ask asks for the key once: redislock's own script, and before it ours, which decides and loads.
func (r *Redis) ask(ctx context.Context, t *ticket) error {
	args := t.args
	if t.load.Args != nil {
		args = append(slices.Clip(args), t.load.Args()...)
	}
	return again(ctx, func() error {
		q := &question{script: t.load.Script, keys: t.keys, args: args}
		asking := asking{ctx, q}
		lock, err := r.locker.Obtain(asking, t.keys[0], r.opts.Lease, &redislock.Options{Token: t.token}) //nolint:contextcheck // it is ctx
		if err != nil && !errors.Is(err, redislock.ErrNotObtained) {
			t.sent = t.sent || mayHaveRun(r.rdb, err)
			return err
		}
		t.sent = true
		t.lock = lock
		return t.read(q.reply)
	})
}

// undo gives back what redislock took though our script did not grant it: the lease of another lapsed between the two. The
// key goes to the first in line, who may be this ticket.
func (r *Redis) undo(ctx context.Context, t *ticket) {
	if t.lock != nil {
		r.giveBack(ctx, t.key, t.token, "")
	}
}

// read takes the reply of the acquire script.
func (t *ticket) read(reply []any) error {
	if len(reply) == 0 {
		return fmt.Errorf("%w: acquire: nothing", errScript)
	}
	t.verdict, _ = reply[0].(string)
	t.payload = nil
	switch t.verdict {
	case "A", "R":
		t.payload = reply[1:]
	case "Q":
		if len(reply) > 1 {
			place, _ := reply[1].(int64)
			t.place = int(place)
		}
	case "F":
	default:
		return fmt.Errorf("%w: acquire: %q", errScript, t.verdict)
	}
	if t.verdict == "A" && t.lock == nil {
		return fmt.Errorf("%w: acquire: granted, and redislock refuses", errScript)
	}
	return nil
}

// leave takes the ticket out of the line and passes on what was granted to it, also after ctx has ended.
func (r *Redis) leave(ctx context.Context, t *ticket) {
	if t.sent {
		r.giveBack(ctx, t.key, t.token, t.name)
	}
}

// giveBack gives a key back, also after ctx has ended: whose time is over waits no longer than a grace.
func (r *Redis) giveBack(ctx context.Context, key, token, ticket string) {
	limit := 2 * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline))
	}
	if ctx.Err() != nil {
		limit = 0
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(limit, grace))
	defer cancel()
	next, _, err := r.batcher.Run(ctx, r.releaser, r.GiveKeys(key), token, ticket)
	if err != nil {
		r.log.Warn("a lock was not given back, it lapses by itself", "error", err)
		return
	}
	r.HandedTo(next)
}

// HandedTo is told the ticket that a script handed a key to, if any: a ticket of this process is woken at once.
func (r *Redis) HandedTo(ticket any) {
	name, ok := ticket.(string)
	if !ok || name == "" {
		return
	}
	worker, token, _ := strings.Cut(name, "|")
	kind := "remote"
	if strings.TrimPrefix(worker, "~") == r.worker {
		kind = "local"
		r.waiters.wake(token)
	}
	if f := r.opts.Observer.HandedOff; f != nil {
		f(kind)
	}
}

// GiveKeys are the first keys of a script that gives a key back: lock and queue.
func (r *Redis) GiveKeys(key string) []string { return []string{r.keys.lock(key), r.keys.queue(key)} }

// Token is what a script compares with the lock before it calls give.
func (r *Redis) Token(l *Lease) string {
	h, _ := l.holder.(*redisLease)
	if h == nil {
		return ""
	}
	return h.token
}

// randomToken returns n random bytes in the URL-safe alphabet.
func randomToken(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// waiters are the tickets of this process.
type waiters struct {
	mu    sync.Mutex
	woken map[string]chan struct{}
}

func (w *waiters) add(token string) <-chan struct{} {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.woken[token] = c
	return c
}

func (w *waiters) remove(token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.woken, token)
}

func (w *waiters) wake(token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.woken[token]; c != nil {
		signal(c)
	}
}

func (w *waiters) wakeAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.woken {
		signal(c)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
