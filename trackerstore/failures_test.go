package trackerstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"parley/dialogue"
)

// answered is an error that a server answers.
type answered string

func (s answered) Error() string { return string(s) }

// RedisError marks it for the client.
func (answered) RedisError() {}

func TestFailuresHaveAKind(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{redis.Nil, ""},
		{context.Canceled, ""},
		{answered("NOSCRIPT No matching script."), ""},
		{context.DeadlineExceeded, "timeout"},
		{redis.ErrPoolTimeout, "timeout"},
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, "timeout"},
		{&net.OpError{Op: "dial", Err: errors.New("connection refused")}, "conn"},
		{io.EOF, "conn"},
		{answered("READONLY You can't write against a read only replica."), "readonly"},
		{answered("OOM command not allowed when used memory > 'maxmemory'."), "oom"},
		{answered("MOVED 3999 127.0.0.1:6381"), "moved"},
		{answered("CLUSTERDOWN The cluster is down"), "moved"},
		{answered("BUSY Redis is busy running a script."), "script"},
		{answered("ERR user_script:1: attempt to index a nil value script: abc"), "script"},
		{answered("WRONGPASS invalid username-password pair"), "other"},
		{fmt.Errorf("wrapped: %w", answered("OOM x")), "oom"},
	} {
		if got := failureKind(tt.err); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.err, got, tt.want)
		}
	}
}

func TestFailedCallsAreObserved(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	var mu sync.Mutex
	kinds := map[string]bool{}
	store, err := OpenRedis(patient(server.Addr(), RedisConfig{RedisOptions: RedisOptions{Observer: Observer{Failed: func(kind string) {
		mu.Lock()
		defer mu.Unlock()
		kinds[kind] = true
	}}}}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	d := &dialogue.Domain{}
	if _, _, err := store.Read(t.Context(), "x", d, LatestSession); err != nil || len(kinds) > 0 {
		t.Fatalf("read: %v; failures %v", err, kinds)
	}
	read := store.Pool()
	if read.Total < 1 || read.Misses < 1 || read.Timeouts != 0 {
		t.Errorf("after a read the pool is %+v", read)
	}
	turn, _, err := store.Begin(t.Context(), "x", d)
	if err != nil {
		t.Fatal(err)
	}
	turn.Abort()
	if p := store.Pool(); p.Total <= read.Total { // it takes a connection for batches
		t.Errorf("after a turn the pool is %+v, after a read it was %+v", p, read)
	}
	server.SetError("READONLY You can't write against a read only replica.")
	if _, _, err := store.Read(t.Context(), "x", d, LatestSession); err == nil {
		t.Error("no error from a server that refuses")
	}
	server.SetError("")
	server.Close()
	if _, _, err := store.Read(t.Context(), "x", d, LatestSession); err == nil {
		t.Error("no error from a server that is gone")
	}
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff(map[string]bool{"readonly": true, "conn": true}, kinds); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
}
