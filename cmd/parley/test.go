package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"parley/dialogue"
	"parley/evaluate"
	"parley/model"
	"parley/project"
)

// defaultResults is where reports are written.
const defaultResults = "results"

// testFlags are the flags of test, test core and test nlu.
type testFlags struct {
	model           string
	models          []string // test core
	stories, nlu    string
	configs         []string
	domain, out     string
	maxStories      int
	endToEnd        bool
	strict          bool // --fail-on-prediction-errors
	modelDirectory  bool // --evaluate-model-directory
	crossValidation bool
	folds           string // a number, read when it is needed
	runs            int
	percentages     []string
	seed            uint64
	noPlot          bool
	successes       bool
	noErrors        bool
	noWarnings      bool
}

func (a *app) testCommand() *cobra.Command {
	var t testFlags
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Evaluate a trained model with test stories and NLU examples",
		Long: "Evaluates a trained model: end to end with the test stories in files named test_*.yml, and its understanding with\n" +
			"NLU examples. The reports are written to the results folder.",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.test(cmd, t) },
	}
	f := cmd.Flags()
	f.StringVarP(&t.model, "model", "m", defaultModels, "`PATH` of a trained model, or of a folder whose newest is used")
	t.registerCore(cmd, ".")
	t.registerNLU(cmd)
	t.registerFiles(cmd)
	cmd.AddCommand(a.testCoreCommand(), a.testNLUCommand())
	return cmd
}

func (a *app) testCoreCommand() *cobra.Command {
	var t testFlags
	cmd := &cobra.Command{
		Use:   "core",
		Short: "Evaluate a dialogue model with stories",
		Long: "Evaluates a dialogue model with stories. With --e2e only test stories count, those in files named test_*.yml, and\n" +
			"their texts have to be understood, too. Several models are compared.",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.testCore(cmd.Context(), t) },
	}
	f := cmd.Flags()
	list(f, &t.models, "model", "m", "+", nil, "`PATH`s of trained models; not given: the newest of the models folder")
	t.registerCore(cmd, defaultData)
	f.BoolVar(&t.endToEnd, "e2e", false, "evaluate test stories end to end")
	f.BoolVar(&t.endToEnd, "end-to-end", false, "the same as --e2e")
	t.registerFiles(cmd)
	return cmd
}

func (a *app) testNLUCommand() *cobra.Command {
	var t testFlags
	cmd := &cobra.Command{
		Use:   "nlu",
		Short: "Evaluate what a model understands, or compare configurations",
		Long: "Evaluates what a model understands of NLU examples. --cross-validation evaluates a configuration instead, on examples\n" +
			"that it was not trained on; several configurations are compared.",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.testNLU(cmd, t) },
	}
	cmd.Flags().StringVarP(&t.model, "model", "m", defaultModels, "`PATH` of a trained model, or of a folder whose newest is used")
	t.registerNLU(cmd)
	t.registerFiles(cmd)
	return cmd
}

func (t *testFlags) registerCore(cmd *cobra.Command, stories string) {
	f := cmd.Flags()
	f.StringVarP(&t.stories, "stories", "s", stories, "file or folder (`PATH`) with stories")
	f.IntVar(&t.maxStories, "max-stories", 0, "evaluate at most `N` stories; not given: all")
	annotate(f, "max-stories", noDefault, "")
	f.String("endpoints", defaultEndpoints, "`FILE` with the endpoints")
	later(f, "nothing: an evaluation runs no actions", "endpoints")
	f.BoolVar(&t.strict, "fail-on-prediction-errors", false, "stop at the first story that is not predicted right, and exit with 1")
	f.String("url", "", "`URL` of a file with stories")
	later(f, "stories from a URL; name a file with --stories", "url")
	f.BoolVar(&t.modelDirectory, "evaluate-model-directory", false, "evaluate all models below the folder that --model names")
}

func (t *testFlags) registerNLU(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&t.nlu, "nlu", "u", defaultData, "file or folder (`PATH`) with examples")
	list(f, &t.configs, "config", "c", "+", nil, "`FILE` with the pipeline to evaluate; several, or a folder, to compare them")
	f.StringVarP(&t.domain, "domain", "d", defaultDomain, "domain `PATH`, a file or folder")
	f.BoolVar(&t.crossValidation, "cross-validation", false, "train and evaluate a configuration by cross-validation")
	f.StringVarP(&t.folds, "folds", "f", "5", "number (`N`) of folds of a cross-validation")
	f.IntVarP(&t.runs, "runs", "r", 3, "number of runs of a comparison")
	list(f, &t.percentages, "percentages", "p", "+", []string{"0", "25", "50", "75"}, "shares (`N`) of examples to leave out in a comparison")
	f.Uint64Var(&t.seed, "random-seed", evaluate.DefaultSeed, "seed (`N`) of folds and divisions")
}

func (t *testFlags) registerFiles(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&t.out, "out", defaultResults, "`DIR` for the reports")
	f.BoolVar(&t.noPlot, "no-plot", false, "draw no confusion matrices and histograms")
	f.BoolVar(&t.successes, "successes", false, "write what was predicted right, too")
	f.BoolVar(&t.noErrors, "no-errors", false, "do not write what was predicted wrong")
	f.BoolVar(&t.noWarnings, "no-warnings", false, "do not write stories with warnings")
}

// files says which reports are written.
func (a *app) files(t testFlags) evaluate.Files {
	return evaluate.Files{
		Dir: t.out, Errors: !t.noErrors, Successes: t.successes, Warnings: !t.noWarnings, Plots: !t.noPlot,
		Wrote: func(path string) { a.log.Debug("written", "path", path) },
	}
}

// test is parley test: stories end to end, then examples. A part that has nothing to test says so and does not stop the other.
func (a *app) test(cmd *cobra.Command, t testFlags) error {
	t.endToEnd, t.models = true, []string{t.model}
	if err := a.goOn(a.testCore(cmd.Context(), t)); err != nil {
		return err
	}
	return a.testNLU(cmd, t)
}

// goOn prints what ended a part of a command without failing the whole.
func (a *app) goOn(err error) error {
	if end, ok := errors.AsType[*endError](err); ok && end.code == exitOK {
		a.fail(end.msg)
		return nil
	}
	return err
}

// nothingTested is the end of a test without a model: as in Rasa it is no failure.
func nothingTested(format string, args ...any) error {
	return &endError{code: exitOK, msg: "Unable to test: " + fmt.Sprintf(format, args...)}
}

// testCore is parley test core.
func (a *app) testCore(ctx context.Context, t testFlags) error {
	if t.maxStories < 0 {
		return failure("The value of '--max-stories %d' is invalid: it must be a positive integer.", t.maxStories)
	}
	stories, err := a.path(t.stories, defaultData, "--stories")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(t.out, 0o755); err != nil { //nolint:gosec // results are for everybody who may read the project
		return fmt.Errorf("make the folder for the results: %w", err)
	}
	switch {
	case len(t.models) == 0:
		newest, err := model.Newest(defaultModels)
		if err != nil {
			return nothingTested("there is no model in '%s'. Train one with 'parley train', or name one with '--model'.", defaultModels)
		}
		t.models = []string{newest}
	case len(t.models) > 1:
		return a.compareModels(ctx, t, stories)
	}
	path, err := a.path(t.models[0], defaultModels, "--model")
	if err != nil {
		return err
	}
	if t.modelDirectory {
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			a.caution("'--model %s' is a file: the models of its folder are evaluated.", path)
			path = filepath.Dir(path)
		}
		err := evaluate.ModelFolder(ctx, path, a.modelOptions(t, stories))
		if errors.Is(err, fs.ErrNotExist) {
			return failure("FileNotFoundException: %v", err)
		}
		return err
	}
	m, err := model.Load(path)
	switch {
	case errors.Is(err, model.ErrNoModel):
		a.sayStoryFiles(t, "was not written, nothing was tested")
		return nothingTested("there is no model in '%s'. Train one with 'parley train', or name one with '--model'.", path)
	case err != nil:
		return err
	case m.Policies == nil:
		return failure("Unable to test: the model '%s' was trained without stories or rules, it predicts no actions. "+
			"Train it with 'parley train', or name another one with '--model'.", m.File)
	case m.NLU == nil && t.endToEnd:
		a.caution("The model '%s' was trained without NLU: it understands no texts, only messages such as /greet. "+
			"Test stories with texts will fail.", m.File)
	}
	return a.replayStories(ctx, t, m, stories)
}

// replayStories evaluates one model.
func (a *app) replayStories(ctx context.Context, t testFlags, m *model.Model, stories string) error {
	steps, err := a.loadStories(t, stories, m.Domain)
	if err != nil {
		return err
	}
	o, err := a.storyOptions(t)
	if err != nil {
		return err
	}
	bars := newProgress(a.err, a.isTerminal(a.err) && !a.logging.quiet)
	o.Progress = func(done, total int) { bars.report("stories", float64(done)/float64(total)) }
	result, err := evaluate.Stories(ctx, m, steps, o)
	bars.finish()
	if wrong, ok := errors.AsType[*evaluate.WrongPredictionError](err); ok {
		return failure("WrongPredictionException: %s", wrong)
	}
	if err != nil {
		return err
	}
	if len(result.Stories) == 0 {
		a.log.Warn("there are no stories to test", "path", stories)
		if t.endToEnd {
			a.caution("There are no test stories in '%s': they are looked for in files named test_*.yml.", stories)
		}
	}
	if err := result.Write(a.files(t)); err != nil {
		return err
	}
	a.logStories(result)
	a.sayStoryFiles(t, "written")
	return nil
}

// storyOptions are the knobs of an evaluation of stories.
func (a *app) storyOptions(t testFlags) (evaluate.StoryOptions, error) {
	most, err := a.number("MAX_NUMBER_OF_PREDICTIONS", 10)
	return evaluate.StoryOptions{
		EndToEnd: t.endToEnd, FailOnErrors: t.strict, MaxStories: t.maxStories, MaxPredictions: most, Warn: a.warnOnce(),
	}, err
}

// warnOnce prints warnings, each once.
func (a *app) warnOnce() func(message string) {
	var mu sync.Mutex
	seen := map[string]bool{}
	return func(message string) {
		mu.Lock()
		defer mu.Unlock()
		if !seen[message] {
			seen[message] = true
			a.problem(&project.Problem{Severity: project.SeverityWarning, Message: message})
		}
	}
}

// loadStories reads stories, or only those of test files, for a domain.
func (a *app) loadStories(t testFlags, path string, d *dialogue.Domain) ([]dialogue.StoryStep, error) {
	load := project.LoadStories
	if t.endToEnd {
		load = project.LoadTests
	}
	steps, warnings, err := load([]string{path}, d)
	a.warnAll(warnings)
	if path == "." || strings.HasPrefix(path, "./") {
		for i := range steps { // as the reference spells files below the working directory
			if !filepath.IsAbs(steps[i].File) {
				steps[i].File = "./" + strings.TrimPrefix(steps[i].File, "./")
			}
		}
	}
	return steps, err
}

// logStories sums an evaluation of stories up.
func (a *app) logStories(r *evaluate.StoryResult) {
	accuracy := 0.0
	if n := len(r.Stories); n > 0 {
		accuracy = float64(r.Correct()) / float64(n)
	}
	a.log.Info("evaluation of stories", "correct", r.Correct(), "total", len(r.Stories), "with_warnings", r.Warned(), "accuracy", rounded(accuracy))
	right := 0
	for _, action := range r.Actions {
		if action.Action == action.Predicted {
			right++
		}
	}
	a.log.Info("evaluation of predictions", "correct_actions", right, "actions", len(r.Actions), "f1", rounded(r.Report.Weighted.F1),
		"precision", rounded(r.Report.Weighted.Precision), "accuracy", rounded(r.Report.Accuracy))
}

// rounded is a number as logs show it.
func rounded(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) }

// sayStoryFiles says where the stories are.
func (a *app) sayStoryFiles(t testFlags, done string) {
	for _, f := range []struct {
		wanted        bool
		stories, name string
	}{
		{t.successes, "Successful stories", evaluate.SuccessfulStories},
		{!t.noErrors, "Failed stories", evaluate.FailedStories},
		{!t.noWarnings, "Stories with warnings", evaluate.StoriesWarnings},
	} {
		if f.wanted {
			a.info("%s: '%s' %s.", f.stories, filepath.Join(t.out, f.name), done)
		}
	}
}

// compareModels evaluates several models with the same stories.
func (a *app) compareModels(ctx context.Context, t testFlags, stories string) error {
	return evaluate.Models(ctx, t.models, a.modelOptions(t, stories))
}

func (a *app) modelOptions(t testFlags, stories string) evaluate.ModelOptions {
	return evaluate.ModelOptions{
		Stories: func(d *dialogue.Domain) ([]dialogue.StoryStep, error) { return a.loadStories(t, stories, d) },
		Replay:  evaluate.StoryOptions{MaxStories: t.maxStories, Warn: a.warnOnce()},
		Files:   a.files(t),
		Tested: func(path string, correct, total int) {
			a.success("%s: %d of %d stories are correct.", path, correct, total)
		},
	}
}
