package main

import (
	"strings"

	"github.com/spf13/cobra"

	"parley/project"
)

// missingCommands are commands of Rasa that this version does not have. They take any arguments and say so.
func (a *app) missingCommands() []*cobra.Command {
	return []*cobra.Command{
		a.missing("interactive", "Train by talking (not in this version)", "interactive learning"),
		a.missing("visualize", "Draw stories as a graph (not in this version)", "the graph of stories"),
		a.exportCommand(),
		a.evaluateCommand(),
		a.xCommand(),
	}
}

// evaluateCommand is a group; alone it fails, as in Rasa.
func (a *app) evaluateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "evaluate",
		Short: "Evaluate markers (not in this version)",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmd.Help(); err != nil {
				return err
			}
			return &endError{code: exitFailure}
		},
	}
	cmd.AddCommand(a.missing("markers", "Evaluate markers (not in this version)", "the evaluation of markers"))
	return cmd
}

// xCommand says that Rasa X is gone, as Rasa does.
func (a *app) xCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "x",
		Short:              "Start Rasa X (discontinued)",
		DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error {
			a.warnAll([]project.Problem{{Severity: project.SeverityWarning, Message: "Rasa X is discontinued: there is nothing to start"}})
			return nil
		},
	}
}

// missing is a command that fails with the name of what is missing.
func (a *app) missing(name, short, feature string) *cobra.Command {
	return &cobra.Command{
		Use:                name,
		Short:              short,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, arg := range args {
				if arg == "-h" || arg == "--help" {
					return cmd.Help()
				}
			}
			return failure("'%s' is not part of this version: %s is missing.", strings.TrimSpace(cmd.CommandPath()), feature)
		},
	}
}

// telemetryCommand is there because scripts call it. Nothing is ever sent anywhere.
func (a *app) telemetryCommand() *cobra.Command {
	say := func(*cobra.Command, []string) error {
		a.success("No telemetry: Parley reports nothing to anybody.")
		return nil
	}
	cmd := &cobra.Command{Use: "telemetry", Short: "Say that nothing is reported", Args: noArguments, RunE: say}
	for _, name := range []string{"enable", "disable"} {
		cmd.AddCommand(&cobra.Command{Use: name, Short: "Accepted; nothing is reported either way", Args: noArguments, RunE: say})
	}
	return cmd
}
