package app

import (
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"risingstars/platform/queue"
)

func queueCommand() *cobra.Command {
	command := &cobra.Command{Use: "queue", Short: "List dead letters (tasks that failed for good), or run them again"}
	var limit int
	dead := &cobra.Command{
		Use:   "dead",
		Short: "List the dead letters, latest first",
		Args:  cobra.NoArgs,
		RunE:  withApp(func(cmd *cobra.Command, a *app, _ []string) error { return listDead(cmd, a, limit) }),
	}
	dead.Flags().IntVar(&limit, "limit", 100, "how many to list at most")
	redrive := &cobra.Command{
		Use:   "redrive [ID…]",
		Short: "Run dead letters again: those with the given ids, or all",
		RunE:  withApp(redriveDead),
	}
	command.AddCommand(dead, redrive)
	return command
}

// withApp returns a command function that builds the app without a worker, runs the given function on it, and closes
// it.
func withApp(run func(*cobra.Command, *app, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, log, err := setup(cmd)
		if err != nil {
			return err
		}
		a, err := newApp(cmd.Context(), c, log, false)
		if err != nil {
			return err
		}
		return errors.Join(run(cmd, a, args), a.close())
	}
}

func listDead(cmd *cobra.Command, a *app, limit int) error {
	dead, err := a.queue.Dead(cmd.Context(), limit)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KIND\tID\tATTEMPTS\tDIED\tREASON")
	for _, d := range dead {
		died := d.DiedAt.UTC().Format(time.RFC3339)
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\n", d.Kind, d.ID, d.Attempts, died, d.Reason)
	}
	return table.Flush()
}

func redriveDead(cmd *cobra.Command, a *app, ids []string) error {
	wanted := make(map[string]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	redriven, err := a.queue.RedriveAll(cmd.Context(), func(d queue.DeadTask) bool {
		return len(ids) == 0 || wanted[d.ID]
	})
	fmt.Fprintf(cmd.OutOrStdout(), "%d redriven\n", len(redriven))
	if err != nil {
		return err
	}
	for _, d := range redriven {
		delete(wanted, d.ID)
	}
	for id := range wanted {
		err = errors.Join(err, fmt.Errorf("no dead letter has the id %s", id))
	}
	return err
}
