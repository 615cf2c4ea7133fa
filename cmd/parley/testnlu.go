package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"parley/evaluate"
	"parley/model"
	"parley/project"
)

// testNLU is parley test nlu.
func (a *app) testNLU(cmd *cobra.Command, t testFlags) error {
	ctx := cmd.Context()
	percentages, err := wholeNumbers(cmd, t.percentages)
	if err != nil {
		return err
	}
	data, err := a.path(t.nlu, defaultData, "--nlu")
	if err != nil {
		return err
	}
	p, err := project.Load(project.Paths{Domain: a.optionalPath(t.domain, defaultDomain, "--domain"), Data: []string{data}})
	if err != nil {
		return err
	}
	a.warnAll(p.Warnings)
	if err := os.MkdirAll(t.out, 0o755); err != nil { //nolint:gosec // results are for everybody who may read the project
		return fmt.Errorf("make the folder for the results: %w", err)
	}
	configs, several, err := a.configsToTest(t)
	switch {
	case err != nil:
		return err
	case several:
		return a.compareConfigs(ctx, t, p, configs, percentages)
	case t.crossValidation:
		return a.crossValidate(ctx, t, p)
	}
	path, err := a.path(t.model, defaultModels, "--model")
	if err != nil {
		return err
	}
	m, err := model.Load(path)
	switch {
	case errors.Is(err, model.ErrNoModel):
		return nothingTested("there is no model in '%s'. Train one with 'parley train nlu', or name one with '--model'.", path)
	case err != nil:
		return err
	case m.NLU == nil:
		return nothingTested("the model '%s' was trained without NLU. Train one with 'parley train nlu', or name one with '--model'.", m.File)
	case len(p.NLU.Examples) == 0:
		return nothingTested("there are no NLU examples in '%s'.", data)
	}
	bars := newProgress(a.err, a.isTerminal(a.err) && !a.logging.quiet)
	result, err := evaluate.NLU(ctx, m, &p.NLU, evaluate.NLUOptions{
		Progress: func(done, total int) { bars.report("examples", float64(done)/float64(total)) },
		Warn:     a.warnOnce(),
	})
	bars.finish()
	if err != nil {
		return err
	}
	if err := result.Write(a.files(t)); err != nil {
		return err
	}
	a.logNLU(result, len(p.NLU.Examples))
	return nil
}

// wholeNumbers reads the values of --percentages.
func wholeNumbers(cmd *cobra.Command, words []string) ([]int, error) {
	var numbers []int
	for _, word := range words {
		n, err := strconv.Atoi(word)
		if err != nil || n < 0 || n > 100 {
			return nil, &usageError{cmd, fmt.Sprintf("argument -p/--percentages: invalid int value: '%s'", word)}
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// logNLU sums an evaluation of understanding up.
func (a *app) logNLU(r *evaluate.NLUResult, examples int) {
	report := func(what string, n int, s *evaluate.Report) {
		a.log.Info("evaluation of "+what, "examples", n, "of", examples, "f1", rounded(s.Weighted.F1), //nolint:sloglint // three names
			"precision", rounded(s.Weighted.Precision), "accuracy", rounded(s.Accuracy))
	}
	if r.Intents != nil {
		report("intents", len(r.Intents.Predictions), r.Intents.Report)
	}
	if r.Responses != nil {
		report("response selection", len(r.Responses.Predictions), r.Responses.Report)
	}
	for i := range r.Entities {
		e := &r.Entities[i]
		a.log.Info("evaluation of entities", "extractor", e.Extractor, "f1", rounded(e.Report.Weighted.F1),
			"precision", rounded(e.Report.Weighted.Precision), "accuracy", rounded(e.Report.Accuracy))
	}
	if r.Intents == nil && r.Responses == nil && r.Entities == nil {
		a.log.Info("nothing was scored: the examples have less than two intents and no entities", "examples", examples)
	}
}

// crossValidate evaluates one configuration on examples that it was not trained on.
func (a *app) crossValidate(ctx context.Context, t testFlags, p *project.Project) error {
	given := ""
	if len(t.configs) > 0 {
		given = t.configs[0]
	}
	path, err := a.path(given, defaultConfig, "--config")
	if err != nil {
		return err
	}
	if p.Config, err = project.LoadConfig(path); err != nil {
		return err
	}
	folds, err := strconv.Atoi(t.folds)
	if err != nil || folds < 2 {
		return failure("The value of '--folds %s' is invalid: it must be a number of at least 2.", t.folds)
	}
	bars := newProgress(a.err, a.isTerminal(a.err) && !a.logging.quiet)
	result, err := evaluate.CrossValidate(ctx, p, evaluate.CrossOptions{
		Folds: folds, Seed: t.seed, DropRare: true, Warn: a.warnOnce(),
		Progress: func(fold int, done float64) { bars.report(fmt.Sprintf("fold %d of %d", fold, folds), done) },
	})
	bars.finish()
	if err != nil {
		return err
	}
	if err := result.Write(a.files(t)); err != nil {
		return err
	}
	a.success("Cross-validation with %d folds, seed %d: mean (standard deviation)", folds, result.Seed)
	for _, part := range []struct {
		name string
		of   *evaluate.FoldResults
	}{{"train", &result.Train}, {"test", &result.Test}} {
		a.sayFolds(part.name+" intents", part.of.Intents)
		a.sayFolds(part.name+" response selection", part.of.Responses)
		for _, name := range part.of.Extractors() {
			a.sayFolds(part.name+" "+name, *part.of.Entities[name])
		}
	}
	return nil
}

// sayFolds prints the scores of folds, if there are any.
func (a *app) sayFolds(name string, s evaluate.FoldScores) {
	if len(s.Accuracy) == 0 {
		return
	}
	show := func(m evaluate.Metric) string { return fmt.Sprintf("%.3f (%.3f)", m.Mean(), m.Deviation()) }
	a.success("  %-30s Accuracy %s  F1-score %s  Precision %s", name, show(s.Accuracy), show(s.F1), show(s.Precision))
}

// configsToTest are the configurations that --config names; several tells that they are to be compared.
func (a *app) configsToTest(t testFlags) (configs []evaluate.NamedConfig, several bool, err error) {
	files := t.configs
	if len(files) == 1 {
		info, err := os.Stat(files[0])
		if err != nil || !info.IsDir() {
			return nil, false, nil //nolint:nilerr // a file that is not there is reported where it is needed
		}
		if files, err = filesBelow(files[0]); err != nil {
			return nil, false, err
		}
	}
	if len(files) == 0 {
		return nil, len(t.configs) > 0, nil
	}
	for _, file := range files {
		c, err := project.LoadConfig(file)
		if _, missing := os.Stat(file); errors.Is(missing, fs.ErrNotExist) {
			return nil, false, err
		}
		if err != nil {
			a.problem(&project.Problem{
				File: file, Severity: project.SeverityWarning, Message: "this is no valid configuration, it is left out: " + err.Error(),
			})
			continue
		}
		base := filepath.Base(file)
		configs = append(configs, evaluate.NamedConfig{Name: strings.TrimSuffix(base, filepath.Ext(base)), Config: c})
	}
	return configs, true, nil
}

// filesBelow lists the files below a folder that are not hidden, sorted.
func filesBelow(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path != dir && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
		case !d.IsDir():
			files = append(files, path)
		}
		return nil
	})
	slices.Sort(files)
	if err != nil {
		return nil, fmt.Errorf("look for configurations: %w", err)
	}
	return files, nil
}

// compareConfigs trains several configurations with more and fewer examples and compares them.
func (a *app) compareConfigs(ctx context.Context, t testFlags, p *project.Project, configs []evaluate.NamedConfig, percentages []int) error {
	if len(configs) == 0 {
		return failure("There is no configuration to compare.")
	}
	if t.runs < 1 {
		return failure("The value of '--runs %d' is invalid: it must be a positive integer.", t.runs)
	}
	bars := newProgress(a.err, a.isTerminal(a.err) && !a.logging.quiet)
	result, err := evaluate.Compare(ctx, p, evaluate.CompareOptions{
		Configs: configs, Runs: t.runs, Exclude: percentages, Seed: t.seed, Files: a.files(t), Warn: a.warnOnce(),
		Progress: func(done, total int) { bars.report("comparison", float64(done)/float64(total)) },
	})
	bars.finish()
	if err != nil {
		return err
	}
	a.success("Comparison with seed %d: weighted F1 of intents, mean of %s", t.seed, count(t.runs, "run"))
	for _, name := range result.Names {
		var line strings.Builder
		fmt.Fprintf(&line, "  %-24s", name)
		for i, percentage := range percentages {
			var f1 evaluate.Metric
			for _, run := range result.F1[name] {
				f1 = append(f1, run[i])
			}
			fmt.Fprintf(&line, "  %.3f without %d%%", f1.Mean(), percentage)
		}
		a.success("%s", line.String())
	}
	return nil
}
