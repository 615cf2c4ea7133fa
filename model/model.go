// Package model is a trained assistant: training, the archive it is kept in, and reading it back.
package model

import (
	"context"
	"errors"
	"time"

	"parley/dialogue"
	"parley/nlu"
	"parley/policy"
	"parley/project"
)

// ErrNotModel is wrapped by Load's errors for files that are no models of ours.
var ErrNotModel = errors.New("not a Parley model")

// Model is a trained assistant.
type Model struct {
	ID          string // random, stamped into events
	AssistantID string
	File        string // the archive it was loaded from, "" if none
	TrainedAt   time.Time
	Language    string
	Domain      *dialogue.Domain
	NLU         *nlu.Pipeline    // nil: trained without NLU
	Policies    *policy.Ensemble // nil: trained without core
}

// Options are the knobs of one training.
type Options struct {
	NLUOnly, CoreOnly bool
	Augmentation      int
	Progress          func(part string, done float64)
	Warn              func(message string)
}

// Train trains a project.
func Train(ctx context.Context, p *project.Project, o Options) (*Model, error) { panic("stub") }

// Save writes the archive to a temporary file beside path and renames it: a reader never sees half a model.
func (m *Model) Save(path string) error { panic("stub") }

// Load reads an archive, or the newest *.tar.gz of a folder.
func Load(path string) (*Model, error) { panic("stub") }
