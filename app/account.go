package app

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"risingstars/modules/identity"
	"risingstars/platform/database"
)

func accountCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "account", Short: "Delete an account for somebody who cannot do it, and bring a deleted one back",
	}
	reason, now := "", false
	explained := func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return errors.New("name one account")
		}
		if reason == "" {
			return errors.New("say why with --reason, for the log of acts")
		}
		return nil
	}
	remove := &cobra.Command{
		Use: "delete EMAIL|ID", Short: "Delete an account; a worker erases it seven days later, or at once with --now",
		Args: explained,
		RunE: withAccounts(database.Change, func(cmd *cobra.Command, a accounts, args []string) error {
			removed, err := a.Remove(cmd.Context(), identity.Actor{ID: identity.Console, Reason: reason}, args[0], now)
			return tellDone(cmd, removed, "deleted", err)
		}),
	}
	remove.Flags().BoolVar(&now, "now", false, "erase it as soon as a worker can: nothing brings it back")
	back := &cobra.Command{
		Use: "restore ID", Short: "Bring an account back that was deleted less than seven days ago", Args: explained,
		RunE: withAccounts(database.Change, func(cmd *cobra.Command, a accounts, args []string) error {
			back, err := a.Readmit(cmd.Context(), identity.Actor{ID: identity.Console, Reason: reason}, args[0])
			return tellDone(cmd, back, "it is back", err)
		}),
	}
	for _, c := range []*cobra.Command{remove, back} {
		c.Flags().StringVar(&reason, "reason", "", "why, for the log of acts (required)")
	}
	command.AddCommand(remove, back)
	return command
}

func tellDone(cmd *cobra.Command, done bool, words string, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", cmd.CommandPath(), err)
	case !done:
		words = "nothing to change"
	}
	fmt.Fprintln(cmd.OutOrStdout(), words)
	return nil
}
