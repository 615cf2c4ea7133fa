package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"parley/policy"
	"parley/project"
)

func (a *app) dataCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "data",
		Short: "Check, show, convert, split and migrate a project's files",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.validateCommand(), a.showCommand(), a.convertCommand(), a.splitCommand(), a.migrateCommand())
	return cmd
}

// validateFlags are the flags of data validate.
type validateFlags struct {
	config, domain string
	data           []string
	strict         bool
	maxHistory     int
}

func (a *app) validateCommand() *cobra.Command {
	var v validateFlags
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check domain, training data, stories and configuration for mistakes",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.validate(cmd, v, false) },
	}
	v.register(cmd)
	var s validateFlags
	stories := &cobra.Command{
		Use:   "stories",
		Short: "Check stories for contradictions only",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.validate(cmd, s, true) },
	}
	s.register(stories)
	cmd.AddCommand(stories)
	return cmd
}

func (v *validateFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	v.registerPaths(f)
	f.BoolVar(&v.strict, "fail-on-warnings", false, "exit with 1 on warnings, too")
	f.IntVar(&v.maxHistory, "max-history", 0, "number of turns that policies look back on; not given: whole stories")
	annotate(f, "max-history", noDefault, "")
}

// registerPaths registers the flags that say where a project's files are.
func (v *validateFlags) registerPaths(f *pflag.FlagSet) {
	f.StringVarP(&v.config, "config", "c", defaultConfig, "`FILE` with pipeline and policies")
	f.StringVarP(&v.domain, "domain", "d", defaultDomain, "domain `PATH`, a file or folder")
	list(f, &v.data, "data", "", "+", []string{defaultData}, "files or folders (`PATH`) with training data")
}

// validate checks a project and prints what it finds.
func (a *app) validate(cmd *cobra.Command, v validateFlags, storiesOnly bool) error {
	if cmd.Flags().Changed("max-history") && v.maxHistory < 1 {
		return failure("The value of `--max-history %d` is invalid: it must be a positive integer.", v.maxHistory)
	}
	p, err := a.load(v)
	if err != nil {
		return err
	}
	warnings, err := a.check(cmd.Context(), p, checkOptions{strict: v.strict, maxHistory: v.maxHistory, storiesOnly: storiesOnly})
	switch {
	case err != nil:
		return err
	case warnings > 0:
		a.success("No errors found; see the %s above.", count(warnings, "warning"))
	default:
		a.success("No problems found.")
	}
	return nil
}

// load reads the project that the flags name.
func (a *app) load(v validateFlags) (*project.Project, error) {
	config, err := a.path(v.config, defaultConfig, "--config")
	if err != nil {
		return nil, err
	}
	domain, err := a.path(v.domain, defaultDomain, "--domain")
	if err != nil {
		return nil, err
	}
	return project.Load(project.Paths{Config: config, Domain: domain, Data: a.dataPaths(v.data, "--data")})
}

// checkOptions say what a validation looks at, and what makes it fail.
type checkOptions struct {
	strict      bool // warnings that count fail it, too
	maxHistory  int  // 0: whole stories
	storiesOnly bool
}

// check validates a loaded project: all it finds is printed on standard error, and it fails on errors. It returns how many
// warnings there are.
func (a *app) check(ctx context.Context, p *project.Project, o checkOptions) (warnings int, err error) {
	a.warnAll(p.Warnings)
	a.log.Info("validating the project")
	var problems []project.Problem
	if !o.storiesOnly {
		problems = project.Validate(p)
	}
	conflicts, err := policy.Conflicts(ctx, p.Domain, p.Steps, o.maxHistory)
	if err != nil {
		return 0, err
	}
	for i := range conflicts {
		at := &conflicts[i].Next[0]
		problems = append(problems, project.Problem{
			File: at.File, Line: at.Line, Severity: project.SeverityWarning, Code: "story-conflict", Message: conflicts[i].String(),
			Hint: "what to do there cannot be learned: change one of them, or let something tell them apart, such as a slot",
		})
	}
	failed := 0
	warnings = len(p.Warnings)
	for i := range problems {
		at := &problems[i]
		a.problem(at)
		if at.Severity == project.SeverityError || o.strict && at.Severity == project.SeverityWarning {
			failed++
		}
		if at.Severity == project.SeverityWarning {
			warnings++
		}
	}
	if failed > 0 {
		return warnings, failure("Validation failed: %s. Please fix the training data.", count(failed, "problem"))
	}
	return warnings, nil
}

// warnAll prints warnings.
func (a *app) warnAll(problems []project.Problem) {
	for i := range problems {
		a.problem(&problems[i])
	}
}

// problem prints one problem on standard error.
func (a *app) problem(p *project.Problem) {
	_, _ = fmt.Fprintf(a.err, "%s: %s\n", p.Severity, p.Error())
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
