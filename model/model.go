// Package model is a trained assistant: training it, the archive it is kept in, and reading it back.
//
// # Archive
//
// A model is a gzip-compressed tar file: metadata.json first, with the format's number and the size and checksum of every
// other file, then domain.json and one file for each section of the pipeline (nlu/…) and of the policies (policies/…).
// Save writes to a temporary file beside its goal and renames it, so a reader never sees half a model. Load refuses what it does not
// know: a foreign or truncated file, another format, a name that is not in the list or leaves its folder.
//
// # Sharing
//
// The files of a larger model are kept side by side in one file in the user's cache folder (keep.go), which is mapped into memory: worker
// processes share its pages, and the next load is quick. Where there is no such folder, models are read into each process.
//
// # Concurrency
//
// A Model is immutable and safe for concurrent use.
package model

import (
	"time"

	"parley/dialogue"
	"parley/nlu"
	"parley/policy"
)

// Model is a trained assistant.
type Model struct {
	ID          string // 32 hexadecimal digits, stamped into events
	AssistantID string
	File        string // the archive it was loaded from, "" if none
	TrainedAt   time.Time
	Language    string
	Domain      *dialogue.Domain
	NLU         *nlu.Pipeline    // nil: trained without NLU
	Policies    *policy.Ensemble // nil: trained without dialogue
}
