package main

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"risingstars/platform/database"
	"risingstars/platform/queue"
)

func migrateCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database to this version (up), or show where it stands (status)",
		Args:  cobra.NoArgs,
		RunE:  withDatabase(migrateUp),
	}
	command.AddCommand(
		&cobra.Command{Use: "up", Short: "Apply what is pending", Args: cobra.NoArgs, RunE: withDatabase(migrateUp)},
		&cobra.Command{Use: "status", Short: "List what is applied", Args: cobra.NoArgs, RunE: withDatabase(migrateStatus)},
		migrateDownCommand(),
	)
	return command
}

func migrateDownCommand() *cobra.Command {
	var yes bool
	command := &cobra.Command{Use: "down", Short: "Take back the latest migration, after asking", Args: cobra.NoArgs}
	command.Flags().BoolVar(&yes, "yes", false, "do not ask")
	command.RunE = withDatabase(func(cmd *cobra.Command, db *database.DB) error {
		latest, err := db.Latest(cmd.Context(), migrations()...)
		if err != nil {
			return err
		}
		if !yes {
			fmt.Fprintf(cmd.OutOrStdout(), "Take back %s of %s, and lose the data that only it holds? Type yes: ", latest.File, latest.Owner)
			answer, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n') // no answer is no
			if strings.TrimSpace(answer) != "yes" {
				return errors.New("nothing was changed")
			}
		}
		for _, owner := range migrations() {
			if owner.Name == latest.Owner {
				err = db.Revert(cmd.Context(), owner, latest.File)
			}
		}
		if err != nil {
			return err
		}
		return migrateStatus(cmd, db)
	})
	return command
}

// withDatabase runs a command that needs the database and nothing else.
func withDatabase(run func(*cobra.Command, *database.DB) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		c, log, err := setup(cmd)
		if err != nil {
			return err
		}
		db, err := database.Open(cmd.Context(), database.Options{URL: c.Data.DatabaseURL, Path: c.DatabasePath(), Logger: log})
		if err != nil {
			return setting(databaseVariable(c), err)
		}
		return errors.Join(run(cmd, db), db.Close())
	}
}

func migrateUp(cmd *cobra.Command, db *database.DB) error {
	if err := db.Migrate(cmd.Context(), migrations()...); err != nil {
		return err
	}
	return migrateStatus(cmd, db)
}

func migrateStatus(cmd *cobra.Command, db *database.DB) error {
	status, err := db.MigrationStatus(cmd.Context(), migrations()...)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, m := range status {
		state := "pending"
		if m.Applied {
			state = "applied"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", state, m.Owner, m.File)
	}
	return table.Flush()
}

func queueCommand() *cobra.Command {
	command := &cobra.Command{Use: "queue", Short: "Look after tasks that were given up"}
	var limit int
	dead := &cobra.Command{
		Use:   "dead",
		Short: "List the dead letters, the latest first",
		Args:  cobra.NoArgs,
		RunE:  withApp(func(cmd *cobra.Command, a *app, _ []string) error { return listDead(cmd, a, limit) }),
	}
	dead.Flags().IntVar(&limit, "limit", 100, "how many to list")
	redrive := &cobra.Command{
		Use:   "redrive [ID…]",
		Short: "Make dead letters run again: those with the given ids, or all",
		RunE:  withApp(redriveDead),
	}
	command.AddCommand(dead, redrive)
	return command
}

// withApp runs a command on the built app, without serving or working.
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
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\n", d.Kind, d.ID, d.Attempts, d.DiedAt.UTC().Format(time.RFC3339), d.Reason)
	}
	return table.Flush()
}

func redriveDead(cmd *cobra.Command, a *app, ids []string) error {
	wanted := make(map[string]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	redriven, err := a.queue.RedriveAll(cmd.Context(), func(d queue.DeadTask) bool { return len(ids) == 0 || wanted[d.ID] })
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
