package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usageLine is the first line of a command's help.
func usageLine(cmd *cobra.Command) string {
	line := cmd.CommandPath() + " [-h] [options]"
	if names := choices(cmd); names != "" {
		line += " {" + strings.ReplaceAll(names, ", ", ",") + "}"
	}
	if _, positional, ok := strings.Cut(cmd.Use, " "); ok {
		line += " " + positional
	}
	return line
}

// choices lists a command's sub-commands.
func choices(cmd *cobra.Command) string {
	var names []string
	for _, sub := range cmd.Commands() {
		if !sub.Hidden {
			names = append(names, sub.Name())
		}
	}
	return strings.Join(names, ", ")
}

// help prints what a command is for and how it is used.
func help(cmd *cobra.Command, _ []string) { writeHelp(cmd.OutOrStdout(), cmd) }

// usage prints the same on standard error.
func usage(cmd *cobra.Command) error {
	writeHelp(cmd.ErrOrStderr(), cmd)
	return nil
}

func writeHelp(w io.Writer, cmd *cobra.Command) {
	about := cmd.Long
	if about == "" {
		about = cmd.Short + "."
	}
	_, _ = fmt.Fprintf(w, "usage: %s\n\n%s\n", usageLine(cmd), about)
	if len(cmd.Commands()) > 0 {
		_, _ = fmt.Fprint(w, "\ncommands:\n")
		for _, sub := range cmd.Commands() {
			if !sub.Hidden {
				_, _ = fmt.Fprintf(w, "  %-12s %s\n", sub.Name(), sub.Short)
			}
		}
	}
	_, _ = fmt.Fprint(w, "\noptions:\n")
	cmd.Flags().VisitAll(func(f *pflag.Flag) { _, _ = fmt.Fprint(w, flagHelp(f)) })
}

// flagHelp is the help of one flag, its default in Rasa's words.
func flagHelp(f *pflag.Flag) string {
	name := "--" + f.Name
	switch {
	case f.Name == "debug":
		name = "-vv, " + name
	case f.Shorthand != "":
		name = "-" + f.Shorthand + ", " + name
	}
	value, text := pflag.UnquoteUsage(f)
	number := ""
	if a := f.Annotations[nargs]; len(a) > 0 {
		number = a[0]
	}
	switch {
	case f.Value.Type() == "bool":
	case number == "*":
		name += " [" + strings.ToUpper(value) + " ...]"
	case number == "+":
		name += " " + strings.ToUpper(value) + " [" + strings.ToUpper(value) + " ...]"
	case number == "?":
		name += " [" + strings.ToUpper(value) + "]"
	default:
		name += " " + strings.ToUpper(value)
	}
	if d := f.DefValue; d != "" && d != "false" && d != "[]" && (d != "0" || f.Annotations[noDefault] == nil) {
		text += " (default: " + strings.Trim(d, "[]") + ")"
	}
	if why := f.Annotations[ineffective]; len(why) > 0 {
		text += " [no effect yet]"
	}
	return fmt.Sprintf("  %s\n        %s\n", name, text)
}
