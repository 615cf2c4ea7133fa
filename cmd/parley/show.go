package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"parley/policy"
	"parley/project"
)

// defaultTests is where test stories are.
const defaultTests = "tests"

func (a *app) showCommand() *cobra.Command {
	var v validateFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show [DIR]",
		Short: "Print what is read from a project's files",
		Long:  "Prints what is read from a project's files, in the working folder or in DIR, to which all paths are relative then.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return &usageError{cmd, "unrecognized arguments: " + args[1]}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				if err := os.Chdir(args[0]); err != nil {
					return fmt.Errorf("go to the project: %w", err)
				}
			}
			return a.show(cmd.Context(), v, asJSON)
		},
	}
	f := cmd.Flags()
	v.registerPaths(f)
	f.BoolVar(&asJSON, "json", false, "print everything, as JSON")
	return cmd
}

// show prints what was loaded: how much of everything, or all of it.
func (a *app) show(ctx context.Context, v validateFlags, asJSON bool) error {
	out := a.out
	if asJSON {
		a.out = a.err // messages for people
	}
	paths := project.Paths{
		Config: a.optionalPath(v.config, defaultConfig, "--config"),
		Domain: a.domainPath(v.domain),
		Data:   a.dataPaths(v.data, "--data"),
	}
	p, err := project.Load(paths)
	if err != nil && !asJSON {
		return err
	}
	if err != nil {
		f := unloadable(err)
		if f == nil {
			return err
		}
		return errors.Join(err, printJSON(out, jsonReport(f)))
	}
	a.warnAll(p.Warnings)
	if !asJSON {
		d := p.Domain
		_, err = fmt.Fprintf(a.out, "intents    %4d\nentities   %4d\nslots      %4d\nforms      %4d\nresponses  %4d\nactions    %4d\nexamples   %4d\nstory steps%4d\n",
			len(d.Intents), len(d.Entities), len(d.Slots), len(d.Forms), len(d.Responses), len(d.Actions), len(p.NLU.Examples), len(p.Steps))
		return err
	}
	shown := project.Show(p)
	shown["arguments"] = map[string]any{"config": paths.Config, "domain": paths.Domain, "data": paths.Data}
	if exists(defaultTests) {
		steps, warnings, err := project.LoadTests([]string{defaultTests}, p.Domain)
		if err != nil {
			return err
		}
		a.warnAll(warnings)
		shown["test_steps"] = project.ShowSteps(steps)
	}
	if shown["trackers"], err = trainingStories(ctx, p); err != nil {
		return err
	}
	shown["warnings"] = jsonReport(&findings{problems: p.Warnings}).Problems
	return printJSON(out, shown)
}

// domainPath is the domain that the flag names, or a folder domain/ in place of domain.yml.
func (a *app) domainPath(given string) string {
	if path := a.optionalPath(given, defaultDomain, "--domain"); path != "" || !exists("domain") {
		return path
	}
	return "domain"
}

// trainingStories says how much training has to learn from, without augmentation and with that of the reference.
func trainingStories(ctx context.Context, p *project.Project) (map[string]policy.Counts, error) {
	counts := map[string]policy.Counts{}
	for key, augmentation := range map[string]int{"augmentation_0": 0, "augmentation_50": 50} {
		var err error
		if counts[key], err = policy.CountStories(ctx, p.Domain, p.Steps, augmentation, 42); err != nil {
			return nil, err
		}
	}
	return counts, nil
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("print as JSON: %w", err)
	}
	return nil
}
