// Package trackerstore remembers conversations: Begin a turn (wait in line, load), Commit it.
//
// # Invariants
//
// The turns of a conversation never overlap and are served in order of arrival. What a turn appended is stored whole by Commit
// or not at all. A turn that gave its conversation back, or lost it, stores nothing.
//
// A tracker that comes out of a store is [dialogue.Tracker.Rebuilt]: its state follows from the applied events. A turn sees
// the latest session; [Store.Read] shows that or everything that is kept. Reads take no lock and never write.
//
// # Redis
//
// The turns of a conversation in [Redis] are a chain of commits: each names its parent, the commit whose state it was
// computed from, and one script accepts exactly one child of each parent. So a worker that was stopped beyond its lease, or a
// server that lost its locks, cannot make two turns of one moment: the later commit is refused with ErrConflict. A commit whose
// answer was lost is sent again under the same random id and is recognised, also after others have followed. The fair lock in
// front (package lockstore) gives order and saves work.
//
// Each commit is one frame in a list: its id, the number of events before, and the events as the reference writes them. Each
// process keeps decoded conversations; the request that takes the lock names the commit that the process has: nothing is sent
// or decoded when it is the latest, and only what came after it when it is not. What is damaged is an error, never a new
// conversation. Reads and commits that fail say whether nothing was stored (ErrUnavailable, ErrConflict) or nobody knows
// (ErrUnknownOutcome); a request with an idempotency key ([WithRequest]) may then simply be repeated.
//
// Of a long session only a window of the latest turns is kept in memory, and loaded where there is no copy: a snapshot of what
// was known before stands for the rest ([dialogue.Tracker.Snapshot]). It is renewed every few turns. A turn that looks further
// back, as a call to an action server does, has the rest loaded; when many turns do, the window grows. So neither memory nor
// the cost of a turn grow with the session. A snapshot is derived: one that does not fit is not used.
//
// Keys of one conversation share a hash tag, one of 1024, so that a script may touch them all in a Redis Cluster.
//
// # Concurrency
//
// Stores are safe for concurrent use. A [Turn] and its tracker belong to one goroutine.
//
// # Life cycle
//
// [Memory] needs no start and no end: it runs no goroutine. [Redis] starts nothing either; [Redis.Run] listens for wake-ups,
// keeps the leases of long turns alive and tidies up. While it does not run, turns that wait find out by polling that it is
// their turn, and a turn must end within its lease.
package trackerstore
