package learn

import (
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Cache is a folder of files that can be made again, in the user's cache folder: mapped into memory they are shared by processes. It is
// a convenience: without it, and whatever goes wrong with it, its users make do with memory of their own.
type Cache struct {
	Name string // of the folder
	Most int    // files that are kept, the newest
}

// folder is the path of the cache, "" if there is none. It must belong to the user alone: what lies there is believed.
func (c Cache) folder(create bool) string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	dir := filepath.Join(cache, "parley", c.Name)
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

// Map maps a file of the cache, if it is there. It may be damaged: whoever uses it checks its sums.
func (c Cache) Map(name string) (data []byte, release func(), ok bool) {
	dir := c.folder(false)
	if dir == "" {
		return nil, nil, false
	}
	data, release, err := MapFile(filepath.Join(dir, name))
	return data, release, err == nil
}

// Write puts what write writes into a file of the cache, whole or not at all, removes the oldest files, and reports success. Several
// processes may write the same file; who has mapped an older one keeps it.
func (c Cache) Write(name string, write func(*os.File) error) bool {
	dir := c.folder(true)
	if dir == "" {
		return false
	}
	tmp, err := os.CreateTemp(dir, ".tmp-*")
	if err != nil {
		return false
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // no more there if all went well
	err = write(tmp)
	if closed := tmp.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(tmp.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		return false
	}
	c.forget(dir)
	return true
}

// forget removes all but the newest files of a folder. Mappings of removed ones stay good.
func (c Cache) forget(dir string) {
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
	for _, f := range all[min(len(all), c.Most):] {
		_ = os.Remove(f.path)
	}
}
