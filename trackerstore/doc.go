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
// # Concurrency
//
// Stores are safe for concurrent use. A [Turn] and its tracker belong to one goroutine.
//
// # Life cycle
//
// [Memory] needs no start and no end: it runs no goroutine.
package trackerstore
