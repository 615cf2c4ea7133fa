package learn

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"unsafe"
)

// ErrCorrupt says that bytes are not a file of this package, or not whole.
var ErrCorrupt = errors.New("learn: not a weights file, or damaged")

// ErrVersion says that a file is of a format this program does not know.
var ErrVersion = errors.New("learn: unknown version of the weights file")

const (
	fileMagic   = "PARLEYWF"
	fileVersion = 1
	headerSize  = 24 // magic, version u32, sections u32, CRC32C of the table u32, reserved u32
	entrySize   = 64 // name 40, kind u32, CRC32C u32, offset u64, length u64
	nameSize    = 40
	alignment   = 64
)

// Kinds of sections.
const (
	kindBytes uint32 = iota + 1
	kindInt8
	kindUint32
	kindUint64
	kindFloat32
	kindUint16
)

// FileWriter gathers named arrays for one flat file: little-endian, every section aligned to 64 bytes and with a
// checksum, so that a file can be used in place, without copies. Errors are kept until Bytes.
type FileWriter struct {
	sections []section
	err      error
}

type section struct {
	name string
	kind uint32
	data []byte
}

func (w *FileWriter) add(name string, kind uint32, data []byte) {
	if len(name) == 0 || len(name) > nameSize {
		w.err = errors.Join(w.err, fmt.Errorf("learn: a section's name has 1 to %d bytes: %q", nameSize, name))
		return
	}
	for _, s := range w.sections {
		if s.name == name {
			w.err = errors.Join(w.err, fmt.Errorf("learn: two sections named %q", name))
			return
		}
	}
	w.sections = append(w.sections, section{name, kind, data})
}

// Bytes adds a section of plain bytes; they must not change before Finish.
func (w *FileWriter) Bytes(name string, data []byte) { w.add(name, kindBytes, data) }

// Int8s adds small integers.
func (w *FileWriter) Int8s(name string, x []int8) {
	data := make([]byte, len(x))
	for i, v := range x {
		data[i] = byte(v)
	}
	w.add(name, kindInt8, data)
}

// Uint16s adds unsigned integers.
func (w *FileWriter) Uint16s(name string, x []uint16) {
	data := make([]byte, 0, 2*len(x))
	for _, v := range x {
		data = binary.LittleEndian.AppendUint16(data, v)
	}
	w.add(name, kindUint16, data)
}

// Uint32s adds unsigned integers.
func (w *FileWriter) Uint32s(name string, x []uint32) {
	data := make([]byte, 0, 4*len(x))
	for _, v := range x {
		data = binary.LittleEndian.AppendUint32(data, v)
	}
	w.add(name, kindUint32, data)
}

// Uint64s adds unsigned integers.
func (w *FileWriter) Uint64s(name string, x []uint64) {
	data := make([]byte, 0, 8*len(x))
	for _, v := range x {
		data = binary.LittleEndian.AppendUint64(data, v)
	}
	w.add(name, kindUint64, data)
}

// Float32s adds numbers.
func (w *FileWriter) Float32s(name string, x []float32) {
	data := make([]byte, 0, 4*len(x))
	for _, v := range x {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	w.add(name, kindFloat32, data)
}

// Finish gives the whole file.
func (w *FileWriter) Finish() ([]byte, error) {
	if w.err != nil {
		return nil, w.err
	}
	offset := align(headerSize + entrySize*len(w.sections))
	size := offset
	for _, s := range w.sections {
		size = align(size) + len(s.data)
	}
	out := make([]byte, size)
	copy(out, fileMagic)
	le := binary.LittleEndian
	le.PutUint32(out[8:], fileVersion)
	le.PutUint32(out[12:], uint32(len(w.sections)))
	for i, s := range w.sections {
		offset = align(offset)
		entry := out[headerSize+i*entrySize:]
		copy(entry[:nameSize], s.name)
		le.PutUint32(entry[40:], s.kind)
		le.PutUint32(entry[44:], crc32.Checksum(s.data, castagnoli()))
		le.PutUint64(entry[48:], uint64(offset))
		le.PutUint64(entry[56:], uint64(len(s.data)))
		copy(out[offset:], s.data)
		offset += len(s.data)
	}
	le.PutUint32(out[16:], crc32.Checksum(out[headerSize:headerSize+entrySize*len(w.sections)], castagnoli()))
	return out, nil
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

func align(n int) int { return (n + alignment - 1) &^ (alignment - 1) }

// File is a flat file opened over its bytes. Arrays point into these bytes where the machine allows it, so the bytes must
// live and stay unchanged as long as anything read from the file.
type File struct {
	data     []byte
	sections []section
}

// OpenFile checks a file's header, table and checksums. Errors are ErrCorrupt or ErrVersion.
func OpenFile(data []byte) (*File, error) {
	le := binary.LittleEndian
	if len(data) < headerSize || string(data[:8]) != fileMagic {
		return nil, fmt.Errorf("%w: no header", ErrCorrupt)
	}
	if v := le.Uint32(data[8:]); v != fileVersion {
		return nil, fmt.Errorf("%w: %d, this program reads %d", ErrVersion, v, fileVersion)
	}
	count := int(le.Uint32(data[12:]))
	if count > (len(data)-headerSize)/entrySize {
		return nil, fmt.Errorf("%w: %d sections in %d bytes", ErrCorrupt, count, len(data))
	}
	table := data[headerSize : headerSize+count*entrySize]
	if crc32.Checksum(table, castagnoli()) != le.Uint32(data[16:]) {
		return nil, fmt.Errorf("%w: table of sections", ErrCorrupt)
	}
	f := &File{data: data}
	for i := range count {
		entry := table[i*entrySize:]
		end := 0
		for end < nameSize && entry[end] != 0 {
			end++
		}
		name := string(entry[:end])
		offset, length := le.Uint64(entry[48:]), le.Uint64(entry[56:])
		if offset > uint64(len(data)) || length > uint64(len(data))-offset {
			return nil, fmt.Errorf("%w: section %q lies outside", ErrCorrupt, name)
		}
		body := data[offset : offset+length : offset+length]
		if crc32.Checksum(body, castagnoli()) != le.Uint32(entry[44:]) {
			return nil, fmt.Errorf("%w: checksum of section %q", ErrCorrupt, name)
		}
		f.sections = append(f.sections, section{name, le.Uint32(entry[40:]), body})
	}
	return f, nil
}

func (f *File) find(name string, kind uint32, size int) ([]byte, error) {
	for _, s := range f.sections {
		if s.name == name {
			if s.kind != kind || len(s.data)%size != 0 {
				return nil, fmt.Errorf("%w: section %q is of another kind", ErrCorrupt, name)
			}
			return s.data, nil
		}
	}
	return nil, fmt.Errorf("%w: no section %q", ErrCorrupt, name)
}

// Has reports whether a section is there.
func (f *File) Has(name string) bool {
	for _, s := range f.sections {
		if s.name == name {
			return true
		}
	}
	return false
}

// Bytes gives a section of plain bytes.
func (f *File) Bytes(name string) ([]byte, error) { return f.find(name, kindBytes, 1) }

// Int8s gives a section of small integers.
func (f *File) Int8s(name string) ([]int8, error) {
	data, err := f.find(name, kindInt8, 1)
	if err != nil || len(data) == 0 {
		return nil, err
	}
	return unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(data))), len(data)), nil //nolint:gosec // a byte is an int8
}

// Uint16s gives a section of unsigned integers.
func (f *File) Uint16s(name string) ([]uint16, error) {
	data, err := f.find(name, kindUint16, 2)
	if err != nil || len(data) == 0 {
		return nil, err
	}
	if inPlace(data, 2) {
		return unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(data))), len(data)/2), nil //nolint:gosec // aligned, length checked
	}
	out := make([]uint16, len(data)/2)
	for i := range out {
		out[i] = binary.LittleEndian.Uint16(data[2*i:])
	}
	return out, nil
}

// Uint32s gives a section of unsigned integers.
func (f *File) Uint32s(name string) ([]uint32, error) {
	data, err := f.find(name, kindUint32, 4)
	if err != nil || len(data) == 0 {
		return nil, err
	}
	if inPlace(data, 4) {
		return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(data))), len(data)/4), nil //nolint:gosec // aligned, length checked
	}
	out := make([]uint32, len(data)/4)
	for i := range out {
		out[i] = binary.LittleEndian.Uint32(data[4*i:])
	}
	return out, nil
}

// Uint64s gives a section of unsigned integers.
func (f *File) Uint64s(name string) ([]uint64, error) {
	data, err := f.find(name, kindUint64, 8)
	if err != nil || len(data) == 0 {
		return nil, err
	}
	if inPlace(data, 8) {
		return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(data))), len(data)/8), nil //nolint:gosec // aligned, length checked
	}
	out := make([]uint64, len(data)/8)
	for i := range out {
		out[i] = binary.LittleEndian.Uint64(data[8*i:])
	}
	return out, nil
}

// Float32s gives a section of numbers; all are finite.
func (f *File) Float32s(name string) ([]float32, error) {
	data, err := f.find(name, kindFloat32, 4)
	if err != nil || len(data) == 0 {
		return nil, err
	}
	var out []float32
	if inPlace(data, 4) {
		out = unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(data))), len(data)/4) //nolint:gosec // aligned, length checked
	} else {
		out = make([]float32, len(data)/4)
		for i := range out {
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
	}
	if !sane(out) {
		return nil, fmt.Errorf("%w: section %q holds a number that is not finite or beyond reason", ErrCorrupt, name)
	}
	return out, nil
}

// sane reports whether numbers are finite, and so small that no sum of them overflows.
func sane(x []float32) bool {
	for _, v := range x {
		if !(v > -1e9 && v < 1e9) {
			return false
		}
	}
	return true
}

// inPlace reports whether numbers of a size can be read where they lie: aligned, on a little-endian machine.
func inPlace(data []byte, size uintptr) bool {
	one := uint16(1)
	little := *(*byte)(unsafe.Pointer(&one)) == 1                              //nolint:gosec // the usual test for byte order
	return little && uintptr(unsafe.Pointer(unsafe.SliceData(data)))%size == 0 //nolint:gosec // only the address is looked at
}
