package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"risingstars/modules/identity"
	"risingstars/platform/database"
	"risingstars/platform/telemetry"
)

func roleCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "role", Short: "Grant and revoke roles: admin, organiser, moderator, juror, auditor; make the first admin",
	}
	list := &cobra.Command{
		Use: "list", Short: "List the accounts that have roles", Args: cobra.NoArgs,
		RunE: withAccounts(database.Look, func(cmd *cobra.Command, m *identity.Module, _ []string) error {
			return listRoles(cmd, m)
		}),
	}
	command.AddCommand(
		changeRoleCommand("grant", "Give an account a role", (*identity.Module).Grant),
		changeRoleCommand("revoke", "Take a role from an account", (*identity.Module).Revoke), list,
	)
	return command
}

// changeRoleCommand returns a command whose act stands in the log of acts, as done by the console.
func changeRoleCommand(
	name, short string,
	change func(*identity.Module, context.Context, identity.Actor, string, identity.Role) (bool, error),
) *cobra.Command {
	reason := ""
	command := &cobra.Command{
		Use: name + " EMAIL ROLE", Short: short,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := cobra.ExactArgs(2)(cmd, args); err != nil {
				return err
			}
			_, err := identity.ParseRole(args[1])
			return err
		},
		RunE: withAccounts(database.Change, func(cmd *cobra.Command, m *identity.Module, args []string) error {
			role, err := identity.ParseRole(args[1])
			if err != nil {
				return err
			}
			by := identity.Actor{ID: identity.Console, Reason: reason}
			changed, err := change(m, cmd.Context(), by, args[0], role)
			if err != nil {
				return fmt.Errorf("%s the role %s: %w", name, role, err)
			}
			if !changed {
				fmt.Fprintln(cmd.OutOrStdout(), "nothing to change")
				return nil
			}
			return listRoles(cmd, m)
		}),
	}
	command.Flags().StringVar(&reason, "reason", "", "why, for the log of acts")
	return command
}

// withAccounts returns a command function that opens the database alone, runs the given function on the accounts in it,
// and closes it.
func withAccounts(
	access database.Access, run func(*cobra.Command, *identity.Module, []string) error,
) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, log, err := setup(cmd)
		if err != nil {
			return err
		}
		a := &app{c: c, log: log, registry: telemetry.NewRegistry(), access: access}
		if err = a.openDatabase(cmd.Context()); err == nil {
			err = run(cmd, identity.New(identity.Deps{DB: a.db, Logger: log}), args)
		}
		return errors.Join(err, a.close())
	}
}

func listRoles(cmd *cobra.Command, m *identity.Module) error {
	all, err := m.ListGranted(cmd.Context())
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "EMAIL\tNAME\tROLES")
	for _, g := range all {
		names := make([]string, len(g.Roles))
		for i, role := range g.Roles {
			names[i] = string(role)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", g.User.Email, g.User.PlayerName(), strings.Join(names, ", "))
	}
	return table.Flush()
}
