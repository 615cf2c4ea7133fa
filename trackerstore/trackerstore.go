package trackerstore

import (
	"context"
	"errors"
	"fmt"

	"parley/dialogue"
	"parley/lockstore"
)

// Errors of a store. Every implementation wraps them.
var (
	// ErrTooManyPending means that the line of the conversation is full: nothing was queued, nothing stored.
	ErrTooManyPending = lockstore.ErrTooManyPending
	// ErrLockTimeout means that the conversation did not become free in time: nothing was stored.
	ErrLockTimeout = lockstore.ErrTimeout
	// ErrClientGone means that the client of [lockstore.WithClient] went away before it was the turn of its request: nothing was stored.
	ErrClientGone = lockstore.ErrGone
	// ErrLeaseLost is the cause, together with ErrConflict, with which a turn's context ends when the turn can no longer be
	// sure to be the only one: nothing of it was stored, it may run again.
	ErrLeaseLost = lockstore.ErrLeaseLost
	// ErrConflict means that the turn was not stored, because another turn may have changed the conversation.
	ErrConflict = errors.New("the conversation was changed by another turn")
	// ErrUnavailable means that the store cannot be reached; nothing was stored.
	ErrUnavailable = lockstore.ErrUnavailable
	// ErrUnknownOutcome means that the store was asked to commit and did not answer.
	ErrUnknownOutcome = errors.New("the turn may or may not have been stored")
	// ErrDraining is the cause with which the server ends the contexts of those who wait when it shuts down.
	ErrDraining = errors.New("the server is shutting down")
	// ErrBadCursor means that a cursor is not one that List returned.
	ErrBadCursor = errors.New("the cursor is not one of this list")
	// ErrNotFound means that there is no such conversation.
	ErrNotFound = errors.New("no such conversation")
)

// errLost is the cause of a turn's context when its lease is lost.
var errLost = fmt.Errorf("%w: %w", ErrConflict, ErrLeaseLost)

// Scope chooses what Read returns.
type Scope int

// The scopes.
const (
	LatestSession Scope = iota // what a turn sees
	AllSessions                // everything that is kept
)

// Store is what the implementations provide; callers declare the smaller interface that they need.
type Store interface {
	// Begin waits until the conversation is free, in order of arrival, and returns its turn with the tracker as it was
	// left (Rebuilt, latest session), or an empty one. The context it returns ends when the lease is lost, and may end
	// with the turn. When waiting ends because ctx does, the error wraps its error and its cause.
	Begin(ctx context.Context, senderID string, d *dialogue.Domain) (*Turn, context.Context, error)
	// Read returns a view without taking the lock; ok is false for a conversation that is not stored.
	Read(ctx context.Context, senderID string, d *dialogue.Domain, scope Scope) (t *dialogue.Tracker, ok bool, err error)
	// Delete waits its turn and removes a conversation; ErrNotFound if there is none.
	Delete(ctx context.Context, senderID string) error
	// List pages through conversation ids in a stable order: one that is stored all along is listed exactly once.
	// The first cursor is ""; next is "" on the last page. A page may hold fewer than limit ids, also none.
	List(ctx context.Context, cursor string, limit int) (ids []string, next string, err error)
}
