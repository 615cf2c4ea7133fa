// Package worker is the HTTP server: routes, authentication, decoding and statuses.
package worker
