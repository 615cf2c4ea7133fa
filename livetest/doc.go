// Package livetest has what tests need that run against a real clock, real ports and real servers, on a machine that does other things
// at the same time.
//
// Nothing here gives a test a deadline that a busy machine can miss. [Await] waits for what must come, for as long as only a mistake
// takes. [Paced] is for what must happen within a time: it goes slower as long as that fails. [Port] is a port that no other test takes
// meanwhile, also not one of another package, and [StartRedis] a server whose port stays its own over a restart.
package livetest
