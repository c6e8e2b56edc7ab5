package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"risingstars/config"
)

func configCommand() *cobra.Command {
	asJSON := false
	command := &cobra.Command{
		Use:   "config",
		Short: "Print every setting in force: its value, where it comes from, and what it means",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, report, err := loadConfig(cmd)
			write := printConfig
			if asJSON {
				write = printConfigJSON
			}
			return errors.Join(write(cmd.OutOrStdout(), report, err), err)
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return command
}

func printConfig(w io.Writer, report config.Report, _ error) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SETTING\tVALUE\tFROM\tMEANING")
	for _, s := range report.Settings {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", s.Name, s.Value, s.Source, s.Meaning)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, warning := range report.Warnings {
		fmt.Fprintf(w, "warning: %s\n", warning)
	}
	return nil
}

// printConfigJSON also prints the problems that printConfig leaves to the command's error.
func printConfigJSON(w io.Writer, report config.Report, err error) error {
	problems, _ := errors.AsType[config.Problems](err)
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(struct {
		Settings []config.Setting `json:"settings"`
		Warnings []string         `json:"warnings"`
		Problems []string         `json:"problems"`
	}{report.Settings, append([]string{}, report.Warnings...), append([]string{}, problems...)})
}
