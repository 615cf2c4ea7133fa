package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"parley/model"
	"parley/nlu"
	"parley/project"
)

// trainFlags are the flags of train, train nlu and train core.
type trainFlags struct {
	config, domain, out, fixedName     string
	configs                            []string // train core
	data                               []string
	stories, nlu                       string
	augmentation, threads, maxHistory  int
	skipValidation, strict             bool
	dryRun, force, keepNLU, debugPlots bool
	finetune, endpoints                string
	epochFraction                      float64
	percentages                        []string
	runs                               int
}

func (a *app) trainCommand() *cobra.Command {
	var t trainFlags
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Train a model from a project's files",
		Long:  "Trains a model from domain, training data, stories and configuration, and writes it to the models folder.",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.train(cmd.Context(), t) },
	}
	f := cmd.Flags()
	list(f, &t.data, "data", "", "+", []string{defaultData}, "files or folders (`PATH`) with training data")
	t.registerCommon(cmd)
	f.StringVarP(&t.config, "config", "c", defaultConfig, "`FILE` with pipeline and policies")
	f.StringVarP(&t.domain, "domain", "d", defaultDomain, "domain `PATH`, a file or folder")
	f.BoolVar(&t.dryRun, "dry-run", false, "train nothing; exit with 0 if nothing would have to be, 1 if something would, 8 with --force")
	f.BoolVar(&t.skipValidation, "skip-validation", false, "do not check the project first")
	f.BoolVar(&t.strict, "fail-on-validation-warnings", false, "stop on warnings, too")
	f.IntVar(&t.maxHistory, "validation-max-history", 0, "number of turns that the check of stories looks back on; not given: whole stories")
	annotate(f, "validation-max-history", noDefault, "")
	t.registerCore(cmd)
	t.registerNLU(cmd)
	f.BoolVar(&t.force, "force", false, "train everything, even what has not changed")
	f.StringVar(&t.endpoints, "endpoints", defaultEndpoints, "`FILE` with the endpoints")

	cmd.AddCommand(a.trainCoreCommand(), a.trainNLUCommand())
	return cmd
}

func (a *app) trainCoreCommand() *cobra.Command {
	var t trainFlags
	cmd := &cobra.Command{
		Use:   "core",
		Short: "Train only the dialogue model, from stories and rules",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.trainCore(cmd.Context(), t) },
	}
	f := cmd.Flags()
	f.StringVarP(&t.stories, "stories", "s", defaultData, "file or folder (`PATH`) with stories and rules")
	t.registerCommon(cmd)
	list(f, &t.configs, "config", "c", "+", []string{defaultConfig}, "`FILE` with the policies")
	f.StringVarP(&t.domain, "domain", "d", defaultDomain, "domain `PATH`, a file or folder")
	t.registerCore(cmd)
	f.BoolVar(&t.force, "force", false, "train everything, even what has not changed")
	list(f, &t.percentages, "percentages", "", "*", []string{"0", "25", "50", "75"}, "shares (`N`) of stories to leave out when configurations are compared")
	f.IntVar(&t.runs, "runs", 3, "number of runs when configurations are compared")
	later(f, "the comparison of configurations", "percentages", "runs")
	return cmd
}

func (a *app) trainNLUCommand() *cobra.Command {
	var t trainFlags
	cmd := &cobra.Command{
		Use:   "nlu",
		Short: "Train only the NLU model, from examples",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.trainNLU(cmd.Context(), t) },
	}
	f := cmd.Flags()
	f.StringVarP(&t.nlu, "nlu", "u", defaultData, "file or folder (`PATH`) with examples")
	t.registerCommon(cmd)
	f.StringVarP(&t.config, "config", "c", defaultConfig, "`FILE` with the pipeline")
	f.StringVarP(&t.domain, "domain", "d", "", "domain `PATH`, a file or folder")
	t.registerNLU(cmd)
	return cmd
}

func (t *trainFlags) registerCommon(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&t.out, "out", defaultModels, "`DIR` for the trained model")
	f.StringVar(&t.fixedName, "fixed-model-name", "", "`NAME` of the model file, in place of a new one each time")
	f.StringVar(&t.finetune, "finetune", "", "go on from a trained model (`MODEL`, or the newest)")
	f.Lookup("finetune").NoOptDefVal = " "
	takes(f, "finetune", "?")
	f.Float64Var(&t.epochFraction, "epoch-fraction", 0, "share of the epochs to finetune with")
	annotate(f, "epoch-fraction", noDefault, "")
	later(f, "finetuning", "epoch-fraction")
}

func (t *trainFlags) registerCore(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVar(&t.augmentation, "augmentation", 50, "how many stories to glue together, times ten; 0 for none")
	f.BoolVar(&t.debugPlots, "debug-plots", false, "draw story blocks")
	later(f, "the graph of stories", "debug-plots")
}

func (t *trainFlags) registerNLU(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVar(&t.threads, "num-threads", 0, "number of threads; training uses all processors without it")
	annotate(f, "num-threads", noDefault, "")
	f.BoolVar(&t.keepNLU, "persist-nlu-data", false, "keep the NLU examples in the model")
	later(f, "examples inside the model", "persist-nlu-data")
	later(f, "a limit of threads", "num-threads")
}

// train is parley train: both models.
func (a *app) train(ctx context.Context, t trainFlags) error {
	config, err := a.path(t.config, defaultConfig, "--config")
	if err != nil {
		return err
	}
	if err := a.completeConfig(config, project.Training{NLU: true, Core: true}); err != nil {
		return err
	}
	p, err := project.Load(project.Paths{
		Config: config,
		Domain: a.optionalPath(t.domain, defaultDomain, "--domain"),
		Data:   a.dataPaths(t.data, "--data"),
	})
	if err != nil {
		return err
	}
	if t.skipValidation {
		a.warnAll(p.Warnings)
		a.caution("The project is not checked (--skip-validation).")
	} else if err := a.checkBeforeTraining(ctx, p, t); err != nil {
		return err
	}
	if err := a.checkSlots(p); err != nil {
		return err
	}
	if t.dryRun {
		return a.dryRun(p, t)
	}
	o := model.Options{Augmentation: t.augmentation}
	if isEmptyDomain(p) {
		a.caution("The domain is empty: only the NLU model is trained.")
		o.NLUOnly = true
	}
	return a.trainModel(ctx, p, t, "", o)
}

// checkBeforeTraining validates a project; errors stop the training, warnings only if that is asked for.
func (a *app) checkBeforeTraining(ctx context.Context, p *project.Project, t trainFlags) error {
	f, err := a.check(ctx, p, checkOptions{strict: t.strict, maxHistory: t.maxHistory, training: true})
	if err != nil {
		return err
	}
	a.printProblems(f.problems)
	if f.failed > 0 {
		return a.verdict(f)
	}
	return nil
}

// isEmptyDomain reports whether a project has no domain, or one that contradicts itself.
func isEmptyDomain(p *project.Project) bool {
	return slices.ContainsFunc(project.Validate(p), func(problem project.Problem) bool { return problem.Code == "empty-domain" })
}

// trainCore is parley train core.
func (a *app) trainCore(ctx context.Context, t trainFlags) error {
	if len(t.configs) > 1 {
		return failure("Comparing configurations is not part of this version: give one --config.")
	}
	config, err := a.path(t.configs[0], defaultConfig, "--config")
	if err != nil {
		return err
	}
	if err := a.completeConfig(config, project.Training{Core: true}); err != nil {
		return err
	}
	p, err := project.Load(project.Paths{
		Config: config,
		Domain: a.optionalPath(t.domain, defaultDomain, "--domain"),
		Data:   a.dataPaths([]string{t.stories}, "--stories"),
	})
	if err != nil {
		return err
	}
	a.warnAll(p.Warnings)
	if err := a.checkSlots(p); err != nil {
		return err
	}
	if len(p.Steps) == 0 {
		return &endError{code: exitOK, msg: fmt.Sprintf("No stories given: there are neither stories nor rules in '%s'. Nothing was trained.", t.stories)}
	}
	return a.trainModel(ctx, p, t, "core-", model.Options{CoreOnly: true, Augmentation: t.augmentation})
}

// trainNLU is parley train nlu.
func (a *app) trainNLU(ctx context.Context, t trainFlags) error {
	config, err := a.path(t.config, defaultConfig, "--config")
	if err != nil {
		return err
	}
	if err := a.completeConfig(config, project.Training{NLU: true}); err != nil {
		return err
	}
	p, err := project.Load(project.Paths{
		Config: config,
		Domain: a.optionalPath(t.domain, "", "--domain"),
		Data:   a.dataPaths([]string{t.nlu}, "--nlu"),
	})
	if err != nil {
		return err
	}
	for i := range p.Warnings {
		if w := &p.Warnings[i]; w.Code != "unknown-intent" { // stories are read beside the examples, and without a domain
			a.problem(w)
		}
	}
	if p.Config.Pipeline != nil && len(p.Config.Pipeline) == 0 {
		return &project.Problem{
			File: config, Severity: project.SeverityError, Class: "InvalidConfigException", Code: "empty-pipeline",
			Message: "the pipeline is empty: there is nothing to train", Hint: "add components, or leave the key out for the default pipeline",
		}
	}
	if len(p.NLU.Examples) == 0 {
		return &endError{code: exitOK, msg: fmt.Sprintf("No NLU data given: there are no examples in '%s'. Nothing was trained.", t.nlu)}
	}
	return a.trainModel(ctx, p, t, "nlu-", model.Options{NLUOnly: true})
}

// checkSlots refuses stories that set slots which the domain does not have: no training could learn from them.
func (a *app) checkSlots(p *project.Project) error {
	if problems := project.CheckTraining(p); len(problems) > 0 {
		return project.Problems(problems)
	}
	return nil
}

// dryRun says what a training would do.
func (a *app) dryRun(p *project.Project, t trainFlags) error {
	if t.force {
		a.caution("The training is forced: everything would be trained.")
		return &endError{code: 8}
	}
	same, err := a.unchanged(p, t)
	switch {
	case err != nil:
		return err
	case same:
		a.success("Nothing changed since the last training: nothing would be trained.")
		return nil
	}
	a.caution("The model would be trained.")
	return &endError{code: exitFailure}
}

// trainModel trains a loaded project and writes the model.
func (a *app) trainModel(ctx context.Context, p *project.Project, t trainFlags, prefix string, o model.Options) error {
	if t.finetune != "" {
		return a.refuseFinetune(t)
	}
	start := time.Now()
	bars := newProgress(a.err, a.isTerminal(a.err))
	if !a.logging.quiet {
		o.Progress = bars.report
	}
	if !o.CoreOnly {
		a.printProblems(project.TrainingWarnings(p))
	}
	o.Warn = func(message string) { a.problem(&project.Problem{Severity: project.SeverityWarning, Message: message}) }
	var review *nlu.Review
	o.Review = func(r *nlu.Review) { review = r }
	m, err := model.Train(ctx, p, o)
	bars.finish()
	switch {
	case errors.Is(err, model.ErrNothingToTrain):
		return failure("No training data given: there are neither NLU examples nor stories or rules.")
	case err != nil:
		return err
	}
	name := modelName(prefix, start)
	if t.fixedName != "" {
		name = fixedModelName(t.fixedName)
	}
	path := filepath.Join(t.out, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("make the folder for the model: %w", err)
	}
	if err := m.Save(path); err != nil {
		return err
	}
	if !o.NLUOnly && !o.CoreOnly {
		a.remember(p, t, path)
	}
	a.review(review)
	a.success("Your model is trained and saved at '%s' (%.1f s).", path, time.Since(start).Seconds())
	return nil
}

// refuseFinetune explains why there is no finetuning.
func (a *app) refuseFinetune(t trainFlags) error {
	from := t.finetune
	if from == " " {
		from = t.out
	}
	if _, err := model.Newest(from); err != nil {
		return failure("No model for finetuning found in '%s'. Please make sure to have trained one first.", from)
	}
	return failure("'--finetune' is not part of this version: finetuning is missing. Train without it.")
}
