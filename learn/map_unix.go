//go:build unix

package learn

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// MapFile maps a file into memory, to read only. release ends the mapping.
func MapFile(path string) (data []byte, release func(), err error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = f.Close() }()
	return Map(f)
}

// Map maps an open file, as MapFile does; the file may be closed afterwards.
func Map(f *os.File) (data []byte, release func(), err error) {
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if size := info.Size(); !info.Mode().IsRegular() || size <= 0 || size != int64(int(size)) {
		return nil, nil, fmt.Errorf("%w: %s is no file that can be read whole", ErrCorrupt, f.Name())
	}
	data, err = syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, nil, fmt.Errorf("map %s into memory: %w", f.Name(), err)
	}
	return data, func() { _ = syscall.Munmap(data) }, nil
}

// Leave says that a mapped file is not needed for now: what was read of it leaves this process's memory, and is read again when it is
// looked at.
func Leave(data []byte) { _ = unix.Madvise(data, unix.MADV_DONTNEED) }
