// Package worker is the HTTP server: routes, authentication, decoding and statuses.
//
// # A request
//
// One handler takes every request: it finds the route on the raw path (conversation ids may hold slashes), checks who asks
// and whether a model is there, and calls the route's handler with a context that ends at the response timeout or when the
// server gives up draining. Whatever a handler returns as an error becomes a status in status.go and nowhere else.
//
// # Invariants
//
// Nothing of fiber outlives its handler: strings are copied on the way in. Nobody is told of a turn before it is stored,
// except on a stream, whose reader asked for it.
//
// # Life cycle
//
// [New] checks the configuration and starts nothing. [Worker.Run] serves its listener until its context ends, then drains:
// turns in flight finish, new ones are refused, and after the deadline what is left is cut off. [Admin] is a second, small
// server for probes and metrics.
package worker
