package nlu

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"parley/learn"
	"parley/segment"
)

// jiebaTokenizer cuts Chinese text into words, as jieba does. White space and punctuation are tokens, too.
type jiebaTokenizer struct {
	tokenizerOptions
	path   string // dictionary_path: a folder of dictionaries of the project; "": none
	own    []byte // their lines, kept in the model
	cutter *segment.Cutter
}

// maxDictionaries bounds the bytes of a project's dictionaries.
const maxDictionaries = 32 << 20

func newJiebaTokenizer(o *options) component {
	return &jiebaTokenizer{tokenizerOptions: decodeTokenizerOptions(o), path: o.text("dictionary_path", "")}
}

// train reads the dictionaries of the project, as the model must not depend on them later.
func (j *jiebaTokenizer) train(context.Context, *training) error {
	j.own = nil
	if j.path == "" {
		return j.open("")
	}
	paths, err := dictionaries(j.path)
	if err != nil {
		return err
	}
	for _, path := range paths {
		data, err := os.ReadFile(path) //nolint:gosec // the project's author names the folder
		if err != nil {
			return fmt.Errorf("dictionary_path: %w", err)
		}
		if len(j.own)+len(data) > maxDictionaries {
			return fmt.Errorf("dictionary_path: the dictionaries in %s are larger than %d bytes", j.path, maxDictionaries)
		}
		j.own = append(append(j.own, data...), '\n')
	}
	return j.open(j.path + ": ")
}

// dictionaries are the files of a folder, in the order of their names.
func dictionaries(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("dictionary_path: there is no folder %s", folder)
	}
	if err != nil {
		return nil, fmt.Errorf("dictionary_path: must be a folder of dictionaries: %w", err)
	}
	var paths []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !e.IsDir() {
			paths = append(paths, filepath.Join(folder, e.Name()))
		}
	}
	return paths, nil
}

// open makes the cutter.
func (j *jiebaTokenizer) open(place string) error {
	var err error
	if j.cutter, err = segment.New(); err != nil {
		return err
	}
	for line := range bytes.Lines(j.own) {
		if err := j.cutter.AddLine(string(line)); err != nil {
			return fmt.Errorf("dictionary_path: %s%w", place, err)
		}
	}
	return nil
}

func (j *jiebaTokenizer) process(_ context.Context, m *message) error {
	m.tokens, m.tokenized = m.tokens[:0], true
	at := 0
	for _, word := range j.cutter.Cut(nil, m.text) {
		m.tokens = append(m.tokens, token{at, at + len(word)})
		at += len(word)
	}
	j.split(m)
	return nil
}

func (j *jiebaTokenizer) save(w *learn.FileWriter) error { //nolint:unparam // as the interface wants it
	w.Bytes("dictionary", j.own)
	return nil
}

func (j *jiebaTokenizer) load(f *learn.File) (err error) {
	if j.own, err = f.Bytes("dictionary"); err != nil {
		return err
	}
	if err := j.open(""); err != nil {
		return fmt.Errorf("%w: %w", learn.ErrCorrupt, err)
	}
	return nil
}
