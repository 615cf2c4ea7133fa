// Package agent runs turns: a message comes in, is understood, answered and remembered.
//
// turn.go is the order of a turn on one screen; hear.go is its first half (session, understanding, slots), act.go its second
// (predicting and running actions until the bot listens), conversation.go what the HTTP API does to conversations beside
// messages, reminder.go the events that come later.
//
// # Concurrency
//
// An Agent serves any number of turns at once; turns of one conversation follow each other, because the tracker store lets
// them in one by one. A turn keeps the model it began with. Time and randomness enter here and are handed down as values.
//
// # Life cycle
//
// New starts nothing. Run fires reminders and returns when its context ends.
package agent
