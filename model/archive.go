package model

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"parley/nlu"
	"parley/policy"
)

// format is the number of the archive's format. A reader refuses any other.
const format = 1

// Limits of an archive that Load accepts.
const (
	maxFiles = 10_000
	maxBytes = 4 << 30 // all files together, uncompressed
)

// ErrNotModel is wrapped by Load's errors for files that are no models of ours.
var ErrNotModel = errors.New("not a Parley model")

// ErrOtherFormat is wrapped by Load's errors, beside ErrNotModel, for models of another version of Parley.
var ErrOtherFormat = errors.New("a model of another version")

// ErrNoModel is wrapped by Load's errors when there is no file to read.
var ErrNoModel = errors.New("no model found")

const (
	metadataName = "metadata.json"
	domainName   = "domain.json"
	nluPrefix    = "nlu/"
	policyPrefix = "policies/"
)

// metadata is the archive's first file.
type metadata struct {
	Format      int       `json:"parley_format"`
	ModelID     string    `json:"model_id"`
	AssistantID string    `json:"assistant_id"`
	Language    string    `json:"language"`
	TrainedAt   time.Time `json:"trained_at"`
	NLU         bool      `json:"nlu"`
	Core        bool      `json:"core"`
	Files       []file    `json:"files"`

	sum     [sha256.Size]byte // of the metadata as it is written, and so of all files
	archive int64             // bytes of the archive
}

// file is one other file of the archive.
type file struct {
	Name string `json:"name"`
	Size int    `json:"size"`
	CRC  uint32 `json:"crc32c"`

	data []byte
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Save writes the archive to path, whole or not at all. Folders on the way are made.
func (m *Model) Save(path string) (err error) {
	meta, err := m.pack()
	if err != nil {
		return fmt.Errorf("save model %s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".tmp-*-"+filepath.Base(path))
	if err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	defer func() {
		if err != nil {
			_ = tmp.Close()
			_ = os.Remove(tmp.Name())
		}
	}()
	if err := meta.write(tmp); err != nil {
		return fmt.Errorf("save model %s: %w", path, err)
	}
	if err := errors.Join(tmp.Chmod(0o644), tmp.Sync(), tmp.Close()); err != nil {
		return fmt.Errorf("save model %s: %w", path, err)
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	return nil
}

// pack collects the archive's files.
func (m *Model) pack() (*metadata, error) {
	meta := &metadata{
		Format: format, ModelID: m.ID, AssistantID: m.AssistantID, Language: m.Language, TrainedAt: m.TrainedAt,
		NLU: m.NLU != nil, Core: m.Policies != nil,
	}
	put := func(prefix string) func(string, []byte) error {
		return func(name string, data []byte) error {
			meta.Files = append(meta.Files, file{
				Name: prefix + name, Size: len(data), CRC: crc32.Checksum(data, castagnoli), data: data,
			})
			return nil
		}
	}
	err := put("")(domainName, encodeDomain(m.Domain))
	if m.NLU != nil {
		err = errors.Join(err, m.NLU.Save(put(nluPrefix)))
	}
	if m.Policies != nil {
		err = errors.Join(err, m.Policies.Save(put(policyPrefix)))
	}
	return meta, err
}

// write writes metadata.json and the files.
func (meta *metadata) write(w io.Writer) error {
	buffered := bufio.NewWriter(w)
	zip, err := gzip.NewWriterLevel(buffered, gzip.NoCompression) // weights hardly shrink, and servers wait for models
	if err != nil {
		return err
	}
	archive := tar.NewWriter(zip)
	first, err := json.MarshalIndent(meta, "", "  ")
	if err != nil {
		return err
	}
	for _, f := range append([]file{{Name: metadataName, data: first}}, meta.Files...) {
		header := &tar.Header{Name: f.Name, Mode: 0o644, Size: int64(len(f.data)), ModTime: meta.TrainedAt.Truncate(time.Second)}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write(f.data); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), zip.Close(), buffered.Flush())
}

// Load reads an archive, or the newest *.tar.gz of a folder.
func Load(path string) (*Model, error) {
	path, err := Newest(path)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path) //nolint:gosec // the operator names the model
	if err != nil {
		return nil, fmt.Errorf("load model: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("load model: %w", err)
	}
	m, err := load(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("load model %s: %w", path, err)
	}
	m.File = path
	return m, nil
}

// load reads an archive of a size, or what is kept of it.
func load(f io.Reader, size int64) (*Model, error) {
	meta, archive, err := open(f)
	if err != nil {
		return nil, err
	}
	meta.archive = size
	kept, ok := mapKept(meta)
	if !ok {
		files, err := meta.read(archive)
		if err != nil {
			return nil, err
		}
		if kept, ok = keep(meta, files); !ok {
			return unpack(meta, files)
		}
	}
	m, err := unpack(meta, kept.files)
	if err != nil || m.NLU == nil {
		kept.release() // policies and domain are copied
		return m, err
	}
	runtime.AddCleanup(m.NLU, func(release func()) { release() }, kept.release)
	return m, nil
}

// Newest is path itself if it is a file, else the newest *.tar.gz of the folder by time of modification, ties by name.
func Newest(path string) (string, error) {
	info, err := os.Stat(path) //nolint:gosec // the operator names the model
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoModel, err)
	}
	if !info.IsDir() {
		return path, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoModel, err)
	}
	var newest string
	var at time.Time
	for _, e := range entries {
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") || !strings.HasSuffix(e.Name(), ".tar.gz") {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // gone since it was listed
		}
		if newest == "" || !info.ModTime().Before(at) {
			newest, at = filepath.Join(path, e.Name()), info.ModTime()
		}
	}
	if newest == "" {
		return "", fmt.Errorf("%w: no *.tar.gz in %s", ErrNoModel, path)
	}
	return newest, nil
}

// open reads the metadata of an archive.
func open(r io.Reader) (*metadata, *tar.Reader, error) {
	zip, err := gzip.NewReader(bufio.NewReaderSize(r, 1<<16))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrNotModel, err)
	}
	archive := tar.NewReader(zip)
	meta := &metadata{}
	return meta, archive, readMetadata(archive, meta)
}

// read reads and checks the files of an archive that was opened.
func (meta *metadata) read(archive *tar.Reader) (map[string][]byte, error) {
	files := make(map[string][]byte, len(meta.Files))
	for _, f := range meta.Files {
		header, err := archive.Next()
		if err != nil {
			return nil, fmt.Errorf("%w: truncated before %s: %w", ErrNotModel, f.Name, err)
		}
		if header.Name != f.Name || header.Typeflag != tar.TypeReg || header.Size != int64(f.Size) {
			return nil, fmt.Errorf("%w: %q stands where %s should", ErrNotModel, header.Name, f.Name)
		}
		data, err := readSized(archive, f.Size)
		if err != nil {
			return nil, fmt.Errorf("%w: truncated in %s: %w", ErrNotModel, f.Name, err)
		}
		if crc32.Checksum(data, castagnoli) != f.CRC {
			return nil, fmt.Errorf("%w: %s is damaged", ErrNotModel, f.Name)
		}
		files[f.Name] = data
	}
	if header, err := archive.Next(); err == nil {
		return nil, fmt.Errorf("%w: unknown file %q", ErrNotModel, header.Name)
	} else if !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: %w", ErrNotModel, err)
	}
	return files, nil
}

// readSized reads a file that should have a size. Memory grows with what is really there, whatever the size says.
func readSized(r io.Reader, size int) ([]byte, error) {
	const believed = 16 << 20
	buf := bytes.NewBuffer(make([]byte, 0, min(size, believed)+bytes.MinRead))
	_, err := buf.ReadFrom(r)
	return buf.Bytes(), err
}

// readMetadata reads the first file and checks the format, the names and the sizes before anything else is believed.
func readMetadata(archive *tar.Reader, meta *metadata) error {
	header, err := archive.Next()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotModel, err)
	}
	if path.Base(header.Name) == "fingerprint.json" || header.Name != metadataName && header.Name != "./"+metadataName {
		return fmt.Errorf("%w: it begins with %q, not %s (a model that Rasa trained must be trained anew)", ErrNotModel, header.Name, metadataName)
	}
	data, err := io.ReadAll(io.LimitReader(archive, 64<<20))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotModel, err)
	}
	if err := json.Unmarshal(data, meta); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrNotModel, metadataName, err)
	}
	meta.sum = sha256.Sum256(data)
	switch {
	case meta.Format == 0:
		return fmt.Errorf("%w: %s names no format (a model that Rasa trained must be trained anew)", ErrNotModel, metadataName)
	case meta.Format != format:
		return fmt.Errorf("%w: %w: format %d, this one reads %d: train it anew", ErrNotModel, ErrOtherFormat, meta.Format, format)
	case len(meta.Files) > maxFiles:
		return fmt.Errorf("%w: %d files", ErrNotModel, len(meta.Files))
	}
	total := 0
	for _, f := range meta.Files {
		if !filepath.IsLocal(f.Name) || f.Name != path.Clean(f.Name) || f.Size < 0 || f.Size > maxBytes {
			return fmt.Errorf("%w: bad file %q of %d bytes", ErrNotModel, f.Name, f.Size)
		}
		if total += f.Size; total > maxBytes {
			return fmt.Errorf("%w: more than %d bytes", ErrNotModel, maxBytes)
		}
	}
	return nil
}

// unpack makes the model of its files.
func unpack(meta *metadata, files map[string][]byte) (*Model, error) {
	get := func(prefix string) func(string) ([]byte, error) {
		return func(name string) ([]byte, error) {
			data, ok := files[prefix+name]
			if !ok {
				return nil, fmt.Errorf("%w: %s is missing", ErrNotModel, prefix+name)
			}
			return data, nil
		}
	}
	m := &Model{ID: meta.ModelID, AssistantID: meta.AssistantID, Language: meta.Language, TrainedAt: meta.TrainedAt}
	data, err := get("")(domainName)
	if err != nil {
		return nil, err
	}
	if m.Domain, err = decodeDomain(data); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrNotModel, domainName, err)
	}
	if meta.NLU {
		if m.NLU, err = nlu.Load(get(nluPrefix)); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotModel, err)
		}
	}
	if meta.Core {
		if m.Policies, err = policy.Load(get(policyPrefix), m.Domain); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotModel, err)
		}
	}
	if m.NLU != nil && m.Policies != nil {
		if err := m.Policies.LoadEntities(loadTagger(m.NLU)); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotModel, err)
		}
	}
	return m, nil
}
