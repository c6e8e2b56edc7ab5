package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"risingstars/config"
	"risingstars/platform/database"
	"risingstars/platform/roster"
)

func migrateCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database up to date (up), list its migrations (status), or revert the latest (down)",
		Args:  cobra.NoArgs,
		RunE:  withDatabase(database.Create, migrateUp),
	}
	command.AddCommand(
		&cobra.Command{
			Use: "up", Short: "Apply all pending migrations", Args: cobra.NoArgs,
			RunE: withDatabase(database.Create, migrateUp),
		},
		&cobra.Command{
			Use: "status", Short: "List all migrations, applied or pending", Args: cobra.NoArgs,
			RunE: withDatabase(database.Look, migrateStatus),
		},
		migrateDownCommand(),
	)
	return command
}

func migrateDownCommand() *cobra.Command {
	var yes bool
	command := &cobra.Command{Use: "down", Short: "Revert the latest migration, after asking", Args: cobra.NoArgs}
	command.Flags().BoolVar(&yes, "yes", false, "do not ask")
	command.RunE = withDatabase(database.Change, func(cmd *cobra.Command, c *config.Config, db *database.DB) error {
		latest, err := db.Latest(cmd.Context(), migrations()...)
		if err != nil {
			return err
		}
		if err := wantNobody(cmd.Context(), db); err != nil {
			return err
		}
		for _, owner := range migrations() {
			if owner.Name != latest.Owner {
				continue
			}
			if !yes {
				err = askToRevert(cmd, owner, latest.File)
			}
			if err == nil {
				err = wantNobody(cmd.Context(), db) // again: the answer may have taken long
			}
			if err == nil {
				err = db.Revert(cmd.Context(), owner, latest.File)
			}
		}
		if err != nil {
			return err
		}
		return migrateStatus(cmd, c, db)
	})
	return command
}

// askToRevert names what goes, and returns an error unless the answer is yes.
func askToRevert(cmd *cobra.Command, owner database.Migrations, file string) error {
	statements, err := database.Undoing(owner, file)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s of %s is reverted by:\n\n%s\n\nThe data that only this holds is lost. "+
		"Type yes: ", file, owner.Name, statements)
	answer, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n') // an error means no
	if strings.TrimSpace(answer) != "yes" {
		return errors.New("nothing was changed")
	}
	return nil
}

// wantNobody returns an error if a process serves or works: it would miss the tables that go.
func wantNobody(ctx context.Context, db *database.DB) error {
	status, err := db.MigrationStatus(ctx, roster.Migrations())
	if err != nil || !status[0].Applied {
		return err
	}
	alive, err := roster.Alive(ctx, db)
	if err != nil || len(alive) == 0 {
		return err
	}
	return errRuns(alive)
}

// withDatabase returns a command function that opens only the database, runs the given function on it, and closes it.
func withDatabase(
	access database.Access, run func(*cobra.Command, *config.Config, *database.DB) error,
) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		c, log, err := setup(cmd)
		if err != nil {
			return err
		}
		db, err := database.Open(cmd.Context(), database.Options{
			URL: c.Data.DatabaseURL, Path: c.DatabasePath(), Logger: log, Access: access,
		})
		if err != nil {
			return withVariable(databaseVariable(c), err)
		}
		return errors.Join(run(cmd, c, db), db.Close())
	}
}

// migrateUp also lets the user of DATABASE_APP_URL read and change rows, if that is set.
func migrateUp(cmd *cobra.Command, c *config.Config, db *database.DB) error {
	var app *url.URL
	if c.Data.AppURL != "" {
		var err error
		if app, err = url.Parse(c.Data.AppURL); err != nil {
			return errors.New("DATABASE_APP_URL: is malformed") // the cause would quote the password
		}
		if err := db.AwaitApp(cmd.Context(), app.User.Username()); err != nil {
			return withVariable("DATABASE_APP_URL", err)
		}
	}
	if err := db.Migrate(cmd.Context(), migrations()...); err != nil {
		return err
	}
	if app != nil {
		password, _ := app.User.Password()
		if err := db.AllowApp(cmd.Context(), app.User.Username(), password, migrations()...); err != nil {
			return withVariable("DATABASE_APP_URL", err)
		}
	}
	return migrateStatus(cmd, c, db)
}

func migrateStatus(cmd *cobra.Command, _ *config.Config, db *database.DB) error {
	status, err := db.MigrationStatus(cmd.Context(), migrations()...)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	behind := map[string]bool{}
	for _, m := range status {
		state := "applied"
		if !m.Applied {
			state, behind[m.Owner] = "pending", true
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", state, m.Owner, m.File)
	}
	for _, owner := range migrations() {
		if behind[owner.Name] {
			continue // its fills wait for its tables
		}
		fills, err := db.FillStatus(cmd.Context(), owner)
		if err != nil {
			return err
		}
		for _, fill := range fills {
			state := "applied"
			if fill.Behind > 0 {
				state = "pending"
			}
			fmt.Fprintf(table, "%s\t%s\t%s: %d rows behind\n", state, fill.Owner, fill.Name, fill.Behind)
		}
	}
	return table.Flush()
}
