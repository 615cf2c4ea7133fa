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
		Short: "Convert training data and stories to the format of Rasa 3",
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
			return a.convert(data[0], out, func(in string) ([]byte, []project.Problem, error) { return project.ConvertNLU(in, format, language) })
		},
	}
	f := nlu.Flags()
	f.StringVarP(&format, "format", "f", "yaml", "`FORMAT` to write, yaml or json")
	list(f, &data, "data", "", "+", []string{defaultData}, "file or folder (`PATH`) to read; only the first counts")
	f.StringVar(&out, "out", "converted_data", "`FILE` to write")
	f.StringVarP(&language, "language", "l", "en", "`LANGUAGE` of the data, which chooses among Dialogflow's files")
	cmd.AddCommand(nlu, a.convertStoriesCommand())
	return cmd
}

func (a *app) convertStoriesCommand() *cobra.Command {
	var data []string
	var out string
	cmd := &cobra.Command{
		Use:   "stories",
		Short: "Convert stories in Markdown to YAML",
		Long:  "Reads stories in the Markdown of Rasa 1 and 2 and writes them as YAML of Rasa 3. What a form did in them has to become rules by hand.",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			return a.convert(data[0], out, project.ConvertStories)
		},
	}
	list(cmd.Flags(), &data, "data", "", "+", []string{defaultData}, "file or folder (`PATH`) to read; only the first counts")
	cmd.Flags().StringVar(&out, "out", "converted_stories.yml", "`FILE` to write")
	return cmd
}

// convert reads data and writes it in another format.
func (a *app) convert(in, out string, read func(string) ([]byte, []project.Problem, error)) error {
	if !exists(in) {
		return &endError{code: exitOK, msg: fmt.Sprintf("The path '%s' does not exist. Please name the data to convert with '--data'.", in)}
	}
	converted, warnings, err := read(in)
	a.printProblems(warnings)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o750); err != nil {
		return fmt.Errorf("make the folder for the converted data: %w", err)
	}
	if err := os.WriteFile(out, converted, 0o600); err != nil {
		return fmt.Errorf("write the converted data: %w", err)
	}
	a.success("The converted data is written to '%s'.", out)
	return nil
}
