package worker_test

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"parley/worker"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := worker.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// connect opens a connection and says a word.
func connect(t *testing.T, addr net.Addr, word string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, word); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
}

func accept(t *testing.T, ln net.Listener) string {
	t.Helper()
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	word, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(word)
}

func TestSocketsAcceptFromAllListeners(t *testing.T) {
	t.Parallel()
	one, two, three := listen(t), listen(t), listen(t)
	s := worker.NewSockets(one)
	worker.AddSocket(s, 2, two)
	if s.Addr() != one.Addr() {
		t.Errorf("address %s, want %s", s.Addr(), one.Addr())
	}
	connect(t, one.Addr(), "one")
	if got := accept(t, s); got != "one" {
		t.Errorf("got %q", got)
	}
	connect(t, two.Addr(), "two")
	if got := accept(t, s); got != "two" {
		t.Errorf("got %q", got)
	}
	worker.AddSocket(s, 3, three)
	connect(t, three.Addr(), "three")
	if got := accept(t, s); got != "three" {
		t.Errorf("got %q", got)
	}
	worker.RemoveSocket(s, 2)
	worker.RemoveSocket(s, 2)
	if _, err := two.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a listener that was given back stays open: %v", err)
	}
	connect(t, one.Addr(), "one")
	if got := accept(t, s); got != "one" {
		t.Errorf("got %q", got)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	if _, err := s.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v", err)
	}
	late := listen(t)
	worker.AddSocket(s, 4, late)
	if _, err := late.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a listener that comes too late stays open: %v", err)
	}
}

func TestPausedSocketsLeaveConnectionsToOthers(t *testing.T) {
	t.Parallel()
	ln := listen(t)
	f, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	sibling, err := net.FileListener(f) // another process has the same socket
	_ = f.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sibling.Close() }()
	s := worker.NewSockets(ln)
	connect(t, sibling.Addr(), "before")
	if got := accept(t, s); got != "before" {
		t.Errorf("got %q", got)
	}
	worker.PauseSockets(s)
	connect(t, sibling.Addr(), "after")
	if got := accept(t, sibling); got != "after" {
		t.Errorf("got %q", got)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := s.Accept()
		ended <- err
	}()
	select {
	case err := <-ended:
		t.Errorf("a pause ends Accept: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	_ = s.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept: %v", err)
	}
}

func TestNewChildIsForWorkerProcessesOnly(t *testing.T) {
	t.Parallel()
	if _, ok, err := worker.NewChild(func(string) string { return "" }, nil); ok || err != nil {
		t.Errorf("an ordinary process: %v, %v", ok, err)
	}
	for _, vars := range []map[string]string{
		{"PARLEY_WORKER_SLOT": "x"},
		{"PARLEY_WORKER_SLOT": "-1"},
	} {
		if _, ok, err := worker.NewChild(func(name string) string { return vars[name] }, nil); !ok || err == nil {
			t.Errorf("%v: %v, %v", vars, ok, err)
		}
	}
}
