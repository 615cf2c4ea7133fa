// Package lockstore serialises work on a key: whoever asks waits in line, in order of arrival, and holds the key under a lease.
package lockstore
