package evaluate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"parley/dialogue"
	"parley/model"
)

// percentageMark stands in the name of a model between its configuration and the share of stories that it was not trained with.
const percentageMark = "__percentage__"

// ModelOptions are the knobs of a comparison of models.
type ModelOptions struct {
	// Stories reads the test stories for a domain.
	Stories func(d *dialogue.Domain) ([]dialogue.StoryStep, error)
	Replay  StoryOptions
	Files   Files // where results.json goes; its switches do not count
	// Tested, when set, is told how many stories of how many a model predicts right.
	Tested func(path string, correct, total int)
}

// Models replays stories with several models and writes results.json: how many stories each predicts right, by the name of its file.
func Models(ctx context.Context, paths []string, o ModelOptions) error {
	var names []string
	correct := map[string][]any{}
	for _, path := range paths {
		n, err := o.count(ctx, path)
		if err != nil {
			return err
		}
		name := filepath.Base(path)
		if correct[name] == nil {
			names = append(names, name)
		}
		correct[name] = append(correct[name], n)
	}
	results := object{}
	for _, name := range names {
		results = append(results, member{name, correct[name]})
	}
	w := o.Files.open()
	w.json("results.json", results)
	return w.err
}

// count is how many stories a model predicts right.
func (o *ModelOptions) count(ctx context.Context, path string) (int, error) {
	m, err := model.Load(path)
	if err != nil {
		return 0, err
	}
	if m.Policies == nil {
		return 0, fmt.Errorf("%s: the model was trained without stories or rules: it predicts no actions", path)
	}
	steps, err := o.Stories(m.Domain)
	if err != nil {
		return 0, err
	}
	r, err := Stories(ctx, m, steps, o.Replay)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	if o.Tested != nil {
		o.Tested(path, r.Correct(), len(r.Stories))
	}
	return r.Correct(), nil
}

// ErrNoRuns means that a folder does not hold the models of a comparison.
var ErrNoRuns = errors.New("there are no folders with models in it")

// ModelFolder does the same with the models that a comparison of configurations left: a folder for each run, and in it a model for
// each configuration and share of stories (<configuration>__percentage__<share>.tar.gz). results.json has the counts by
// configuration and run. A graph needs num_stories.json, the number of stories that each share stands for: without it the error is
// fs.ErrNotExist, as the reference's is.
func ModelFolder(ctx context.Context, dir string, o ModelOptions) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("look for models: %w", err)
	}
	var names []string
	correct := map[string][][]float64{}
	for _, run := range entries {
		if !run.IsDir() || strings.HasPrefix(run.Name(), ".") {
			continue
		}
		models, err := filepath.Glob(filepath.Join(dir, run.Name(), "*.tar.gz"))
		if err != nil {
			return fmt.Errorf("look for models: %w", err)
		}
		slices.SortFunc(models, byShare)
		inRun := map[string][]float64{}
		for _, path := range models {
			n, err := o.count(ctx, path)
			if err != nil {
				return err
			}
			name, _, _ := strings.Cut(filepath.Base(path), percentageMark)
			inRun[name] = append(inRun[name], float64(n))
		}
		for _, name := range sortedKeys(inRun) {
			if correct[name] == nil {
				names = append(names, name)
			}
			correct[name] = append(correct[name], inRun[name])
		}
	}
	if len(names) == 0 {
		return fmt.Errorf("%w: %s", ErrNoRuns, dir)
	}
	return o.writeRuns(dir, names, correct)
}

// byShare orders the models of a run by configuration, then by share as a number.
func byShare(a, b string) int {
	configA, shareA, _ := strings.Cut(filepath.Base(a), percentageMark)
	configB, shareB, _ := strings.Cut(filepath.Base(b), percentageMark)
	if c := strings.Compare(configA, configB); c != 0 {
		return c
	}
	if len(shareA) != len(shareB) {
		return len(shareA) - len(shareB) // shorter numbers are smaller
	}
	return strings.Compare(shareA, shareB)
}

func (o *ModelOptions) writeRuns(dir string, names []string, correct map[string][][]float64) error {
	results, curves := object{}, make([]curve, len(names))
	for i, name := range names {
		curves[i] = curve{name, correct[name]}
		results = append(results, member{name, list(correct[name], func(run *[]float64) any {
			return list(*run, func(n *float64) any { return int(*n) })
		})})
	}
	w := o.Files.open()
	w.json("results.json", results)
	var stories []int
	raw, err := os.ReadFile(filepath.Join(dir, "num_stories.json")) //nolint:gosec // a file of the folder that the user names
	if err != nil {
		return errors.Join(w.err, fmt.Errorf("results.json is written, but not the graph: read the numbers of stories: %w", err))
	}
	if err := json.Unmarshal(raw, &stories); err != nil {
		return fmt.Errorf("%s: it is no list of numbers: %w", filepath.Join(dir, "num_stories.json"), err)
	}
	w.file("core_model_comparison_graph.svg", curveSVG("Comparison of models", "number of stories in the training",
		"number of correct test stories", stories, curves))
	return w.err
}
