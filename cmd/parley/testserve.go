package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"parley/agent"
	"parley/evaluate"
	"parley/model"
	"parley/nlu"
	"parley/project"
	"parley/worker"
)

// payloadFile writes the body of a request as a file that the loaders read, in a folder of its own; remove ends both.
func payloadFile(name string, body []byte) (dir, file string, remove func(), err error) {
	dir, err = os.MkdirTemp("", "parley-test-")
	if err != nil {
		return "", "", nil, fmt.Errorf("make a folder for the test data: %w", err)
	}
	remove = func() { _ = os.RemoveAll(dir) } // it is in the folder for temporary files, which is cleaned anyway
	file = filepath.Join(dir, name)
	if err := os.WriteFile(file, body, 0o600); err != nil {
		remove()
		return "", "", nil, fmt.Errorf("write the test data: %w", err)
	}
	return dir, file, remove, nil
}

// testStoriesRequest evaluates the loaded model with the stories that POST /model/test/stories sends.
func (a *app) testStoriesRequest(loaded func() *model.Model, maxPredictions int) func(ctx context.Context, r worker.TestStoriesRequest) ([]byte, error) {
	return func(ctx context.Context, r worker.TestStoriesRequest) ([]byte, error) {
		m := loaded()
		if m == nil {
			return nil, agent.ErrNoModel
		}
		dir, file, remove, err := payloadFile("test_data.yml", r.Body)
		if err != nil {
			return nil, err
		}
		defer remove()
		steps, _, err := project.LoadTestFile(file, m.Domain)
		if err != nil {
			return nil, payloadError(err, dir)
		}
		result, err := evaluate.Stories(ctx, m, steps, evaluate.StoryOptions{
			EndToEnd: r.EndToEnd, MaxPredictions: maxPredictions, Warn: a.warnWhileTesting,
		})
		if err != nil {
			return nil, fmt.Errorf("evaluate the stories: %w", err)
		}
		return result.AppendJSON(nil), nil
	}
}

// testIntentsRequest evaluates a model with the examples that POST /model/test/intents sends, or a configuration by
// cross-validation.
func (a *app) testIntentsRequest(loaded func() *model.Model) func(ctx context.Context, r worker.TestIntentsRequest) ([]byte, error) {
	return func(ctx context.Context, r worker.TestIntentsRequest) ([]byte, error) {
		p, err := readTestData(r)
		if err != nil {
			return nil, err
		}
		if r.Folds > 0 {
			result, err := evaluate.CrossValidate(ctx, p, evaluate.CrossOptions{Folds: r.Folds, Warn: a.warnWhileTesting})
			if err != nil {
				return nil, fmt.Errorf("%w: cross-validate: %w", worker.ErrUnusable, err)
			}
			return result.AppendJSON(nil), nil
		}
		m := loaded()
		if r.Model != "" {
			if m, err = model.Load(r.Model); err != nil {
				return nil, fmt.Errorf("%w: %w", worker.ErrUnusable, err)
			}
		}
		if m == nil {
			return nil, agent.ErrNoModel
		}
		result, err := evaluate.NLU(ctx, m, &p.NLU, evaluate.NLUOptions{})
		if err != nil {
			return nil, fmt.Errorf("evaluate the examples: %w", err)
		}
		return result.AppendJSON(nil), nil
	}
}

func (a *app) warnWhileTesting(message string) { a.log.Warn("while testing", "warning", message) }

// readTestData reads the body of POST /model/test/intents: a document with what a project has in its files, or Rasa's JSON.
func readTestData(r worker.TestIntentsRequest) (*project.Project, error) {
	name := "data.yml"
	if !r.YAML {
		name = "data.json"
		if empty, err := checkTestJSON(r.Body); err != nil || empty {
			return &project.Project{NLU: nlu.TrainingData{}}, err
		}
	}
	dir, file, remove, err := payloadFile(name, r.Body)
	if err != nil {
		return nil, err
	}
	defer remove()
	paths := project.Paths{Data: []string{file}}
	if r.Folds > 0 {
		paths.Config = file
	}
	p, err := project.Load(paths)
	if err == nil {
		return p, nil
	}
	if err = payloadError(err, dir); !r.YAML && !errors.Is(err, worker.ErrInvalidPayload) {
		err = fmt.Errorf("%w: %w", worker.ErrInvalidPayload, err)
	}
	return nil, err
}

// checkTestJSON refuses what is no object with rasa_nlu_data alone. An empty object is no data.
func checkTestJSON(body []byte) (empty bool, err error) {
	const key = "rasa_nlu_data"
	d := json.NewDecoder(bytes.NewReader(body))
	var root map[string]json.RawMessage
	if err := d.Decode(&root); err != nil || d.More() || root == nil {
		return false, fmt.Errorf("%w: the body is no JSON object with the key %s; YAML needs the type application/x-yaml", worker.ErrInvalidPayload, key)
	}
	for name := range root {
		if name != key {
			return false, fmt.Errorf("%w: the JSON has the key %q; only %s may stand there", worker.ErrInvalidPayload, name, key)
		}
	}
	return len(root) == 0, nil
}
