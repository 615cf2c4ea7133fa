// Package lockstore serialises work on a key: whoever asks waits in line, in order of arrival, and holds the key under a lease.
//
// # Invariants
//
// A key has at most one holder. Tickets are served in the order in which they reached the store; a ticket leaves the line when
// it is served, when its context ends, or when it waited longer than [Limits.Wait]. A ticket that leaves just as it is served
// passes the key on, so that no grant is lost.
//
// # Concurrency
//
// Stores are safe for concurrent use. A [Lease] belongs to the caller that got it; [Lease.Release] may be called from any
// goroutine and has an effect once.
//
// # Life cycle
//
// [Memory] needs no start and no end: it runs no goroutine.
package lockstore
