//go:build !linux

package worker

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"sync/atomic"
)

// errOnlyLinux says why there are not several processes.
var errOnlyLinux = errors.New("several worker processes need Linux: run without WORKERS; one process uses all processors")

// OpenSockets opens an address for several worker processes. This system cannot.
func OpenSockets(context.Context, string, int, bool) ([]*os.File, net.Addr, error) {
	return nil, nil, errOnlyLinux
}

func socketPair() (*control, *os.File, error) { return nil, nil, errOnlyLinux }

func ledgerFile() (*os.File, error) { return nil, errOnlyLinux }

func mapLedger(*os.File) ([]atomic.Uint64, error) { return nil, errOnlyLinux }

func apart(*exec.Cmd) {}

func writeWithFile(*net.UnixConn, []byte, *os.File) error { return errOnlyLinux }

func readWithFiles(*net.UnixConn, []byte) (int, []*os.File, error) { return 0, nil, errOnlyLinux }

func isReset(error) bool { return false }

func reapOrphans(fs.FS, map[int]bool) []int { return nil }
