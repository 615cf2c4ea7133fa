// Package channel holds the connectors: a platform's payload becomes a user message, a bot message the platform's payload.
//
// A connector knows requests and replies as plain values ([Request], [Reply]); package worker mounts it on its server. What
// the bot says reaches a connector's [Output] through [Dispatch], which breaks one bot message into the sends that the
// reference makes of it and renders what an output cannot show.
//
// # Concurrency
//
// A [Channel] is made once, at the start, and serves any number of requests at the same time. An [Output] belongs to one turn.
//
// # Life cycle
//
// Nothing here starts a goroutine or keeps one. A request's bytes are borrowed: they may be used until Serve returns.
package channel
