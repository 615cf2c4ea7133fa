package project

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxFileSize bounds a single file: more is a mistake (a model, a dump), not training data. 200 000 examples have some 15 MB; reading
// takes up to 40 times the size in memory.
const maxFileSize = 64 << 20

// reader reads a project's files and collects what is wrong with them.
type reader struct {
	report
	env env
	// legacy also reads the formats of older versions.
	legacy bool
	// parsed holds documents that more than one part of the loader reads.
	parsed map[string]*node
	// contents holds the bytes of data files; nil for a file that could not be read.
	contents map[string][]byte
}

func newReader() *reader {
	return &reader{env: os.LookupEnv, parsed: map[string]*node{}, contents: map[string][]byte{}}
}

// file reads a file's bytes; a failure is reported.
func (r *reader) file(path string) ([]byte, bool) {
	data, err := readFile(path)
	if err != nil {
		r.add(*asProblem(err, path))
		return nil, false
	}
	return data, true
}

// asProblem makes a Problem of any error about a file.
func asProblem(err error, path string) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	return &Problem{File: path, Severity: SeverityError, Class: classFileIO, Code: "unreadable", Message: err.Error()}
}

// readFile reads a regular file of a sensible size. The error is a *Problem.
func readFile(path string) ([]byte, error) {
	p := &Problem{File: path, Severity: SeverityError, Class: classFileIO, Code: "unreadable"}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.Class, p.Code, p.Message = classFileNotFound, "missing-file", "the file does not exist"
		p.Hint = "check the path; it is relative to the working directory"
		return nil, p
	case err != nil:
		p.Message = "cannot look at the file: " + cause(err)
		return nil, p
	case info.IsDir():
		p.Message, p.Hint = "this is a directory, not a file", "name a file in it"
		return nil, p
	case !info.Mode().IsRegular():
		p.Message = "this is not a regular file"
		return nil, p
	case info.Size() > maxFileSize:
		return nil, tooLarge(p, info.Size())
	}
	f, err := os.Open(path) //nolint:gosec // reading the files that the user names is the purpose
	if err != nil {
		p.Message, p.Hint = "cannot open the file: "+cause(err), "check its permissions"
		return nil, p
	}
	defer func() { _ = f.Close() }()
	data := make([]byte, 0, info.Size()+1)
	for {
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
		n, err := f.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case errors.Is(err, io.EOF):
			return data, nil
		case err != nil:
			p.Message = "cannot read the file: " + cause(err)
			return nil, p
		case len(data) > maxFileSize:
			return nil, tooLarge(p, int64(len(data)))
		}
	}
}

func tooLarge(p *Problem, size int64) *Problem {
	p.Code = "too-large"
	p.Message = fmt.Sprintf("the file has %d MB; the limit is %d MB", size>>20, maxFileSize>>20)
	p.Hint = "split it, or move it out of the project's folders"
	return p
}

// cause is an error of the file system without the path, which the problem names already.
func cause(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}

// yaml reads a YAML file; a failure is reported and gives nil.
func (r *reader) yaml(path string) *node {
	if n, ok := r.parsed[path]; ok {
		return n
	}
	data, ok := r.dataFile(path)
	if !ok {
		return nil
	}
	n := r.document(path, data)
	r.parsed[path] = n
	return n
}

// document parses a YAML document; a failure is reported and gives nil.
func (r *reader) document(name string, data []byte) *node {
	n, err := parseYAML(&source{name: name, size: len(data)}, data, r.env)
	if err != nil {
		r.add(*asProblem(err, name))
		return nil
	}
	return n
}

// dataFile is a file found under the data paths.
type dataFile struct {
	path  string // as messages name it
	order string // what the reference sorts by
}

// find lists the files of data paths as the reference does (spec project-files §1.2): a file that is named itself counts
// by its absolute path, folders are walked through links, hidden files are included, missing paths give nothing.
func (r *reader) find(paths []string) []dataFile {
	seen := map[string]bool{}
	var files []dataFile
	add := func(path, order string) {
		if !seen[order] {
			seen[order] = true
			files = append(files, dataFile{path, order})
		}
	}
	for _, path := range paths {
		if path == "" {
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				r.add(Problem{File: path, Severity: SeverityError, Class: classFileIO, Code: "unreadable", Message: "cannot look at the path: " + cause(err)})
			}
			continue
		}
		if !info.IsDir() {
			if isDataName(path) || r.legacy && filepath.Ext(path) == ".md" {
				order, err := filepath.Abs(path)
				if err != nil {
					order = path
				}
				add(path, order)
			}
			continue
		}
		r.walk(path, nil, func(path string) { add(path, path) })
	}
	slices.SortFunc(files, func(a, b dataFile) int { return strings.Compare(a.order, b.order) })
	return files
}

// walk calls visit for each file below a folder, following links; a link back to a folder above it is reported and skipped.
func (r *reader) walk(dir string, above []os.FileInfo, visit func(path string)) {
	self, err := os.Stat(dir)
	if err != nil {
		return
	}
	for _, parent := range above {
		if os.SameFile(parent, self) {
			r.add(Problem{
				File: dir, Severity: SeverityWarning, Code: "link-cycle", Message: "the link leads back to a folder above it and is skipped",
				Hint: "remove the link",
			})
			return
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		r.add(Problem{
			File: dir, Severity: SeverityError, Class: classFileIO, Code: "unreadable", Message: "cannot list the folder: " + cause(err),
			Hint: "check its permissions",
		})
		return
	}
	above = append(above, self)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		isDir := e.IsDir()
		if e.Type()&fs.ModeSymlink != 0 {
			info, err := os.Stat(path)
			if err != nil {
				r.add(Problem{File: path, Severity: SeverityWarning, Code: "broken-link", Message: "the link leads nowhere and is skipped"})
				continue
			}
			isDir = info.IsDir()
		}
		if isDir {
			r.walk(path, above, visit)
			continue
		}
		visit(path)
	}
}

func isYAMLName(path string) bool {
	ext := filepath.Ext(path)
	return ext == ".yml" || ext == ".yaml"
}

func isDataName(path string) bool { return isYAMLName(path) || filepath.Ext(path) == ".json" }

// hasKeyLine reports whether some line of a text begins, behind white space, with one of the keys and a colon. The test is
// textual, as in the reference: "stories :" does not count, nor does a key behind a byte order mark.
func hasKeyLine(data []byte, keys ...string) bool {
	for start := 0; start < len(data); {
		for start < len(data) && (data[start] == ' ' || data[start] >= '\t' && data[start] <= '\r') {
			start++
		}
		rest := data[start:]
		for _, key := range keys {
			if len(rest) > len(key) && rest[len(key)] == ':' && string(rest[:len(key)]) == key {
				return true
			}
		}
		for start < len(data) && data[start] != '\n' && data[start] != '\r' {
			start++
		}
		start++
	}
	return false
}
