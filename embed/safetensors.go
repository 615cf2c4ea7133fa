package embed

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"unsafe"
)

// ErrWeights is a file of weights that is damaged, or of a kind that this package cannot use.
var ErrWeights = errors.New("unusable weights")

// tensors is a file of named matrices (the format safetensors).
type tensors struct {
	data    []byte // behind the header
	entries map[string]tensorEntry
	sum     uint32            // of the header and some of the data, to tell files apart
	digest  [sha256.Size]byte // of the same
}

type tensorEntry struct {
	Type    string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// maxHeader bounds the header of a file.
const maxHeader = 16 << 20

// readTensors reads the header of a file of weights. samples gives the same bytes: read from a file they cost less than looking at
// pages all over its mapping.
func readTensors(file []byte, samples io.ReaderAt) (*tensors, error) {
	if len(file) < 8 {
		return nil, fmt.Errorf("%w: %d bytes are no safetensors file", ErrWeights, len(file))
	}
	size := binary.LittleEndian.Uint64(file)
	if size > maxHeader || size > uint64(len(file)-8) {
		return nil, fmt.Errorf("%w: a header of %d bytes in a file of %d", ErrWeights, size, len(file))
	}
	header := file[8 : 8+size]
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(header, &raw); err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrWeights, err)
	}
	t := &tensors{data: file[8+size:], entries: make(map[string]tensorEntry, len(raw))}
	for name, body := range raw {
		if name == "__metadata__" {
			continue
		}
		var e tensorEntry
		if err := json.Unmarshal(body, &e); err != nil {
			return nil, fmt.Errorf("%w: tensor %q: %w", ErrWeights, name, err)
		}
		if e.Offsets[0] < 0 || e.Offsets[1] < e.Offsets[0] || e.Offsets[1] > int64(len(t.data)) {
			return nil, fmt.Errorf("%w: tensor %q lies outside the file: it is not whole", ErrWeights, name)
		}
		t.entries[name] = e
	}
	return t, t.identify(header, io.NewSectionReader(samples, int64(8+size), int64(len(t.data))))
}

// identify sums the header and every 4096th part of the data.
func (t *tensors) identify(header []byte, data io.ReaderAt) error {
	crc, digest := crc32.NewIEEE(), sha256.New()
	both := io.MultiWriter(crc, digest)
	_, _ = both.Write(header) // sums do not fail
	var sample [16]byte
	for at := 0; at < len(t.data); at += 1 << 16 {
		part := sample[:min(len(sample), len(t.data)-at)]
		if _, err := data.ReadAt(part, int64(at)); err != nil {
			return fmt.Errorf("%w: %w", ErrWeights, err)
		}
		_, _ = both.Write(part)
	}
	t.sum = crc.Sum32()
	digest.Sum(t.digest[:0])
	return nil
}

// find gives a tensor of a shape; -1 in the shape means any size. Numbers that are float32 already are not copied.
func (t *tensors) find(name string, shape ...int) ([]float32, []int, error) {
	e, ok := t.entries[name]
	if !ok {
		return nil, nil, fmt.Errorf("%w: the tensor %q is missing", ErrWeights, name)
	}
	count, fits := 1, len(shape) == len(e.Shape)
	for i, n := range e.Shape {
		fits = fits && n > 0 && n < 1<<24 && (shape[i] < 0 || shape[i] == n)
		if fits {
			count *= n
		}
		fits = fits && count < 1<<30
	}
	if !fits {
		return nil, nil, fmt.Errorf("%w: the tensor %q has the shape %v, not %v", ErrWeights, name, e.Shape, shape)
	}
	data := t.data[e.Offsets[0]:e.Offsets[1]]
	width := map[string]int{"F32": 4, "F16": 2, "BF16": 2}[e.Type]
	if width == 0 {
		return nil, nil, fmt.Errorf("%w: the tensor %q has numbers of type %s; F32, F16 and BF16 can be read", ErrWeights, name, e.Type)
	}
	if len(data) != count*width {
		return nil, nil, fmt.Errorf("%w: the tensor %q has %d bytes, not %d", ErrWeights, name, len(data), count*width)
	}
	if e.Type == "F32" && inPlace(data) {
		return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(data))), count), e.Shape, nil //nolint:gosec // aligned, length checked
	}
	out := make([]float32, count)
	for i := range out {
		switch e.Type {
		case "F32":
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		case "F16":
			out[i] = half(binary.LittleEndian.Uint16(data[2*i:]))
		default:
			out[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(data[2*i:])) << 16)
		}
	}
	return out, e.Shape, nil
}

// half is a number of 16 bits (IEEE 754).
func half(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch exp {
	case 0: // zero, or so small that it has no leading one
		f := float32(frac) / (1 << 24)
		return math.Float32frombits(math.Float32bits(f) | sign)
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// inPlace reports whether numbers of four bytes can be read where they lie: aligned, on a little-endian machine.
func inPlace(data []byte) bool {
	one := uint16(1)
	little := *(*byte)(unsafe.Pointer(&one)) == 1                           //nolint:gosec // the usual test for byte order
	return little && uintptr(unsafe.Pointer(unsafe.SliceData(data)))%4 == 0 //nolint:gosec // only the address is looked at
}
