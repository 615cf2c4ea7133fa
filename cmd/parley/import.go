package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"parley/trackerstore"
)

// tellEvery is the pause between two lines that say how far a long work is, where there is no terminal.
const tellEvery = 10 * time.Second

// importCommand is a group of commands.
func (a *app) importCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "import", Short: "Import conversations of Rasa", Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.importRedisCommand())
	return cmd
}

func (a *app) importRedisCommand() *cobra.Command {
	var from rasaFlags
	var dryRun bool
	var resume string
	cmd := &cobra.Command{
		Use:   "redis",
		Short: "Import the conversations of Rasa's Redis tracker store",
		Long: "Imports all conversations that Rasa's own Redis tracker store keeps into the tracker store of the endpoints file. What is " +
			"there already, or was imported before, is left alone, so the command may be run again. Stop Rasa first: what it adds " +
			"to a record afterwards is not seen. Exits with 0 if all went well, with 1 if a record is damaged or the work was broken off.",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.importRedis(cmd.Context(), &from, dryRun, resume)
		},
	}
	f := cmd.Flags()
	from.register(f)
	f.BoolVar(&dryRun, "dry-run", false, "read everything, write nothing")
	f.StringVar(&resume, "resume", "", "`FILE` that remembers how far the work is until it is done; if it exists, go on from there")
	return cmd
}

func (a *app) importRedis(ctx context.Context, from *rasaFlags, dryRun bool, resume string) error {
	store, records, err := from.open(ctx, a)
	if err != nil {
		return err
	}
	defer a.closeStores(store, records)
	kept, err := readResume(resume, records.String(), dryRun)
	if err != nil {
		return err
	}
	bars := newProgress(a.err, a.isTerminal(a.err))
	told := time.Now()
	how := trackerstore.BulkImport{
		DryRun: dryRun, From: kept.At,
		Damaged: func(id string, err error) {
			a.log.Error("a conversation is not imported", "sender_id", id, "error", err)
		},
		Progress: func(at trackerstore.ScanState, counts trackerstore.ImportCounts, done float64) error {
			if bars.terminal && !a.logging.quiet {
				bars.report("conversations", done)
			} else if time.Since(told) > tellEvery {
				told = time.Now()
				a.log.Info("importing", "records", counts.Records(), "imported", counts.Imported, "damaged", counts.Damaged)
			}
			kept.At = at
			return kept.write(resume)
		},
	}
	counts, err := store.ImportAll(ctx, records, how)
	bars.finish()
	a.tellImport(counts, dryRun)
	if err != nil {
		return err
	}
	if resume != "" {
		if err := os.Remove(resume); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the work is done, but not forgotten: %w", err)
		}
	}
	if counts.Damaged > 0 {
		return failure("%d conversations are damaged and were not imported; the log names them.", counts.Damaged)
	}
	return nil
}

// tellImport says what came of an import.
func (a *app) tellImport(c trackerstore.ImportCounts, dryRun bool) {
	did := "Imported"
	if dryRun {
		did = "A dry run: nothing is written. Would import"
	}
	a.success("%s %d conversations with %d events (%d conversations are empty).", did, c.Imported, c.Events, c.Empty)
	a.info("Left alone: %d that are there already, %d that were imported before and have been deleted or have expired, %d that expired meanwhile.",
		c.Stored, c.Settled, c.Gone)
}

// resumption is what the file of --resume holds.
type resumption struct {
	Records string                 `json:"records"`
	DryRun  bool                   `json:"dry_run"`
	At      trackerstore.ScanState `json:"at"`
}

// readResume reads how far an earlier import of the same records has come.
func readResume(path, records string, dryRun bool) (*resumption, error) {
	r := &resumption{Records: records, DryRun: dryRun}
	if path == "" {
		return r, nil
	}
	data, err := os.ReadFile(path) //nolint:gosec // the user names it
	if errors.Is(err, fs.ErrNotExist) {
		return r, r.write(path) // find out now whether it can be written
	}
	if err != nil {
		return nil, fmt.Errorf("resume: %w", err)
	}
	var kept resumption
	if err := json.Unmarshal(data, &kept); err != nil {
		return nil, fmt.Errorf("resume: %s: %w", path, err)
	}
	if kept.Records != records || kept.DryRun != dryRun {
		return nil, failure("%s belongs to another import: of %s (dry run: %t), this one is of %s (dry run: %t).",
			path, kept.Records, kept.DryRun, records, dryRun)
	}
	return &kept, nil
}

// write keeps how far the import is, whole or not at all.
func (r *resumption) write(path string) error {
	if path == "" {
		return nil
	}
	data, err := json.Marshal(r)
	if err == nil {
		err = os.WriteFile(path+".tmp", append(data, '\n'), 0o600)
	}
	if err == nil {
		err = os.Rename(path+".tmp", path)
	}
	if err != nil {
		return fmt.Errorf("resume: %w", err)
	}
	return nil
}

// closeStores gives connections back.
func (a *app) closeStores(store *trackerstore.Redis, records *trackerstore.RasaRecords) {
	if err := errors.Join(store.Close(), records.Close()); err != nil {
		a.log.Warn("closing the tracker stores", "error", err)
	}
}
