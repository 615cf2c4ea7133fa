package worker

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// noSYN is a filter in the kernel's own language that drops the first packet of a connection, which has the flag SYN in byte 13 of
// the TCP header, and lets all others pass.
var noSYN = []unix.SockFilter{
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 13},
	{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: 0x02, Jf: 1},
	{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	{Code: unix.BPF_RET | unix.BPF_K, K: 1<<32 - 1},
}

// ignoreSYN drops the first packet of new connections to a listener: their clients send it again a second later, and are refused
// when the listener has been closed by then.
func ignoreSYN(ln *net.TCPListener) error {
	raw, err := ln.SyscallConn()
	if err != nil {
		return fmt.Errorf("refuse new connections: %w", err)
	}
	program := &unix.SockFprog{Len: uint16(len(noSYN)), Filter: &noSYN[0]}
	if e := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, program)
	}); e != nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("refuse new connections: %w", err)
	}
	return nil
}
