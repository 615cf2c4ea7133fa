package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"parley/trackerstore"
)

// exportCommand is Rasa's command, which is missing, and the group of ours.
func (a *app) exportCommand() *cobra.Command {
	cmd := a.missing("export", "Export conversations (to an event broker: not in this version)", "the export of conversations to an event broker")
	cmd.AddCommand(a.exportRasaCommand())
	return cmd
}

func (a *app) exportRasaCommand() *cobra.Command {
	var to rasaFlags
	var dryRun, replace bool
	cmd := &cobra.Command{
		Use:   "redis-rasa",
		Short: "Export all conversations to Rasa's Redis tracker store",
		Long: "Writes all conversations of the tracker store of the endpoints file in the form of Rasa's own Redis tracker store: the way back. " +
			"Stop the server first: what it adds afterwards is not exported. Exits with 0 if all went well, with 1 if a conversation is " +
			"damaged, another record was in the way, or the work was broken off.",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.exportRasa(cmd.Context(), &to, trackerstore.BulkExport{DryRun: dryRun, Replace: replace})
		},
	}
	f := cmd.Flags()
	to.register(f)
	f.BoolVar(&dryRun, "dry-run", false, "read everything, write nothing")
	f.BoolVar(&replace, "replace", false, "write over other records of the same conversations, such as those that they were imported from")
	return cmd
}

func (a *app) exportRasa(ctx context.Context, to *rasaFlags, how trackerstore.BulkExport) error {
	store, records, err := to.open(ctx, a)
	if err != nil {
		return err
	}
	defer a.closeStores(store, records)
	told := time.Now()
	how.Damaged = func(id string, err error) {
		a.log.Error("a conversation is not exported", "sender_id", id, "error", err)
	}
	how.Progress = func(c trackerstore.ExportCounts) {
		if time.Since(told) > tellEvery {
			told = time.Now()
			a.log.Info("exporting", "written", c.Written, "same", c.Same, "kept", c.Kept, "damaged", c.Damaged)
		}
	}
	c, err := store.ExportAll(ctx, records, how)
	a.audit("command", "export", records.String(), err)
	did := "Exported"
	if how.DryRun {
		did = "A dry run: nothing is written. Would export"
	}
	a.success("%s %d conversations with %d events.", did, c.Written, c.Events)
	a.info("Left alone: %d whose record is there already, %d that ended meanwhile.", c.Same, c.Gone)
	switch {
	case err != nil:
		return err
	case c.Kept > 0:
		a.caution("%d conversations have another record there, which was kept; '--replace' writes over it.", c.Kept)
		fallthrough
	case c.Damaged > 0:
		return failure("%d conversations are damaged, %d have another record: they were not exported.", c.Damaged, c.Kept)
	}
	return nil
}
