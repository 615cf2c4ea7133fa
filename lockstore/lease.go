package lockstore

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/bsm/redislock"
	"golang.org/x/sync/errgroup"
)

// redisLease is a key held in Redis.
type redisLease struct {
	store *Redis
	lock  *redislock.Lock
	key   string
	token string
	since time.Time
	// doubt fires when nine tenths of the lease have passed without a refresh.
	doubt *time.Timer

	mu     sync.Mutex
	lost   bool
	over   bool
	onLost func()

	// guarded by the mutex of leases
	place *list.Element
	next  time.Time // of the refresh
	gone  bool
}

// hold begins a lease. The time of the lease is counted from before the request left.
func (r *Redis) hold(t *ticket, asked time.Time) *Lease {
	h := &redisLease{store: r, lock: t.lock, key: t.key, token: t.token, since: asked}
	h.doubt = time.AfterFunc(r.opts.Lease*9/10-time.Since(asked), h.lose)
	r.held.add(h, asked.Add(r.opts.Lease/3))
	return &Lease{holder: h, key: t.key}
}

func (h *redisLease) lose() {
	h.mu.Lock()
	if h.over || h.lost {
		h.mu.Unlock()
		return
	}
	h.lost = true
	f := h.onLost
	h.mu.Unlock()
	h.store.held.remove(h)
	if expired := h.store.opts.Observer.Expired; expired != nil {
		expired("holder")
	}
	if f != nil {
		f()
	}
}

func (h *redisLease) watch(f func()) {
	h.mu.Lock()
	lost := h.lost
	h.onLost = f
	h.mu.Unlock()
	if lost {
		f()
	}
}

func (h *redisLease) end() {
	h.doubt.Stop()
	h.mu.Lock()
	h.over = true
	h.mu.Unlock()
	h.store.held.remove(h)
	if f := h.store.opts.Observer.Released; f != nil {
		f(time.Since(h.since))
	}
}

func (h *redisLease) release() {
	h.end()
	h.store.giveBack(context.Background(), h.key, h.token, "")
}

// released ends a lease whose lock a script has given back, or whose fate is unknown.
func (h *redisLease) released() { h.end() }

// leases are the held keys of this process in the order in which they are to be refreshed: the time between two refreshes is
// the same for all, so that a new entry always belongs at the end.
type leases struct {
	mu   sync.Mutex
	line list.List // of *redisLease
}

func (l *leases) add(h *redisLease, next time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !h.gone {
		h.next = next
		h.place = l.line.PushBack(h)
	}
}

// remove takes a lease out for good.
func (l *leases) remove(h *redisLease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h.gone = true
	if h.place != nil {
		l.line.Remove(h.place)
		h.place = nil
	}
}

// due takes out the leases whose refresh is due.
func (l *leases) due(now time.Time) []*redisLease {
	l.mu.Lock()
	defer l.mu.Unlock()
	var due []*redisLease
	for e := l.line.Front(); e != nil; e = l.line.Front() {
		h, ok := e.Value.(*redisLease)
		if !ok || h.next.After(now) {
			break
		}
		l.line.Remove(e)
		h.place = nil
		due = append(due, h)
	}
	return due
}

// keepAlive refreshes the leases of long turns until ctx ends.
func (r *Redis) keepAlive(ctx context.Context) error {
	tick := time.NewTicker(max(r.opts.Lease/24, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			due := r.held.due(now)
			var g errgroup.Group
			g.SetLimit(16)
			for _, h := range due {
				g.Go(func() error { r.refresh(ctx, h); return nil })
			}
			_ = g.Wait()
		}
	}
}

func (r *Redis) refresh(ctx context.Context, h *redisLease) {
	asked := time.Now()
	if asked.Sub(h.since) > r.opts.MaxHold {
		r.log.Warn("a key is held for too long, its lease is not refreshed any more", "held", asked.Sub(h.since))
		return // it lapses, and its holder is told
	}
	ctx, cancel := context.WithTimeout(ctx, min(time.Second, r.opts.Lease/3))
	defer cancel()
	err := h.lock.Refresh(ctx, r.opts.Lease, nil)
	result := "ok"
	h.mu.Lock()
	gone := h.over || h.lost
	h.mu.Unlock()
	switch {
	case gone: // it was given back in the meantime
		return
	case err == nil:
		if !h.doubt.Reset(r.opts.Lease*9/10 - time.Since(asked)) {
			h.doubt.Stop() // it fired just now
			h.lose()
			return
		}
		r.held.add(h, asked.Add(r.opts.Lease/3))
	case errors.Is(err, redislock.ErrNotObtained):
		result = "lost"
		h.doubt.Stop()
		h.lose()
	default:
		result = "error"
		r.held.add(h, time.Now().Add(r.opts.Lease/12))
	}
	if f := r.opts.Observer.Refreshed; f != nil {
		f(result)
	}
}
