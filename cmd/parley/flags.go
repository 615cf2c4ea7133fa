package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Annotations of flags.
const (
	ineffective = "ineffective" // the flag is accepted and does nothing; the value says what is missing
	noDefault   = "no default"  // a zero that means not given
)

// annotate marks a flag.
func annotate(flags *pflag.FlagSet, name, key, value string) {
	f := flags.Lookup(name)
	if f.Annotations == nil {
		f.Annotations = map[string][]string{}
	}
	f.Annotations[key] = []string{value}
}

// later marks flags of Rasa that are accepted, and do nothing because something is missing.
func later(flags *pflag.FlagSet, missing string, names ...string) {
	for _, name := range names {
		annotate(flags, name, ineffective, missing)
	}
}

// mentionIneffective says of each flag that was given and does nothing what is missing.
func (a *app) mentionIneffective(cmd *cobra.Command) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if missing := f.Annotations[ineffective]; len(missing) > 0 {
			a.log.Info("this option has no effect yet", "option", "--"+f.Name, "missing", missing[0])
		}
	})
}

// list registers a flag that takes all the words that follow it; number is "*" or "+".
func list(flags *pflag.FlagSet, target *[]string, name, short, number string, value []string, usage string) {
	flags.StringArrayVarP(target, name, short, value, usage)
	takes(flags, name, number)
}
