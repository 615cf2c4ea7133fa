package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"parley/project"
)

func (a *app) convertCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "convert",
		Short: "Convert training data to another format",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var data []string
	var format, out, language string
	nlu := &cobra.Command{
		Use:   "nlu",
		Short: "Convert NLU training data to YAML or JSON",
		Long:  "Reads NLU training data in YAML, JSON, Markdown or the formats of Dialogflow, LUIS and Wit, and writes it as YAML or JSON.",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "yaml" && format != "json" {
				return &usageError{cmd, fmt.Sprintf("argument -f/--format: invalid choice: %q (choose from json, yaml)", format)}
			}
			return a.convertNLU(data[0], out, format, language)
		},
	}
	f := nlu.Flags()
	f.StringVarP(&format, "format", "f", "yaml", "`FORMAT` to write, yaml or json")
	list(f, &data, "data", "", "+", []string{defaultData}, "file or folder (`PATH`) to read; only the first counts")
	f.StringVar(&out, "out", "converted_data", "`FILE` to write")
	f.StringVarP(&language, "language", "l", "en", "`LANGUAGE` of the data, which chooses among Dialogflow's files")
	cmd.AddCommand(nlu)
	return cmd
}

// convertNLU reads training data and writes it in another format.
func (a *app) convertNLU(in, out, format, language string) error {
	if !exists(in) {
		return &endError{code: exitOK, msg: fmt.Sprintf("The path '%s' does not exist. Please name the data to convert with '--data'.", in)}
	}
	converted, warnings, err := project.ConvertNLU(in, format, language)
	a.warnAll(warnings)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o750); err != nil {
		return fmt.Errorf("make the folder for the converted data: %w", err)
	}
	if err := os.WriteFile(out, converted, 0o600); err != nil {
		return fmt.Errorf("write the converted data: %w", err)
	}
	a.success("The training data is written to '%s'.", out)
	return nil
}
