package trackerstore

import (
	"cmp"
	"compress/flate"
	"context"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"parley/dialogue"
	"parley/lockstore"
)

var (
	//go:embed tidy.lua
	tidyLua string
	//go:embed state.lua
	stateLua string
	//go:embed acquire.lua
	acquireLua string
	//go:embed free.lua
	freeLua string
	//go:embed load.lua
	loadLua string
	//go:embed history.lua
	historyLua string
	//go:embed commit.lua
	commitLua string
	//go:embed delete.lua
	deleteLua string
	//go:embed archive.lua
	archiveLua string
	//go:embed sweep.lua
	sweepLua string
	//go:embed import.lua
	importLua string
	//go:embed rights.lua
	rightsLua string
)

// Locks is what a store on Redis needs of a lock store.
type Locks interface {
	// Acquire waits in line for the key and holds it until the lease is released.
	Acquire(ctx context.Context, key string) (*lockstore.Lease, error)
}

// RedisOptions are the numbers of a store on Redis. The zero value means the defaults.
type RedisOptions struct {
	// Prefix is what the names of all keys begin with; "": parley. Braces are refused: they would undo the hash tags.
	Prefix string
	// RecordExp is how long a conversation is kept after its last turn; 0: for ever.
	RecordExp time.Duration
	// CacheBytes is how much memory decoded conversations may take in this process, roughly; 0: 64 MiB, negative: none.
	CacheBytes int64
	// MaxEventBytes is the size of the largest event; 0: 256 KiB. A turn with a larger one fails with ErrTooLarge.
	MaxEventBytes int
	// Compress makes Redis keep events compressed: about a third of the memory for some ten microseconds a turn.
	Compress bool
	// MaxClosedBytes and MaxClosedFrames are how much of closed sessions is kept as it was written, in bytes and in turns;
	// beyond that it is put together in compressed archives. 0: 4 MiB and 5000.
	MaxClosedBytes, MaxClosedFrames int
	// AllowEviction lets Prepare accept a server that may drop keys when its memory is full.
	AllowEviction bool
	// Importer knows conversations that are yet to be imported; nil: there are none.
	Importer Importer
	// Log hears what goes wrong behind the callers' backs; nil: nothing.
	Log *slog.Logger
	// Observer hears what is measured.
	Observer Observer
}

// Observer is told what a store does. Functions may be nil; they are called from many goroutines and must not block.
type Observer struct {
	// Committed is told how a commit ended: ok, dup, stale, conflict, unknown or error.
	Committed func(result string)
	// Cached is told whether the process had a copy of a conversation: hit, miss or stale.
	Cached func(result string)
	// CacheBytes is told the size of the cache, now and then.
	CacheBytes func(bytes int)
	// Stored is told the size of a conversation's latest session and the number of all its events, at each commit.
	Stored func(bytes, events int)
	// Done is told how long an operation took: acquire (with its wait), commit, read, list or delete.
	Done func(op string, d time.Duration)
	// Failed is told of each call of a server that failed: timeout, conn, readonly, oom, moved, script or other.
	Failed func(kind string)
}

func (o Observer) done(op string, begun time.Time) {
	if o.Done != nil {
		o.Done(op, time.Since(begun))
	}
}

// Redis keeps conversations in Redis, for any number of processes.
//
// The turns of a conversation form a chain of commits: each names the commit whose state it was computed from, and one
// script accepts exactly one child of each. The lock before it gives order and saves work; that nothing is lost, doubled or
// overwritten follows from the chain, also when a holder is paused beyond its lease, a server restarts, or an answer is lost
// and the commit is sent again.
//
// When locks and conversations lie on the same server a turn costs two round trips: one takes the lock and loads, one stores
// and hands the lock on. Otherwise it costs four.
type Redis struct {
	rdb     redis.UniversalClient
	scripts *lockstore.Batcher // runs the scripts of turns
	opts    RedisOptions
	keys    keys
	locks   Locks
	fused   *lockstore.Redis // nil: the locks are kept elsewhere
	cache   *cache
	reach   reach
	log     *slog.Logger

	acquireScript, loadScript, historyScript, commitScript, deleteScript, sweepScript, archiveScript, importScript *lockstore.Script

	deflate   *deflater // nil: frames are not compressed
	archiver  *deflater
	toArchive chan string // conversations with too much of closed sessions

	unchecked bool // tests: accept commits whatever their parent, and what comes of them
	close     []func() error
}

var _ Store = (*Redis)(nil)

// NewRedis returns a store on a Redis server. Locks that are a [lockstore.Redis] on the same client are taken and given back
// by the scripts of the conversations. It starts nothing and does not connect; see [Redis.Run] and [Redis.Prepare].
func NewRedis(rdb redis.UniversalClient, locks Locks, opts RedisOptions) (*Redis, error) {
	if strings.ContainsAny(opts.Prefix, "{}") {
		return nil, fmt.Errorf("trackerstore: prefix %q holds a brace", opts.Prefix)
	}
	if opts.RecordExp < 0 || (opts.RecordExp > 0 && opts.RecordExp < time.Millisecond) {
		return nil, fmt.Errorf("trackerstore: record_exp of %s is too short", opts.RecordExp)
	}
	opts.Prefix = cmp.Or(opts.Prefix, "parley")
	opts.CacheBytes = cmp.Or(opts.CacheBytes, 64<<20)
	opts.MaxEventBytes = cmp.Or(opts.MaxEventBytes, 256<<10)
	opts.MaxClosedBytes = cmp.Or(opts.MaxClosedBytes, 4<<20)
	opts.MaxClosedFrames = cmp.Or(opts.MaxClosedFrames, 5000)
	r := &Redis{
		rdb:   rdb,
		opts:  opts,
		locks: locks,
		cache: newCache(opts.CacheBytes),
		log:   cmp.Or(opts.Log, slog.New(slog.DiscardHandler)),

		archiver:  &deflater{level: flate.DefaultCompression},
		toArchive: make(chan string, 64),
	}
	r.reach.window.Store(windowLeast)
	if opts.Compress {
		r.deflate = &deflater{level: flate.BestSpeed}
		r.cache.factor = compressedFactor
	}
	if l, ok := locks.(*lockstore.Redis); ok && l.Client() == rdb {
		r.fused = l
		r.keys.tags = l.Tags()
		r.scripts = l.Batcher()
	} else {
		r.keys.tags = lockstore.NewTags()
		r.scripts = lockstore.NewBatcher(rdb)
	}
	r.keys.prefix = opts.Prefix
	r.prepareScripts()
	return r, nil
}

// prepareScripts makes the scripts. What is the same for all calls stands in their text.
func (r *Redis) prepareScripts() {
	script := lockstore.NewScript
	if r.fused != nil {
		script = r.fused.NewScript
	}
	reading := fmt.Sprintf("local window, tail = %d, %d\n", replyWindow.Milliseconds(), tailBytes)
	writing := fmt.Sprintf("local window, keep, checked = %d, %d, %t\n", replyWindow.Milliseconds(), r.opts.RecordExp.Milliseconds(), !r.unchecked)
	if r.fused != nil {
		r.acquireScript = r.fused.NewAcquireScript(reading, freeLua, tidyLua+stateLua+acquireLua)
	}
	r.loadScript = script(reading + tidyLua + stateLua + loadLua)
	r.commitScript = script(writing + tidyLua + commitLua)
	r.historyScript = script(tidyLua + historyLua)
	r.deleteScript = script(deleteLua)
	r.sweepScript = script(sweepLua)
	r.archiveScript = script(archiveLua)
	r.importScript = script(importLua)
}

// Begin waits until the conversation is free, in order of arrival, and returns its turn.
func (r *Redis) Begin(ctx context.Context, senderID string, d *dialogue.Domain) (*Turn, context.Context, error) {
	begun := time.Now()
	defer r.opts.Observer.done("acquire", begun)
	h := &redisHeld{store: r, senderID: senderID, keys: r.turnKeys(senderID), request: requestOf(ctx)}
	have, err := h.takeOrImport(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("begin turn: %w", err)
	}
	turnCtx, cancel := context.WithCancelCause(ctx)
	h.cancel = cancel
	h.lease.OnLost(func() { cancel(errLost) })
	if h.copy, err = r.decode(turnCtx, senderID, d, h.loaded, have); err != nil {
		h.abort()
		return nil, nil, fmt.Errorf("begin turn: %w", err)
	}
	if h.copy.tracker == nil {
		return newTurn(h, h.identity(), dialogue.NewTracker(senderID, d), false), turnCtx, nil
	}
	if err := h.copy.in(d); err != nil {
		h.abort()
		return nil, nil, fmt.Errorf("begin turn: %w", err)
	}
	return newTurn(h, h.identity(), h.copy.latest(), true), turnCtx, nil
}

// redisHeld is a conversation of Redis under its lock.
type redisHeld struct {
	store    *Redis
	senderID string
	keys     []string // see turnKeys
	request  request
	lease    *lockstore.Lease
	loaded   state
	fence    uint64
	copy     copyOf // what the turn began with
	cancel   context.CancelCauseFunc
}

func (h *redisHeld) identity() Identity { return identify(h.senderID, h.request, h.fence) }

// take takes the lock and loads what is stored. It returns the copy that the answer refers to.
func (h *redisHeld) take(ctx context.Context) (copyOf, error) {
	r := h.store
	if r.fused == nil {
		return h.takeSplit(ctx)
	}
	var have copyOf
	reply, err := r.fused.AcquireWith(ctx, h.senderID, lockstore.Load{
		Script: r.acquireScript,
		Keys:   h.keys[:6],
		Args: func() []any { // asked again after a wait, the process may have a newer copy
			have = r.cache.get(h.senderID)
			return h.loadArgs(have)
		},
	})
	if err != nil {
		return copyOf{}, err
	}
	if reply.Lease == nil {
		return copyOf{}, h.replay(reply.Payload)
	}
	h.lease = reply.Lease
	if h.fence, h.loaded, err = readLoaded(reply.Payload); err != nil {
		h.lease.Release()
		return copyOf{}, err
	}
	return have, nil
}

// takeSplit takes the lock where it is kept, and then loads.
func (h *redisHeld) takeSplit(ctx context.Context) (copyOf, error) {
	r := h.store
	lease, err := r.locks.Acquire(ctx, h.senderID)
	if err != nil {
		return copyOf{}, err
	}
	have := r.cache.get(h.senderID)
	payload, answered, err := r.load(ctx, h.senderID, append(h.loadArgs(have), "1"))
	if err == nil && answered {
		err = h.replay(payload)
	}
	if err == nil {
		h.fence, h.loaded, err = readLoaded(payload)
	}
	if err != nil {
		lease.Release()
		return copyOf{}, err
	}
	h.lease = lease
	return have, nil
}

// tailBytes is how much of a session comes with the lock; the rest is fetched in pages.
const tailBytes = 64 << 10

func (h *redisHeld) loadArgs(have copyOf) []any {
	return []any{have.end.id, have.end.version, h.request.key}
}

// replay turns a stored record, "ms:fingerprint:mark:reply", into the error of Begin.
func (h *redisHeld) replay(payload []any) error {
	var record string
	if len(payload) == 1 {
		record, _ = payload[0].(string)
	}
	_, record, _ = strings.Cut(record, ":")
	return h.request.replay(record)
}

// load runs the script that reads a conversation without its lock.
func (r *Redis) load(ctx context.Context, senderID string, args []any) (payload []any, answered bool, err error) {
	reply, _, err := r.scripts.Run(ctx, r.loadScript, r.turnKeys(senderID)[2:6], args...)
	if err != nil {
		return nil, false, failed(ctx, "load conversation", err)
	}
	list, _ := reply.([]any)
	if len(list) == 0 {
		return nil, false, fmt.Errorf("%w: load: %v", errFrame, reply)
	}
	return list[1:], list[0] == "R", nil
}

func (h *redisHeld) abort() {
	h.cancel(nil)
	if t := h.copy.tracker; t != nil && t.HistoryErr() != nil {
		h.store.cache.drop(h.senderID)
	}
	h.lease.Release()
}

// read is Read for what is stored.
func (r *Redis) read(ctx context.Context, senderID string, d *dialogue.Domain, scope Scope) (*dialogue.Tracker, bool, error) {
	if ctx.Err() != nil {
		return nil, false, fmt.Errorf("read conversation: %w", ended(ctx))
	}
	have := r.cache.get(senderID)
	if have.base > 0 || scope == AllSessions && !have.only() {
		have = copyOf{}
	}
	var s state
	var err error
	if scope == AllSessions {
		payload, _, failure := r.historyScript.Run(ctx, r.rdb, r.historyKeys(senderID), have.end.id)
		if failure != nil {
			return nil, false, failed(ctx, "read conversation", failure)
		}
		s, err = readState(payload)
	} else {
		// Frames cannot be fetched in pages here: the conversation may change between them.
		payload, _, failure := r.load(ctx, senderID, []any{have.end.id, have.end.version, "", "0"})
		if failure != nil {
			return nil, false, failure
		}
		_, s, err = readLoaded(payload)
	}
	if err != nil {
		return nil, false, fmt.Errorf("read conversation: %w", err)
	}
	if scope == LatestSession || s.end.id == "" || s.end.id == have.end.id {
		k, err := r.decode(ctx, senderID, d, s, have)
		if err == nil && k.tracker != nil {
			err = k.in(d)
		}
		switch {
		case err != nil:
			return nil, false, fmt.Errorf("read conversation: %w", err)
		case k.tracker == nil:
			return nil, false, nil
		case scope == AllSessions:
			return k.tracker.Rebuilt(false), true, nil
		}
		return k.latest(), true, nil
	}
	events, err := decodeFrames(s.frames, !r.unchecked)
	if err != nil {
		return nil, false, fmt.Errorf("read conversation: %w", err)
	}
	t := dialogue.NewTracker(senderID, d)
	t.Append(events...)
	return t.Rebuilt(false), true, nil
}

func (r *Redis) historyKeys(senderID string) []string {
	return []string{r.keys.meta(senderID), r.keys.frames(senderID), r.keys.archives(senderID)}
}

// Delete waits its turn and removes a conversation; ErrNotFound if there is none.
func (r *Redis) Delete(ctx context.Context, senderID string) error {
	begun := time.Now()
	defer r.opts.Observer.done("delete", begun)
	h := &redisHeld{store: r, senderID: senderID, keys: r.turnKeys(senderID)}
	_, err := h.takeOrImport(ctx)
	switch {
	case errors.Is(err, errRecord): // nobody can import it, so it is all there is
		return r.removeImported(ctx, senderID)
	case err != nil:
		return fmt.Errorf("delete conversation: %w", err)
	}
	r.cache.drop(senderID)
	if err := r.removeImported(ctx, senderID); err != nil {
		h.lease.Release()
		return err
	}
	if h.loaded.end.id == "" {
		h.lease.Release()
		return fmt.Errorf("delete conversation: %w", ErrNotFound)
	}
	reply, _, err := r.deleteScript.Run(ctx, r.rdb, h.keys, h.token(), h.loaded.end.String(), senderID)
	if err != nil {
		h.lease.Release()
		return failed(ctx, "delete conversation", err)
	}
	if result := h.over(reply); result == "STALE" {
		return fmt.Errorf("delete conversation: %w", errLost)
	}
	return nil
}

// failed explains why a script did not run: the context's end, or the server.
func failed(ctx context.Context, doing string, err error) error {
	if lockstore.Over(ctx) {
		return fmt.Errorf("%s: %w", doing, ended(ctx))
	}
	return fmt.Errorf("%s: %w: %w", doing, ErrUnavailable, err)
}

// Prepare checks that the server can be used, loads the scripts, and holds the layout of the keys against what is stored. The
// store works without it, but finds out later.
func (r *Redis) Prepare(ctx context.Context) error {
	if err := r.rdb.Ping(ctx).Err(); err != nil {
		return failed(ctx, "prepare the tracker store", err)
	}
	for _, s := range []*lockstore.Script{
		r.loadScript, r.historyScript, r.commitScript, r.deleteScript, r.sweepScript, r.archiveScript,
		r.importScript,
	} {
		if err := s.Load(ctx, r.rdb); err != nil {
			return failed(ctx, "load a script", err)
		}
	}
	if r.acquireScript != nil {
		if err := r.acquireScript.Load(ctx, r.rdb); err != nil {
			return failed(ctx, "load a script", err)
		}
	}
	if l, ok := r.locks.(interface{ Load(context.Context) error }); ok {
		if err := l.Load(ctx); err != nil {
			return failed(ctx, "load a script of the locks", err)
		}
	}
	if err := r.checkRights(ctx); err != nil {
		return err
	}
	if err := r.checkLayout(ctx); err != nil {
		return err
	}
	policy, err := r.rdb.ConfigGet(ctx, "maxmemory-policy").Result()
	if err != nil { // a hosted Redis hides its configuration
		r.log.Debug("the eviction policy of redis cannot be read", "error", err)
	}
	if p := policy["maxmemory-policy"]; p != "" && p != "noeviction" && !r.opts.AllowEviction {
		return fmt.Errorf("prepare the tracker store: the maxmemory-policy of redis is %s: "+
			"it would drop conversations when memory is full; set it to noeviction", p)
	}
	if i, ok := r.opts.Importer.(interface{ Ping(context.Context) error }); ok {
		return i.Ping(ctx)
	}
	return nil
}

// layout is the version of the keys and of what they hold.
const layout = 2

func (r *Redis) checkLayout(ctx context.Context) error {
	want := map[string]string{"layout": strconv.Itoa(layout), "buckets": strconv.Itoa(lockstore.Buckets)}
	for _, field := range []string{"layout", "buckets"} {
		if err := r.rdb.HSetNX(ctx, r.keys.conf(), field, want[field]).Err(); err != nil {
			return failed(ctx, "check the layout of the keys", err)
		}
	}
	got, err := r.rdb.HGetAll(ctx, r.keys.conf()).Result()
	if err != nil {
		return failed(ctx, "check the layout of the keys", err)
	}
	for _, field := range []string{"layout", "buckets"} {
		if got[field] != want[field] {
			return fmt.Errorf("prepare the tracker store: the keys under %q have %s %s, this version knows %s",
				r.opts.Prefix, field, got[field], want[field])
		}
	}
	return nil
}

// Ping reports whether the server answers.
func (r *Redis) Ping(ctx context.Context) error {
	if err := r.rdb.Ping(ctx).Err(); err != nil {
		return failed(ctx, "ping the tracker store", err)
	}
	return nil
}

// Listening reports whether wake-ups of turns that wait arrive, where the locks are told of them; otherwise turns poll.
func (r *Redis) Listening() bool {
	l, ok := r.locks.(interface{ Listening() bool })
	return !ok || l.Listening()
}

// Close closes the clients that [OpenRedis] made.
func (r *Redis) Close() error {
	var all []error
	for _, f := range r.close {
		all = append(all, f())
	}
	return errors.Join(all...)
}
