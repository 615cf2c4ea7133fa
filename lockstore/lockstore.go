package lockstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Errors of a lock store. Every implementation wraps them.
var (
	// ErrTooManyPending means that the line of the key is full: nothing was queued.
	ErrTooManyPending = errors.New("too many requests wait for this key")
	// ErrTimeout means that the key did not become free within [Limits.Wait].
	ErrTimeout = errors.New("waited too long for this key")
	// ErrLeaseLost means that the holder can no longer be sure that it is the only one.
	ErrLeaseLost = errors.New("the lease was lost")
	// ErrGone means that the client went away while its request stood in line; see [WithClient].
	ErrGone = errors.New("the client has gone")
	// ErrUnavailable means that the store behind the locks does not answer.
	ErrUnavailable = errors.New("the store cannot be reached")
)

// Limits bound what a line may cost. The zero value means the defaults.
type Limits struct {
	// Wait is how long a ticket may stand in line; 0: 60 seconds.
	Wait time.Duration
	// Queue is how many tickets may stand in line for one key, its holder not counted; 0: 256.
	Queue int
}

func (l Limits) withDefaults() Limits {
	l.Wait = cmp.Or(l.Wait, time.Minute)
	l.Queue = cmp.Or(l.Queue, 256)
	return l
}

// Store is what the implementations provide; callers declare the smaller interface that they need.
type Store interface {
	// Acquire waits in line for the key and holds it until the lease is released. It fails with ErrTooManyPending,
	// ErrTimeout, ErrGone, ErrUnavailable or, wrapped, the cause of the context's end; the ticket has then left the line.
	Acquire(ctx context.Context, key string) (*Lease, error)
}

// ended says why a context ended: its error, with the cause where one was given.
func ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// Over reports whether a context has ended. One whose deadline is now is waited for: what has the same deadline, such as a read from a
// connection, may end a moment before the context does.
func Over(ctx context.Context) bool {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		<-ctx.Done()
	}
	return ctx.Err() != nil
}

// Lease is a key held by the caller.
type Lease struct {
	holder holder
	key    string
	over   atomic.Bool
}

// holder gives a key back; each implementation supplies it. Either release or released is called, once.
type holder interface {
	release()
	released()
	watch(lost func())
}

// Key is the key that is held.
func (l *Lease) Key() string { return l.key }

// OnLost sets the function that is called, once, when the holder can no longer be sure that it is the only one; at once if
// that has already happened. It runs in a goroutine of the store and must not block. It is not called after Release, and
// never where a lease cannot be lost.
func (l *Lease) OnLost(f func()) { l.holder.watch(f) }

// Release gives the key to the next in line. Only the first call of Release or Released has an effect.
func (l *Lease) Release() {
	if l.over.CompareAndSwap(false, true) {
		l.holder.release()
	}
}

// Released ends a lease without asking the store: a script has given the key back, or it shall lapse.
func (l *Lease) Released() {
	if l.over.CompareAndSwap(false, true) {
		l.holder.released()
	}
}
