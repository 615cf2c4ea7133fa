package model

import (
	"encoding/hex"
	"hash/crc32"
	"os"
	"strconv"

	"parley/learn"
)

// Models of at least this many bytes are kept; smaller ones are not worth a file.
const leastKept = 256 << 10

// keptAlign is the alignment of the files in a kept model: arrays within are used in place.
const keptAlign = 64

// kept are the files of a model, mapped into memory.
type kept struct {
	files   map[string][]byte
	release func()
}

// models are kept models. More than a few are in use only while servers are replaced.
func models() learn.Cache { return learn.Cache{Name: "models", Most: 8} }

// layout gives the place of each file in a kept model, and the size of all.
func (meta *metadata) layout() (offsets []int, size int) {
	for _, f := range meta.Files {
		size = (size + keptAlign - 1) / keptAlign * keptAlign
		offsets = append(offsets, size)
		size += f.Size
	}
	return offsets, size
}

// keptName is the file of a kept model. An archive that was cut off later is not taken for it.
func (meta *metadata) keptName() string {
	return hex.EncodeToString(meta.sum[:]) + "-" + strconv.FormatInt(meta.archive, 10)
}

// mapKept maps a model that was kept earlier. Its sums are checked; one that is damaged counts as not kept.
func mapKept(meta *metadata) (kept, bool) {
	offsets, size := meta.layout()
	if size < leastKept {
		return kept{}, false
	}
	data, release, ok := models().Map(meta.keptName())
	if !ok {
		return kept{}, false
	}
	k := kept{files: make(map[string][]byte, len(meta.Files)), release: release}
	for i, f := range meta.Files {
		if len(data) != size {
			release()
			return kept{}, false
		}
		body := data[offsets[i] : offsets[i]+f.Size : offsets[i]+f.Size]
		if crc32.Checksum(body, castagnoli) != f.CRC {
			release()
			return kept{}, false
		}
		k.files[f.Name] = body
	}
	return k, true
}

// keep writes the files of a model into the cache and maps them. It is a convenience: whatever goes wrong, the model is used from
// memory.
func keep(meta *metadata, files map[string][]byte) (kept, bool) {
	offsets, size := meta.layout()
	if size < leastKept {
		return kept{}, false
	}
	if !models().Write(meta.keptName(), func(f *os.File) error {
		for i, file := range meta.Files {
			if _, err := f.WriteAt(files[file.Name], int64(offsets[i])); err != nil {
				return err
			}
		}
		return f.Truncate(int64(size))
	}) {
		return kept{}, false
	}
	return mapKept(meta)
}
