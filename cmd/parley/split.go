package main

import (
	"math/rand/v2"

	"github.com/spf13/cobra"

	"parley/project"
)

// splitFlags are the flags of data split nlu and data split stories.
type splitFlags struct {
	data, out string
	fraction  float64
	seed      int64
}

func (a *app) splitCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "split",
		Short: "Split training data into a part to train with and one to test with",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		a.splitOne("nlu", "Split NLU examples", project.SplitNLU),
		a.splitOne("stories", "Split stories", project.SplitStories))
	return cmd
}

// splitOne is a command that splits one kind of training data.
func (a *app) splitOne(name, short string, split func([]string, float64, uint64, string) ([]project.Problem, error)) *cobra.Command {
	var s splitFlags
	cmd := &cobra.Command{
		Use:   name,
		Short: short,
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if s.fraction < 0 || s.fraction > 1 || name == "stories" && (s.fraction == 0 || s.fraction == 1) {
				return &usageError{cmd, "argument --training-fraction: expected a number between 0 and 1"}
			}
			seed := uint64(s.seed)
			if !cmd.Flags().Changed("random-seed") {
				seed = rand.Uint64() //nolint:gosec // a split needs no secrets
			}
			warnings, err := split(a.dataPaths([]string{s.data}, "--nlu"), s.fraction, seed, s.out)
			a.warnAll(warnings)
			if err != nil {
				return err
			}
			a.success("The parts are written to '%s'.", s.out)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVarP(&s.data, "nlu", "u", defaultData, "file or folder (`PATH`) with training data")
	f.Float64Var(&s.fraction, "training-fraction", 0.8, "share of the data to train with")
	f.Int64Var(&s.seed, "random-seed", 0, "seed of the choice; the same seed gives the same parts")
	annotate(f, "random-seed", noDefault, "")
	f.StringVar(&s.out, "out", "train_test_split", "`DIR` for the parts")
	return cmd
}

func (a *app) migrateCommand() *cobra.Command {
	var domain, out string
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Migrate a domain of Rasa 2 to Rasa 3",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			done, warnings, err := project.MigrateDomain(domain, out)
			a.warnAll(warnings)
			if err != nil {
				return err
			}
			a.success("The domain '%s' is migrated to '%s'; a copy of the old one is '%s'.", domain, done.Domain, done.Original)
			return nil
		},
	}
	cmd.Flags().StringVarP(&domain, "domain", "d", defaultDomain, "domain `PATH`, a file or folder")
	cmd.Flags().StringVar(&out, "out", "", "`PATH` for the new domain; not given: new_domain beside the old one")
	return cmd
}
