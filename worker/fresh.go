package worker

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// freshGrace is how long a connection on which nobody has spoken yet is kept when the service ends. Clients and load balancers open
// connections ahead of their requests: the server must not wait for those that never come.
const freshGrace = time.Second

// freshListener knows its connections on which nobody has spoken yet. The server underneath counts them as busy.
type freshListener struct {
	net.Listener

	accepted atomic.Int64 // the last one, in nanoseconds since begun
	begun    time.Time

	mu    sync.Mutex
	fresh map[*freshConn]struct{}
}

func newFreshListener(ln net.Listener) *freshListener {
	return &freshListener{Listener: ln, begun: time.Now(), fresh: make(map[*freshConn]struct{})}
}

// Accept waits for the next connection.
func (l *freshListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	l.accepted.Store(int64(time.Since(l.begun)))
	tcp, ok := c.(*net.TCPConn)
	if err != nil || !ok {
		return c, err
	}
	f := &freshConn{TCPConn: tcp, listener: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fresh[f] = struct{}{}
	return f, nil
}

// lastAccepted is when the last connection was accepted.
func (l *freshListener) lastAccepted() time.Time {
	return l.begun.Add(time.Duration(l.accepted.Load()))
}

func (l *freshListener) forget(c *freshConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.fresh, c)
}

// closeFresh closes the connections on which nobody has spoken yet.
func (l *freshListener) closeFresh() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.fresh {
		_ = c.TCPConn.Close()
	}
	clear(l.fresh)
}

// freshConn is a connection that tells its listener when somebody speaks. It is read by one goroutine.
type freshConn struct {
	*net.TCPConn

	listener *freshListener
	spoken   bool
}

// Read reads from the connection.
func (c *freshConn) Read(b []byte) (int, error) {
	n, err := c.TCPConn.Read(b)
	if n > 0 && !c.spoken {
		c.spoken = true
		c.listener.forget(c)
	}
	return n, err
}

// Close closes the connection.
func (c *freshConn) Close() error {
	c.listener.forget(c)
	return c.TCPConn.Close()
}
