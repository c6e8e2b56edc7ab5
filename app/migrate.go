package app

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"risingstars/platform/database"
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
