package worker_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"testing"

	"parley/agent"
	"parley/dialogue"
	"parley/livetest"
	"parley/lockstore"
)

// T10: a client that goes away while its request stands in line leaves the line; who stays is served.
func TestAClientThatGoesLeavesTheLine(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		query string
		leave func(*net.TCPConn) error
	}{
		"closed":          {"", (*net.TCPConn).Close},
		"half closed":     {"", (*net.TCPConn).CloseWrite},
		"stream":          {"?stream=true", (*net.TCPConn).Close},
		"reset by a peer": {"", func(c *net.TCPConn) error { return errors.Join(c.SetLinger(0), c.Close()) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			locks := lockstore.NewMemory(lockstore.Limits{})
			s := serve(t)
			ends := make(chan error, 2)
			s.bot.handle = func(ctx context.Context, _ dialogue.UserMessage, _ agent.Send) error {
				lease, err := locks.Acquire(ctx, "u")
				if err == nil {
					lease.Release()
				}
				ends <- err
				return err
			}
			held, err := locks.Acquire(t.Context(), "u")
			if err != nil {
				t.Fatal(err)
			}
			post := "POST /webhooks/rest/webhook" + tt.query + " HTTP/1.1\r\nHost: test\r\nContent-Length: " + strconv.Itoa(len(helloBody)) + "\r\n\r\n" + helloBody
			ask := func(place int) *net.TCPConn {
				conn, _ := s.dial().(*net.TCPConn)
				t.Cleanup(func() { _ = conn.Close() })
				if _, err := io.WriteString(conn, post); err != nil {
					t.Fatal(err)
				}
				livetest.Await(t, "a request in line", func() bool { return locks.Waiting("u") == place })
				return conn
			}
			first := ask(1)
			ask(2)
			if err := tt.leave(first); err != nil {
				t.Fatal(err)
			}
			if err := <-ends; !errors.Is(err, lockstore.ErrGone) {
				t.Errorf("who left: %v, want %v", err, lockstore.ErrGone)
			}
			livetest.Await(t, "the place to be free", func() bool { return locks.Waiting("u") == 1 })
			held.Release()
			if err := <-ends; err != nil {
				t.Errorf("who stayed: %v", err)
			}
		})
	}
}
