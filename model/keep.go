package model

import (
	"encoding/hex"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"parley/learn"
)

// Models of at least this many bytes are kept; smaller ones are not worth a file.
const leastKept = 256 << 10

// mostKept is how many models are kept. More than a few are in use only while servers are replaced.
const mostKept = 8

// keptAlign is the alignment of the files in a kept model: arrays within are used in place.
const keptAlign = 64

// kept are the files of a model, mapped into memory.
type kept struct {
	files   map[string][]byte
	release func()
}

// keptFolder is the folder of kept models, "" if there is none. It must belong to the user alone: what lies there is believed.
func keptFolder(create bool) string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	dir := filepath.Join(cache, "parley", "models")
	if create {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return ""
		}
	}
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() || info.Mode().Perm()&0o022 != 0 {
		return ""
	}
	return dir
}

// layout gives the place of each file in a kept model, and the size of all.
func (meta *metadata) layout() (offsets []int, size int) {
	for _, f := range meta.Files {
		size = (size + keptAlign - 1) / keptAlign * keptAlign
		offsets = append(offsets, size)
		size += f.Size
	}
	return offsets, size
}

// keptPath is the file of a kept model. An archive that was cut off later is not taken for it.
func (meta *metadata) keptPath(dir string) string {
	return filepath.Join(dir, hex.EncodeToString(meta.sum[:])+"-"+strconv.FormatInt(meta.archive, 10))
}

// mapKept maps a model that was kept earlier. Its sums are checked; one that is damaged counts as not kept.
func mapKept(meta *metadata) (kept, bool) {
	offsets, size := meta.layout()
	dir := ""
	if size >= leastKept {
		dir = keptFolder(false)
	}
	if dir == "" {
		return kept{}, false
	}
	data, release, err := learn.MapFile(meta.keptPath(dir))
	if err != nil {
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

// keep writes the files of a model into the folder and maps them. It is a convenience: whatever goes wrong, the model is used from
// memory.
func keep(meta *metadata, files map[string][]byte) (kept, bool) {
	offsets, size := meta.layout()
	dir := ""
	if size >= leastKept {
		dir = keptFolder(true)
	}
	if dir == "" {
		return kept{}, false
	}
	tmp, err := os.CreateTemp(dir, ".tmp-*")
	if err != nil {
		return kept{}, false
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // no more there if all went well
	for i, f := range meta.Files {
		if err == nil {
			_, err = tmp.WriteAt(files[f.Name], int64(offsets[i]))
		}
	}
	if err == nil {
		err = tmp.Truncate(int64(size))
	}
	if closed := tmp.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(tmp.Name(), meta.keptPath(dir)) //nolint:gosec // in a folder of the user's own, named by a sum
	}
	if err != nil {
		return kept{}, false
	}
	forget(dir)
	return mapKept(meta)
}

// forget removes all but the newest files of a folder. Mappings of removed ones stay good.
func forget(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	type old struct {
		path string
		at   time.Time
	}
	var all []old
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			all = append(all, old{filepath.Join(dir, e.Name()), info.ModTime()})
		}
	}
	slices.SortFunc(all, func(a, b old) int { return b.at.Compare(a.at) })
	for _, f := range all[min(len(all), mostKept):] {
		_ = os.Remove(f.path)
	}
}
