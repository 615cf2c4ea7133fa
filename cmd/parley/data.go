package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

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
	format         string
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
	f.StringVar(&v.format, "format", formatText, "`FORMAT` of what is found: text, json or sarif")
}

// registerPaths registers the flags that say where a project's files are.
func (v *validateFlags) registerPaths(f *pflag.FlagSet) {
	f.StringVarP(&v.config, "config", "c", defaultConfig, "`FILE` with pipeline and policies")
	f.StringVarP(&v.domain, "domain", "d", defaultDomain, "domain `PATH`, a file or folder")
	list(f, &v.data, "data", "", "+", []string{defaultData}, "files or folders (`PATH`) with training data")
}

// validate checks a project and prints what it finds, as text, or as data for another program: then messages for people go to standard
// error.
func (a *app) validate(cmd *cobra.Command, v validateFlags, storiesOnly bool) error {
	if cmd.Flags().Changed("max-history") && v.maxHistory < 1 {
		return failure("The value of `--max-history %d` is invalid: it must be a positive integer.", v.maxHistory)
	}
	if !slices.Contains(reportFormats, v.format) {
		return &usageError{cmd, fmt.Sprintf("argument --format: invalid choice: %q (choose from %s)", v.format, strings.Join(reportFormats, ", "))}
	}
	out := a.out
	if v.format != formatText {
		a.out = a.err
	}
	p, err := a.load(v)
	var f *findings
	if err == nil {
		f, err = a.check(cmd.Context(), p, checkOptions{strict: v.strict, maxHistory: v.maxHistory, storiesOnly: storiesOnly})
	} else if f = unloadable(err); f != nil && v.format != formatText {
		err = nil
	}
	if err != nil {
		if f != nil {
			a.printProblems(slices.DeleteFunc(f.problems, func(p project.Problem) bool { return isError(&p) }))
		}
		return err
	}
	if v.format == formatText {
		a.printProblems(f.problems)
		return a.verdict(f)
	}
	if err := a.report(out, v.format, f); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return a.verdict(f)
}

// verdict says how a validation ended.
func (a *app) verdict(f *findings) error {
	if f.failed > 0 {
		return failure("Validation failed: %s. Please fix the training data.", count(f.failed, "problem"))
	}
	var others []string
	for severity, noun := range map[string]string{project.SeverityWarning: "warning", project.SeverityNote: "note"} {
		if n := f.count(severity); n > 0 {
			others = append(others, count(n, noun))
		}
	}
	if len(others) == 0 {
		a.success("No problems found.")
		return nil
	}
	slices.SortFunc(others, func(a, b string) int {
		return strings.Compare(b[strings.IndexByte(b, ' '):], a[strings.IndexByte(a, ' '):])
	})
	a.success("No errors found; see the %s above.", strings.Join(others, " and "))
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
	return project.Load(project.Paths{Config: config, Domain: domain, Data: a.existing(v.data, "--data")})
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
