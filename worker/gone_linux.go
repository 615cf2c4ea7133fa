package worker

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// gone reports whether the other side of a connection has closed it, or at least its half of it: like nginx, we take that for a client
// that waits for nothing. Nothing is read from the connection. What cannot be asked is there.
func gone(conn net.Conn) bool {
	if outer, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		conn = outer.NetConn()
	}
	c, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	closed := false
	if err := raw.Control(func(fd uintptr) {
		polled := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}} //nolint:gosec // a file's number is small
		n, err := unix.Poll(polled, 0)
		closed = err == nil && n > 0 && polled[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
	}); err != nil {
		return true // we have closed it
	}
	return closed
}
