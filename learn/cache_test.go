package learn

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFewFilesAreKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := Cache{Name: "things", Most: 8}
	for i := range c.Most + 5 {
		if err := os.WriteFile(filepath.Join(dir, string(rune('a'+i))), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.forget(dir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != c.Most {
		t.Errorf("%d files, want %d", len(entries), c.Most)
	}
}
