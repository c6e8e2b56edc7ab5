package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"risingstars/config"
	"risingstars/modules/identity"
	"risingstars/platform/auth"
	"risingstars/platform/backup"
	"risingstars/platform/database"
	"risingstars/platform/telemetry"
)

func restoreCommand() *cobra.Command {
	var o readOptions
	command := &cobra.Command{
		Use:   "restore [PLACE]",
		Short: "Restore a backup into an empty database, in any stage",
		Long: "Restore a backup into an empty database, in any stage.\n\n" + placeHelp +
			"\n\nIt reads all of the backup first, and changes nothing if any of it is damaged. Interrupted, it can " +
			"be run again.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.read(cmd, args, func(c *config.Config, r *backup.Reader) error {
				return restore(cmd, c, r, o.endSessions)
			})
		},
	}
	o.flags(command)
	command.Flags().BoolVar(&o.endSessions, "end-sessions", false,
		"sign everybody out: the sessions of an old backup may have been ended since")
	return command
}

func restore(cmd *cobra.Command, c *config.Config, r *backup.Reader, endSessions bool) (err error) {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	describeBackup(out, r.Snapshot)
	if r.Snapshot.Recipient != "" && len(r.Identities) == 0 {
		return usageError{fmt.Errorf("%w: name the file with your identity by --identity", backup.ErrLocked)}
	}
	if err := wantVacant(ctx, c); err != nil {
		return err
	}
	secret, err := secretOf(ctx, c, r)
	if err != nil {
		return err
	}
	if err := r.Verify(ctx, func(in io.Reader) error { return database.CheckImport(in, kept()...) }); err != nil {
		return fmt.Errorf("check the backup, before anything is changed: %w", err)
	}
	r.Progress = showBytes(cmd.ErrOrStderr(), "restoring")
	db, err := database.Open(ctx, database.Options{URL: c.Data.DatabaseURL, Path: c.DatabasePath()})
	if err != nil {
		return withVariable(databaseVariable(c), err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if secret != nil {
		if err := auth.RestoreSecret(c.SecretPath(), secret); err != nil {
			return err
		}
	}
	a := &app{c: c, registry: telemetry.NewRegistry()}
	defer func() { err = errors.Join(err, a.close()) }()
	if err := a.openDisks(false); err != nil {
		return err
	}
	if err := a.openSecret(); err != nil {
		return err
	}
	if err := a.openStorage(ctx); err != nil {
		return err
	}
	r.Later = departedPrefix + "/"
	if err := r.Files(ctx, a.bucket); err != nil {
		return err
	}
	var rows int64
	err = r.Rows(ctx, func(in io.Reader) error {
		rows, err = db.Import(ctx, in, kept()...)
		return err
	})
	if err != nil {
		return fmt.Errorf("restore the rows: %w", err)
	}
	if err := db.Migrate(ctx, migrations()...); err != nil {
		return err
	}
	if endSessions {
		if err := identity.ForgetSessions(ctx, db); err != nil {
			return err
		}
	}
	accounts := accountsIn(db, c, slog.New(slog.DiscardHandler))
	if err := accounts.DelayErasures(ctx); err != nil {
		return err
	}
	gone, back, err := departAgain(ctx, a.bucket, accounts)
	if err != nil {
		fmt.Fprintf(out, "%v; a worker tries again\n", err)
	}
	if gone > 0 {
		fmt.Fprintf(out, "%d accounts that their owners have deleted since are deleted again; a worker erases them\n",
			gone)
	}
	if back > 0 {
		fmt.Fprintf(out, "%d accounts whose owners have taken their deletion back since are back\n", back)
	}
	a.compareKeys(r.Snapshot, out)
	fmt.Fprintf(out, "%d rows and %d files are restored. Now run: app storage check --grace=0s\n",
		rows, len(r.Snapshot.Files))
	return nil
}

// wantVacant fails if the database has rows. It creates nothing.
func wantVacant(ctx context.Context, c *config.Config) error {
	db, err := database.Open(ctx, database.Options{
		URL: c.Data.DatabaseURL, Path: c.DatabasePath(), Access: database.Look,
	})
	if errors.Is(err, database.ErrNoDatabase) {
		return nil
	}
	if err != nil {
		return withVariable(databaseVariable(c), err)
	}
	if err = db.Vacant(ctx, kept()...); err != nil {
		err = fmt.Errorf("%w; a backup is restored into a new one", err)
	}
	return errors.Join(err, db.Close())
}

// compareKeys says so if what was signed and closed with the key of then cannot be read here.
func (a *app) compareKeys(s *backup.Snapshot, out io.Writer) {
	if s.Key != backup.KeyID(a.secret) && s.Key != backup.KeyID([]byte(a.c.Auth.PreviousKey)) {
		fmt.Fprintln(out, "SECRET_KEY is another one than that of the backup, so people have to sign in again, and "+
			"second factors cannot be checked. If you have the old one (embedded: the file secret_key in DATA_DIR), "+
			"let SECRET_KEY or SECRET_KEY_PREVIOUS be that.")
	}
}

// secretOf returns the key that the contest had made itself; nil if it has none, or another one is configured. It fails
// if there is another one already.
func secretOf(ctx context.Context, c *config.Config, r *backup.Reader) ([]byte, error) {
	if !c.Embedded() || c.Auth.SecretKey != "" {
		return nil, nil
	}
	secret, err := r.Secret(ctx)
	if err == nil && secret != nil && exists(c.SecretPath()) {
		err = auth.WantSecret(c.SecretPath(), secret)
	}
	return secret, err
}
