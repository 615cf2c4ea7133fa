// Package soak has no code of its own: its tests run the whole server, several worker processes over a real Redis, under load, while
// processes are killed, replaced and restarted, and hold what is stored against what was answered. Nothing may be lost, doubled or
// out of order.
//
// The short form is a part of all tests; SOAK=long (make soak) runs them at length and prints what was measured. They need Linux and
// a redis-server, and are skipped without.
package soak
