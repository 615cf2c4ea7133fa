package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"parley/project"
)

// lastTraining is what the folder .rasa/cache keeps of the last training, for --dry-run.
type lastTraining struct {
	Fingerprint string `json:"fingerprint"` // of everything that was trained on
	Model       string `json:"model"`
}

// lastTrainingFile is where it is kept: RASA_CACHE_DIRECTORY names another folder.
func (a *app) lastTrainingFile() string {
	dir := a.env("RASA_CACHE_DIRECTORY")
	if dir == "" {
		dir = filepath.Join(".rasa", "cache")
	}
	return filepath.Join(dir, "parley.json")
}

// fingerprint tells projects apart: it changes with everything that was read, with the knobs of training and with the program.
func fingerprint(p *project.Project, t trainFlags) (string, error) {
	version, revision := buildVersion()
	data, err := json.Marshal([]any{version, revision, t.augmentation, project.Show(p)})
	if err != nil {
		return "", fmt.Errorf("take the project's fingerprint: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// remember keeps what was trained. Nothing depends on it but --dry-run, so that a failure is only logged.
func (a *app) remember(p *project.Project, t trainFlags, modelPath string) {
	mark, err := fingerprint(p, t)
	if err == nil {
		var data []byte
		if data, err = json.Marshal(lastTraining{mark, modelPath}); err == nil {
			file := a.lastTrainingFile()
			if err = os.MkdirAll(filepath.Dir(file), 0o750); err == nil {
				err = os.WriteFile(file, data, 0o600)
			}
		}
	}
	if err != nil {
		a.log.Warn("the training is not remembered: --dry-run will want to train again", "error", err)
	}
}

// unchanged reports whether a project is what the last model was trained on.
func (a *app) unchanged(p *project.Project, t trainFlags) (bool, error) {
	data, err := os.ReadFile(a.lastTrainingFile())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read what was trained last: %w", err)
	}
	var last lastTraining
	if err := json.Unmarshal(data, &last); err != nil {
		return false, nil //nolint:nilerr // another program's, or damaged: training again mends it
	}
	now, err := fingerprint(p, t)
	return err == nil && now == last.Fingerprint && exists(last.Model), err
}
