package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// OpenSockets opens an address for n worker processes: one listening socket for each of them, among which the kernel
// spreads connections, or with shared a single one for all. A port in use is said plainly, even if its user would share it.
func OpenSockets(ctx context.Context, address string, n int, shared bool) (files []*os.File, addr net.Addr, err error) {
	defer func() {
		if err != nil {
			closeAll(files)
		}
	}()
	first, err := Listen(ctx, address)
	if err != nil {
		return nil, nil, err
	}
	addr = first.Addr()
	if shared {
		f, err := socketFile(first)
		return []*os.File{f}, addr, err
	}
	if err := first.Close(); err != nil {
		return nil, nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	lc := net.ListenConfig{Control: reusePort}
	lc.SetMultipathTCP(false) // as in Listen
	for range n {
		ln, err := lc.Listen(ctx, "tcp", addr.String())
		if err != nil {
			return files, nil, fmt.Errorf("listen on %s: %w", address, err)
		}
		f, err := socketFile(ln)
		if err != nil {
			return files, nil, err
		}
		files = append(files, f)
	}
	return files, addr, nil
}

// reusePort lets several sockets listen on one port.
func reusePort(_, _ string, c syscall.RawConn) error {
	var err error
	if e := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}); e != nil {
		return fmt.Errorf("share the port: %w", e)
	}
	if err != nil {
		return fmt.Errorf("share the port: %w", err)
	}
	return nil
}

// socketFile turns a listener, which it closes, into a file to be inherited. The file is made while the socket blocks:
// so neither does this process watch it, nor does handing it on ever change the mode of a socket that a child uses.
func socketFile(ln net.Listener) (*os.File, error) {
	defer func() { _ = ln.Close() }()
	t, ok := ln.(*net.TCPListener)
	if !ok {
		return nil, fmt.Errorf("share %s: it is no TCP socket", ln.Addr())
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("share %s: %w", ln.Addr(), err)
	}
	var f *os.File
	if e := raw.Control(func(fd uintptr) {
		var copied int
		if copied, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0); err != nil {
			return
		}
		if err = unix.SetNonblock(copied, false); err != nil {
			_ = unix.Close(copied)
			return
		}
		f = os.NewFile(uintptr(copied), "socket")
	}); e != nil {
		err = e
	}
	if err != nil {
		return nil, fmt.Errorf("share %s: %w", ln.Addr(), err)
	}
	return f, nil
}

// socketPair makes a control connection: this process's end, and the one to be inherited.
func socketPair() (*control, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a control connection: %w", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "control")
	c, err := newControl(os.NewFile(uintptr(fds[0]), "control"))
	if err != nil {
		_ = theirs.Close()
		return nil, nil, err
	}
	return c, theirs, nil
}

// ledgerFile makes the memory that a worker process keeps its counters in: it outlives the process, however that ends.
func ledgerFile() (*os.File, error) {
	fd, err := unix.MemfdCreate("parley-counters", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make memory for counters: %w", err)
	}
	f := os.NewFile(uintptr(fd), "counters")
	if err := f.Truncate(ledgerBytes); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("make memory for counters: %w", err)
	}
	return f, nil
}

// mapLedger makes the memory behind a file, which it closes, this process's own for as long as it lives.
func mapLedger(f *os.File) ([]atomic.Uint64, error) {
	defer func() { _ = f.Close() }()
	memory, err := unix.Mmap(int(f.Fd()), 0, ledgerBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("use the memory for counters: %w", err)
	}
	return unsafe.Slice((*atomic.Uint64)(unsafe.Pointer(&memory[0])), ledgerBytes/8), nil //nolint:gosec // pages are aligned
}

// apart keeps signals of a terminal from a command: they are the parent's business.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// writeWithFile writes bytes and, if there is one, a file with them.
func writeWithFile(conn *net.UnixConn, b []byte, f *os.File) error {
	if f == nil {
		_, err := conn.Write(b)
		return err //nolint:wrapcheck // the caller does
	}
	n, _, err := conn.WriteMsgUnix(b, unix.UnixRights(int(f.Fd())), nil)
	if err != nil {
		return err //nolint:wrapcheck // the caller does
	}
	if n < len(b) {
		_, err = conn.Write(b[n:])
	}
	return err //nolint:wrapcheck // the caller does
}

// readWithFiles reads bytes and the files that come with them.
func readWithFiles(conn *net.UnixConn, b []byte) (int, []*os.File, error) {
	oob := make([]byte, unix.CmsgSpace(4*4))
	n, oobn, _, _, err := conn.ReadMsgUnix(b, oob)
	if err != nil {
		return n, nil, err //nolint:wrapcheck // the caller does
	}
	if n == 0 && len(b) > 0 {
		return 0, nil, io.EOF
	}
	if oobn == 0 {
		return n, nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return n, nil, fmt.Errorf("read the files that came along: %w", err)
	}
	var files []*os.File
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			continue // something else
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "socket"))
		}
	}
	return n, files, nil
}

// isReset reports whether a connection ended because its other end did.
func isReset(err error) bool {
	return errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE)
}

// reapOrphans ends the zombies that this process inherited as the first one of its container. Its own children, in own, have
// somebody else who waits for them.
func reapOrphans(proc fs.FS, own map[int]bool) (reaped []int) {
	self := strconv.Itoa(os.Getpid())
	entries, err := fs.ReadDir(proc, ".")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || own[pid] {
			continue
		}
		stat, err := fs.ReadFile(proc, filepath.Join(e.Name(), "stat"))
		if err != nil {
			continue // it has gone
		}
		// 42 (name, which may hold anything) Z 1 …
		i := strings.LastIndexByte(string(stat), ')')
		fields := strings.Fields(string(stat)[i+1:])
		if i < 0 || len(fields) < 2 || fields[0] != "Z" || fields[1] != self {
			continue
		}
		if got, err := unix.Wait4(pid, nil, unix.WNOHANG, nil); err == nil && got == pid {
			reaped = append(reaped, pid)
		}
	}
	slices.Sort(reaped)
	return reaped
}
