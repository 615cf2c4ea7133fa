package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"parley/project"
)

func (a *app) showCommand() *cobra.Command {
	var v validateFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print what is read from a project's files",
		Args:  noArguments,
		RunE:  func(*cobra.Command, []string) error { return a.show(v, asJSON) },
	}
	f := cmd.Flags()
	v.registerPaths(f)
	f.BoolVar(&asJSON, "json", false, "print everything, as JSON")
	return cmd
}

// show prints what was loaded: how much of everything, or all of it.
func (a *app) show(v validateFlags, asJSON bool) error {
	p, err := a.load(v)
	if err != nil {
		return err
	}
	a.warnAll(p.Warnings)
	if asJSON {
		enc := json.NewEncoder(a.out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(project.Show(p)); err != nil {
			return fmt.Errorf("print the project: %w", err)
		}
		return nil
	}
	d := p.Domain
	_, err = fmt.Fprintf(a.out, "intents    %4d\nentities   %4d\nslots      %4d\nforms      %4d\nresponses  %4d\nactions    %4d\nexamples   %4d\nstory steps%4d\n",
		len(d.Intents), len(d.Entities), len(d.Slots), len(d.Forms), len(d.Responses), len(d.Actions), len(p.NLU.Examples), len(p.Steps))
	return err
}
