// Package trackerstore remembers conversations: Begin a turn (wait in line, load), Commit it.
package trackerstore

import (
	"context"
	"errors"

	"parley/dialogue"
)

// Errors of a store. Every implementation wraps them.
var (
	ErrTooManyPending = errors.New("too many requests wait for this conversation")
	ErrLockTimeout    = errors.New("waited too long for this conversation")
	ErrConflict       = errors.New("the conversation was changed by another turn")
	ErrUnavailable    = errors.New("the tracker store cannot be reached")
	ErrUnknownOutcome = errors.New("the turn may or may not have been stored")
	ErrDraining       = errors.New("the server is shutting down")
	ErrNotFound       = errors.New("no such conversation")
)

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
	// left (Rebuilt, latest session), or an empty one. The context it returns ends when the lease is lost.
	Begin(ctx context.Context, senderID string, d *dialogue.Domain) (*Turn, context.Context, error)
	// Read returns a view without taking the lock; ok is false for a conversation that is not stored.
	Read(ctx context.Context, senderID string, d *dialogue.Domain, scope Scope) (t *dialogue.Tracker, ok bool, err error)
	// Delete removes a conversation; ErrNotFound if there is none.
	Delete(ctx context.Context, senderID string) error
	// List pages through conversation ids in a stable order.
	List(ctx context.Context, cursor string, limit int) (ids []string, next string, err error)
}

// Commit is what a turn writes beside its events.
type Commit struct {
	// Replace drops what was stored before: the tracker's events are all there is (PUT).
	Replace bool
}

// Turn is one turn of a conversation, held under its lock.
type Turn struct {
	// Tracker is the turn's own; what is appended to it is stored by Commit.
	Tracker *dialogue.Tracker
	// Exists reports whether the conversation was stored before this turn.
	Exists bool
}

// Commit stores what the turn appended and gives the conversation to the next in line.
func (t *Turn) Commit(ctx context.Context, c Commit) error { panic("stub") }

// Abort gives the conversation back without storing anything. It has no effect after Commit.
func (t *Turn) Abort() { panic("stub") }

// Memory keeps conversations in the process. Like the reference's in-memory store it holds, of each, what the last turn
// held: the sessions before the current one are forgotten by the first commit after a new session began.
type Memory struct{}

// NewMemory returns an empty store.
func NewMemory() *Memory { panic("stub") }
