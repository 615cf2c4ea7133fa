package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"
)

// awaitCommand waits for a model that somebody else trains: the init container of the chart with training.mode=job. Models are put
// into place whole, so that one which is there is complete.
func (a *app) awaitCommand() *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "await FILE",
		Short: "Wait until a model is there",
		Long:  "Waits until a model file is there, such as a Job of the chart trains, and exits with 0; with 1 if it takes too long.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{cmd, "expected the file of one model"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if timeout <= 0 {
				return &usageError{cmd, "argument --timeout: expected a positive time span"}
			}
			ctx, done := context.WithTimeout(cmd.Context(), timeout)
			defer done()
			return a.await(ctx, args[0], time.Second)
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", time.Hour, "how long it may take, a `SPAN` such as 10m")
	return cmd
}

// await looks every so often whether a file is there.
func (a *app) await(ctx context.Context, file string, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for said := false; ; said = true {
		switch _, err := os.Stat(file); {
		case err == nil:
			a.log.Info("the model is there", "path", file)
			return nil
		case !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("await a model: %w", err)
		case !said:
			a.log.Info("waiting for a model", "path", file)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return failure("There is still no model '%s'.", file)
		}
	}
}
