package app

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"risingstars/modules/voting"
	"risingstars/platform/database"
	"risingstars/platform/telemetry"
)

func resultsCommand() *cobra.Command {
	command := &cobra.Command{Use: "results", Short: "Export the entries, their votes and the ranking"}
	format := string(voting.CSV)
	export := &cobra.Command{
		Use:   "export entries|votes|ranking",
		Short: "Write a table, as it is at this moment, to the standard output",
		Args: func(cmd *cobra.Command, args []string) error {
			if err := cobra.ExactArgs(1)(cmd, args); err != nil {
				return err
			}
			if !slices.Contains(voting.Tables(), voting.Table(args[0])) {
				return fmt.Errorf("there is no table %q; there are entries, votes and ranking", args[0])
			}
			if !slices.Contains(voting.Formats(), voting.Format(format)) {
				return fmt.Errorf("--format must be csv or json, not %q", format)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return exportResults(cmd, voting.Table(args[0]), voting.Format(format))
		},
	}
	export.Flags().StringVar(&format, "format", format, "csv or json")
	command.AddCommand(export)
	return command
}

// exportResults opens the database alone, and only reads it.
func exportResults(cmd *cobra.Command, table voting.Table, format voting.Format) error {
	c, log, err := setup(cmd)
	if err != nil {
		return err
	}
	a := &app{c: c, log: log, registry: telemetry.NewRegistry(), access: database.Look}
	if err = a.openDatabase(cmd.Context()); err == nil {
		m := voting.New(voting.Deps{DB: a.db})
		err = m.Export(cmd.Context(), cmd.OutOrStdout(), table, format)
	}
	return errors.Join(err, a.close())
}
