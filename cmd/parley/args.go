package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// nargs is the annotation of a flag that takes a number of values other than one: "*", "+" or "?".
const nargs = "nargs"

// takes says how many values a flag takes.
func takes(flags *pflag.FlagSet, name, number string) {
	f := flags.Lookup(name)
	if f.Annotations == nil {
		f.Annotations = map[string][]string{}
	}
	f.Annotations[nargs] = []string{number}
}

// normalize rewrites a command line in the ways that Rasa's parser accepts into the one way that pflag does: lists that take
// all that follows (--data a b), options whose value may be missing (--finetune), unambiguous beginnings of long names
// (--fixed-model), -vv, and commands after options.
func normalize(root *cobra.Command, args []string) ([]string, error) {
	n := normalizer{cmd: root}
	for len(args) > 0 && n.err == nil {
		args = n.next(args)
	}
	if n.err != nil {
		return nil, n.err
	}
	return slices.Concat(n.path, n.flags, n.positional), nil
}

// normalizer is a command line that is being read.
type normalizer struct {
	cmd                     *cobra.Command
	path, flags, positional []string
	err                     error
}

// next reads the next word, and the values that belong to it, and returns the rest.
func (n *normalizer) next(args []string) []string {
	word, rest := args[0], args[1:]
	if sub := n.command(word); sub != nil {
		n.cmd, n.path = sub, append(n.path, word)
		return rest
	}
	switch {
	case n.cmd.DisableFlagParsing:
		n.positional = append(n.positional, args...)
		return nil
	case word == "--":
		n.positional = append(n.positional, "--")
		n.positional = append(n.positional, rest...)
		return nil
	case word == "-vv":
		return n.flag(n.cmd.Flags().Lookup("debug"), word, nil, rest)
	case strings.HasPrefix(word, "--"):
		name, value, given := strings.Cut(word[2:], "=")
		f, err := n.long(name)
		if err != nil {
			n.err = err
			return nil
		}
		if !given {
			return n.flag(f, word, nil, rest)
		}
		return n.flag(f, "--"+name, &value, rest)
	case len(word) > 1 && word[0] == '-' && !isNumber(word):
		f := n.cmd.Flags().ShorthandLookup(word[1:2])
		if len(word) == 2 {
			return n.flag(f, word, nil, rest)
		}
		value := strings.TrimPrefix(word[2:], "=")
		return n.flag(f, word, &value, rest)
	}
	n.positional = append(n.positional, word)
	return rest
}

// command is the command that a word names where one may stand, or nil.
func (n *normalizer) command(word string) *cobra.Command {
	if len(n.positional) > 0 {
		return nil
	}
	for _, sub := range n.cmd.Commands() {
		if sub.Name() == word && !sub.Hidden {
			return sub
		}
	}
	return nil
}

// long finds a flag by its name or by an unambiguous beginning of it; nil if there is none.
func (n *normalizer) long(name string) (*pflag.Flag, error) {
	if name == "help" {
		n.cmd.InitDefaultHelpFlag()
	}
	if f := n.cmd.Flags().Lookup(name); f != nil {
		return f, nil
	}
	var found []*pflag.Flag
	n.cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if strings.HasPrefix(f.Name, name) && name != "" {
			found = append(found, f)
		}
	})
	switch len(found) {
	case 0:
		return nil, nil
	case 1:
		return found[0], nil
	}
	names := make([]string, len(found))
	for i, f := range found {
		names[i] = "--" + f.Name
	}
	return nil, &usageError{n.cmd, fmt.Sprintf("ambiguous option: --%s could match %s", name, strings.Join(names, ", "))}
}

// flag writes one flag, as it was spelled and perhaps with a value, and takes its values from what follows.
func (n *normalizer) flag(f *pflag.Flag, spelled string, value *string, rest []string) []string {
	if f == nil {
		if spelled == "-h" {
			n.flags = append(n.flags, "--help")
			return rest
		}
		n.err = &usageError{n.cmd, "unrecognized arguments: " + spelled}
		return nil
	}
	write := func(v string) { n.flags = append(n.flags, "--"+f.Name+"="+v) }
	number := "1"
	if a := f.Annotations[nargs]; len(a) > 0 {
		number = a[0]
	}
	isSwitch := f.Value.Type() == "bool"
	switch {
	case isSwitch && value == nil:
		write("true")
	case isSwitch && !strings.HasPrefix(spelled, "--"): // several short switches in one word: -ab
		write("true")
		return append([]string{"-" + *value}, rest...)
	case value != nil:
		write(*value)
	case number == "1":
		if len(rest) == 0 || !isValue(rest[0]) {
			n.err = &usageError{n.cmd, fmt.Sprintf("argument %s: expected one argument", spelledOut(f))}
			return nil
		}
		write(rest[0])
		return rest[1:]
	case number == "?":
		if len(rest) == 0 || !isValue(rest[0]) {
			write(f.NoOptDefVal)
			return rest
		}
		write(rest[0])
		return rest[1:]
	default:
		count := 0
		for count < len(rest) && isValue(rest[count]) {
			write(rest[count])
			count++
		}
		if count == 0 && number == "+" {
			n.err = &usageError{n.cmd, fmt.Sprintf("argument %s: expected at least one argument", spelledOut(f))}
			return nil
		}
		return rest[count:]
	}
	return rest
}

// isValue reports whether a word can be the value of a flag rather than the next flag. As in Python's argparse a word with
// a space in it is no flag: so a key in PEM can be given as it is.
func isValue(word string) bool {
	return word == "-" || !strings.HasPrefix(word, "-") || isNumber(word) || strings.Contains(word, " ")
}

func isNumber(word string) bool {
	_, err := strconv.ParseFloat(word, 64)
	return err == nil
}

// spelledOut is how a flag is named in messages: -m/--model.
func spelledOut(f *pflag.Flag) string {
	if f.Shorthand == "" {
		return "--" + f.Name
	}
	return "-" + f.Shorthand + "/--" + f.Name
}
