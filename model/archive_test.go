package model

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/dialogue"
)

// bare is a model with neither pipeline nor policies: only the archive is tested with it.
func bare() *Model {
	d := (&dialogue.Domain{Actions: []string{"action_listen"}, Raw: []byte("{}")}).Finish()
	return &Model{ID: "0123", AssistantID: "bot", Language: "en", TrainedAt: time.Unix(1_700_000_000, 0).UTC(), Domain: d}
}

func TestSaveAndLoad(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "m.tar.gz")
	want := bare()
	if err := want.Save(path); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != want.ID || got.AssistantID != want.AssistantID || !got.TrainedAt.Equal(want.TrainedAt) || got.File != path {
		t.Errorf("got %+v", got)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("the folder holds %v, want the model only", entries)
	}
}

func TestNewestModelOfAFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	now := time.Now()
	for i, name := range []string{"old.tar.gz", "new.tar.gz", "note.txt", ".tmp-1-x.tar.gz"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now, now.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Newest(dir)
	if err != nil || filepath.Base(got) != "new.tar.gz" {
		t.Errorf("Newest = %s, %v", got, err)
	}
	for _, path := range []string{filepath.Join(dir, "none"), t.TempDir()} {
		if _, err := Newest(path); !errors.Is(err, ErrNoModel) {
			t.Errorf("Newest(%s) = %v, want ErrNoModel", path, err)
		}
	}
}

// pack makes a gzipped tar of name, content pairs.
func pack(t *testing.T, entries ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	zip := gzip.NewWriter(&buf)
	w := tar.NewWriter(zip)
	for i := 0; i < len(entries); i += 2 {
		if err := w.WriteHeader(&tar.Header{Name: entries[i], Mode: 0o600, Size: int64(len(entries[i+1]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(entries[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestLoadRefusesWhatIsNoModel(t *testing.T) {
	t.Parallel()
	good := filepath.Join(t.TempDir(), "good.tar.gz")
	if err := bare().Save(good); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 0xff
	tests := map[string]struct {
		data []byte
		says string
	}{
		"empty":            {nil, "EOF"},
		"text":             {[]byte("hello, I am no model"), "gzip"},
		"truncated":        {whole[:len(whole)*2/3], ""},
		"damaged":          {flipped, ""},
		"gzip of nothing":  {pack(t), "EOF"},
		"foreign archive":  {pack(t, "readme.txt", "hi"), "readme.txt"},
		"Rasa 3 model":     {pack(t, "metadata.json", `{"model_id": "x", "trained_at": "2022-01-01T00:00:00Z"}`), "trained anew"},
		"Rasa 2 model":     {pack(t, "fingerprint.json", `{}`), "trained anew"},
		"newer format":     {pack(t, "metadata.json", `{"parley_format": 99}`), "a model of another version: format 99"},
		"climbs out":       {pack(t, "metadata.json", `{"parley_format": 1, "files": [{"name": "../x", "size": 1}]}`, "../x", "a"), `"../x"`},
		"absolute":         {pack(t, "metadata.json", `{"parley_format": 1, "files": [{"name": "/etc/x", "size": 1}]}`, "/etc/x", "a"), "/etc/x"},
		"missing file":     {pack(t, "metadata.json", `{"parley_format": 1, "files": [{"name": "a", "size": 1}]}`), "truncated before a"},
		"wrong checksum":   {pack(t, "metadata.json", `{"parley_format": 1, "files": [{"name": "a", "size": 1}]}`, "a", "x"), "a is damaged"},
		"unlisted file":    {pack(t, "metadata.json", `{"parley_format": 1}`, "b", "x"), `"b"`},
		"no domain":        {pack(t, "metadata.json", `{"parley_format": 1}`), "domain.json is missing"},
		"negative size":    {pack(t, "metadata.json", `{"parley_format": 1, "files": [{"name": "a", "size": -1}]}`), "-1 bytes"},
		"metadata no JSON": {pack(t, "metadata.json", `{`), "metadata.json"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "m.tar.gz")
			if err := os.WriteFile(path, test.data, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Load(path)
			if !errors.Is(err, ErrNotModel) || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), path) {
				t.Errorf("Load = %v, want ErrNotModel naming %q and the file", err, test.says)
			}
		})
	}
}

func FuzzLoad(f *testing.F) {
	path := filepath.Join(f.TempDir(), "m.tar.gz")
	if err := bare().Save(path); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := load(bytes.NewReader(data), int64(len(data)))
		if err != nil && !errors.Is(err, ErrNotModel) {
			t.Errorf("error without ErrNotModel: %v", err)
		}
	})
}
