package app

import (
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"risingstars/platform/database"
	"risingstars/platform/queue"
	"risingstars/platform/telemetry"
)

func queueCommand() *cobra.Command {
	command := &cobra.Command{Use: "queue", Short: "List dead letters (tasks that failed for good), or run them again"}
	var limit int
	dead := &cobra.Command{
		Use:   "dead",
		Short: "List the dead letters, latest first, each with what went wrong and the tool's last words",
		Args:  cobra.NoArgs,
		RunE: withQueue(database.Look, func(cmd *cobra.Command, q *queue.Queue, _ []string) error {
			return listDead(cmd, q, limit)
		}),
	}
	dead.Flags().IntVar(&limit, "limit", 100, "how many to list at most")
	redrive := &cobra.Command{
		Use:   "redrive [ID…]",
		Short: "Run dead letters again: those with the given ids, or all",
		RunE:  withQueue(database.Change, redriveDead),
	}
	command.AddCommand(dead, redrive)
	return command
}

// withQueue returns a command function that opens the queue, runs the given function on it, and closes it.
func withQueue(
	access database.Access, run func(*cobra.Command, *queue.Queue, []string) error,
) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, log, err := setup(cmd)
		if err != nil {
			return err
		}
		a := &app{c: c, log: log, registry: telemetry.NewRegistry(), access: access}
		if c.Queue.Backend == "embedded" {
			err = a.openDatabase(cmd.Context())
		}
		if err == nil {
			err = a.openQueue(cmd.Context())
		}
		if err == nil {
			err = run(cmd, a.queue, args)
		}
		return errors.Join(err, a.close())
	}
}

func listDead(cmd *cobra.Command, q *queue.Queue, limit int) error {
	dead, err := q.Dead(cmd.Context(), limit)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KIND\tID\tATTEMPTS\tDIED\tREASON")
	for _, d := range dead {
		died := d.DiedAt.UTC().Format(time.RFC3339)
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\n", d.Kind, d.ID, d.Attempts, died, oneLine(d.Reason))
	}
	return table.Flush()
}

func redriveDead(cmd *cobra.Command, q *queue.Queue, ids []string) error {
	wanted := make(map[string]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	redriven, err := q.RedriveAll(cmd.Context(), func(d queue.DeadTask) bool {
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
