// Package logging writes the log: lines of JSON or text with constant messages and keys, in which no user can be recognised.
//
// # Personal data
//
// What comes from users is given to the log in a type that carries the rule: [UserText], [SlotValue], [SenderID], and [Secret] for what
// nobody may see. They are safe with any handler of slog; that of [New] shows of a text what [Config].UserText allows, and of a sender the
// keyed hash that makes lines of one conversation findable. Attributes named sender_id are hashed whatever their type.
//
// # Loggers
//
// A line belongs to a logger, which the attribute "logger" names: [Log.Logger]. Each may have a level of its own. Errors and warnings that
// repeat can be sampled, except those of the logger [Audit].
//
// # Concurrency and life cycle
//
// Everything is safe for concurrent use. Nothing runs in the background: a line is written when Handle returns.
package logging
