package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"risingstars/config"
	"risingstars/modules/identity"
	"risingstars/platform/database"
	"risingstars/platform/telemetry"
)

func roleCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "role", Short: "Grant and revoke roles: admin, organiser, moderator, juror, auditor; make the first admin",
		Long: "Grant and revoke roles: admin, organiser, moderator, juror, auditor; make the first admin.\n\n" +
			"The role juror opens nothing yet.",
	}
	list := &cobra.Command{
		Use: "list", Short: "List the accounts that have roles", Args: cobra.NoArgs,
		RunE: withAccounts(database.Look, func(cmd *cobra.Command, a accounts, _ []string) error {
			return listRoles(cmd, a.Module)
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
	reason, unverified := "", false
	command := &cobra.Command{
		Use: name + " EMAIL ROLE", Short: short,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := cobra.ExactArgs(2)(cmd, args); err != nil {
				return err
			}
			_, err := identity.ParseRole(args[1])
			return err
		},
		RunE: withAccounts(database.Change, func(cmd *cobra.Command, a accounts, args []string) error {
			role, err := identity.ParseRole(args[1])
			if err == nil && name == "grant" && a.lettersAreSent && !unverified {
				err = a.refuseUnproved(cmd.Context(), args[0])
			}
			if err != nil {
				return err
			}
			by := identity.Actor{ID: identity.Console, Reason: reason}
			changed, err := change(a.Module, cmd.Context(), by, args[0], role)
			if err != nil {
				return fmt.Errorf("%s the role %s: %w", name, role, err)
			}
			if !changed {
				fmt.Fprintln(cmd.OutOrStdout(), "nothing to change")
				return nil
			}
			return listRoles(cmd, a.Module)
		}),
	}
	command.Flags().StringVar(&reason, "reason", "by app role "+name, "why, for the log of acts")
	if name == "grant" {
		command.Flags().BoolVar(&unverified, "unverified", false, "even if the account has not proved its e-mail")
	}
	return command
}

func totpCommand() *cobra.Command {
	reason := ""
	command := &cobra.Command{Use: "totp", Short: "Help somebody who has lost their second factor"}
	remove := &cobra.Command{
		Use: "remove EMAIL", Short: "Remove the second factor of an account",
		Args: func(cmd *cobra.Command, args []string) error {
			if reason == "" {
				return errors.New("say why with --reason, for the log of acts")
			}
			return cobra.ExactArgs(1)(cmd, args)
		},
		RunE: withAccounts(database.Change, func(cmd *cobra.Command, a accounts, args []string) error {
			taken, err := a.TakeFactor(cmd.Context(), identity.Actor{ID: identity.Console, Reason: reason}, args[0])
			switch {
			case err != nil:
				return fmt.Errorf("remove the second factor of %s: %w", args[0], err)
			case taken:
				fmt.Fprintln(cmd.OutOrStdout(), "removed")
			default:
				fmt.Fprintln(cmd.OutOrStdout(), "nothing to change")
			}
			return nil
		}),
	}
	remove.Flags().StringVar(&reason, "reason", "", "why, for the log of acts (required)")
	command.AddCommand(remove)
	return command
}

// accounts is what commands work on.
type accounts struct {
	*identity.Module
	lettersAreSent bool // so that people can prove their e-mail
}

// refuseUnproved returns an error unless the account has proved its e-mail: anybody may have signed up with it.
func (a accounts) refuseUnproved(ctx context.Context, email string) error {
	user, err := a.AccountByEmail(ctx, email)
	if err == nil && !user.EmailVerified {
		err = fmt.Errorf("%s has not proved this e-mail, so anybody may have signed up with it: have them open the "+
			"link of the letter (their page /me sends it again), or add --unverified if you know them", email)
	}
	return err
}

// withAccounts returns a command function that opens the database alone, runs the given function on the accounts in it,
// and closes it.
func withAccounts(
	access database.Access, run func(*cobra.Command, accounts, []string) error,
) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, log, err := setup(cmd)
		if err != nil {
			return err
		}
		a := &app{c: c, log: log, registry: telemetry.NewRegistry(), access: access}
		if err = a.openDatabase(cmd.Context()); err == nil {
			err = run(cmd, accounts{accountsIn(a.db, c, log), c.Mail.SMTPURL != ""}, args)
		}
		return errors.Join(err, a.close())
	}
}

// accountsIn returns the accounts for a command, which issues no tokens and has nothing of what people own: workers do
// what follows from its acts.
func accountsIn(db *database.DB, c *config.Config, log *slog.Logger) *identity.Module {
	return identity.New(identity.Deps{
		DB: db, Logger: log, Tokens: tokenLife(time.Duration(c.Auth.TokenMinutes) * time.Minute),
	})
}

// tokenLife is how long access tokens live that others issue.
type tokenLife time.Duration

// Issue returns an error.
func (tokenLife) Issue(string, string) (string, time.Duration, error) {
	return "", 0, errors.New("a command issues no tokens")
}

// TTL returns how long they live.
func (l tokenLife) TTL() time.Duration { return time.Duration(l) }

func listRoles(cmd *cobra.Command, m *identity.Module) error {
	all, err := m.ListGranted(cmd.Context())
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "EMAIL\tPROVED\tNAME\tROLES")
	for _, g := range all {
		names := make([]string, len(g.Roles))
		for i, role := range g.Roles {
			names[i] = string(role)
		}
		proved := "no"
		if g.User.EmailVerified {
			proved = "yes"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", g.User.Email, proved, g.User.PlayerName(), strings.Join(names, ", "))
	}
	return table.Flush()
}
