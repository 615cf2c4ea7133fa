package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"parley/embed"
)

// vectorsCommand is parley vectors, which Rasa does not have.
func (a *app) vectorsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "vectors", Short: "Build tables of word vectors", Args: noArguments, RunE: func(cmd *cobra.Command, _ []string) error {
		if err := cmd.Help(); err != nil {
			return err
		}
		return &endError{code: exitFailure}
	}}
	cmd.AddCommand(a.vectorsBuildCommand())
	return cmd
}

func (a *app) vectorsBuildCommand() *cobra.Command {
	var out string
	var width int
	cmd := &cobra.Command{
		Use:   "build DIR",
		Short: "Build the table of StaticEmbeddingFeaturizer from the model in a folder",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.buildVectors(cmd.Context(), args[0], out, width)
		},
	}
	f := cmd.Flags()
	f.StringVar(&out, "out", "", "`FILE` for the table; "+embed.TableName+" in the model's folder without it")
	annotate(f, "out", noDefault, "")
	f.IntVar(&width, "dimensions", 256, "numbers of a vector (`N`)")
	return cmd
}

func (a *app) buildVectors(ctx context.Context, dir, out string, width int) error {
	t, err := embed.OpenTransformer(dir)
	if err != nil {
		return err
	}
	bars := newProgress(a.err, a.isTerminal(a.err))
	var tell func(float64)
	if !a.logging.quiet {
		tell = func(done float64) { bars.report("vectors", done) }
	}
	data, err := embed.BuildTable(ctx, t, width, tell)
	bars.finish()
	if err != nil {
		return err
	}
	if out == "" {
		out = filepath.Join(dir, embed.TableName)
	}
	tmp := out + ".tmp"
	if err := os.WriteFile(tmp, data, 0o644); err != nil { //nolint:gosec // nothing in it is secret
		return fmt.Errorf("write the table: %w", err)
	}
	if err := os.Rename(tmp, out); err != nil {
		_ = os.Remove(tmp)
		return fmt.Errorf("write the table: %w", err)
	}
	a.success("The table is saved at '%s' (%.1f MB).", out, float64(len(data))/1e6)
	return nil
}
