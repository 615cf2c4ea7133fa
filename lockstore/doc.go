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
// [Memory] needs no start and no end: it runs no goroutine. [Redis] starts nothing either; [Redis.Run] listens for wake-ups and
// keeps leases alive. While it does not run, tickets find out by polling that it is their turn, in order all the same, and a
// lease is lost when its time is over.
//
// # Redis
//
// Beside a lock (a lease of bsm/redislock) lies a list of tickets. One request queues its ticket, or takes the key, or hands
// it to whom it belongs; the holder hands the key on in the same script that gives it back. A lease gives order and saves
// work; it is short, because losing one costs work and no data: whoever writes checks by himself that nobody wrote before.
//
// Scripts that goroutines ask for at the same time are sent together: see [Batcher].
package lockstore
