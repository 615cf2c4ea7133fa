// Command rig runs the server as it runs in production, on one machine: three pods as processes of two workers each, one Redis,
// nginx and HAProxy in front, the latter for requests and, a second time, for connections, Prometheus that scrapes. While clients
// talk through all three, workers and pods are replaced, drained, killed and parted from Redis.
//
// Every request carries an Idempotency-Key, and a client that gets no answer asks again with the same one. What is printed for
// each scenario:
//
//   - attempts that failed: what a client without retries would have noticed
//   - requests that failed: not answered after all retries
//   - turns lost and doubled: what the conversations' trackers have, against what was acknowledged
//   - turns counted: by the servers' parley_turns_total, against what was acknowledged
//
// It ends with 1 if something that must not happen did. All of it listens on 127.0.0.1, and ends with the rig.
package main
