package livetest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// The ports that are given to tests lie below those that systems give out by themselves, to listeners without a port of their own and to
// connections (from 32768 on Linux, 49152 elsewhere). 10000 more, where a node of a Redis Cluster has its second port, are below, too.
const (
	portsFrom = 12000
	portsTo   = 22000
)

// Port returns a port of 127.0.0.1 for a server that a test starts by its number, or stops and starts again. Until the end of the test
// no other gets it, whichever process it runs in: the UDP port of the same number is held for so long.
func Port(t testing.TB) int {
	t.Helper()
	port, release, err := ReservePort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return port
}

// ReservePort is [Port] for who has no test at hand: it holds the port until it is released.
func ReservePort() (port int, release func(), err error) {
	for range 1000 {
		port = portsFrom + rand.IntN(portsTo-portsFrom) //nolint:gosec // any will do
		addr := fmt.Sprintf("127.0.0.1:%d", port)
		held, err := net.ListenPacket("udp", addr) //nolint:noctx // it does not wait
		if err != nil {
			continue
		}
		l, err := net.Listen("tcp", addr) //nolint:noctx // it does not wait
		if err != nil {
			_ = held.Close()
			continue
		}
		_ = l.Close()
		return port, func() { _ = held.Close() }, nil
	}
	return 0, nil, fmt.Errorf("no port from %d to %d is free", portsFrom, portsTo)
}
