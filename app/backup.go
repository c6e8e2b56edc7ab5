package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"risingstars/config"
	"risingstars/platform/backup"
	"risingstars/platform/database"
	"risingstars/platform/telemetry"
)

const placeHelp = `PLACE is a folder (the default is backups in DATA_DIR; take one on another disk), s3://BUCKET/PREFIX,
or a single file whose name ends in .tar. A folder and a bucket keep many backups, and each copies only the files that
none before has; a file keeps one.`

func backupCommand() *cobra.Command {
	var o backupOptions
	command := &cobra.Command{
		Use:   "backup [PLACE]",
		Short: "Back up accounts, videos, votes and files, while everything runs",
		Long: "Back up accounts, videos, votes and files as they are at one moment, while everything runs.\n\n" +
			placeHelp + "\n\nWhat is configured (.env) is not in it. The same backup can be restored in every stage.",
		Args: cobra.MaximumNArgs(1),
		PreRunE: func(_ *cobra.Command, args []string) error {
			return o.check(args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, log, err := setup(cmd)
			if err != nil {
				return err
			}
			target := placeOf(c, args)
			if o.every == 0 {
				return o.once(cmd, c, log, target)
			}
			return o.repeat(cmd, c, log, target)
		},
	}
	command.Flags().DurationVar(&o.every, "every", 0, "go on, with a backup whenever the latest one is so old, as 24h")
	command.Flags().IntVar(&o.keep, "keep", 0, "delete all but the latest so many afterwards; 0: none")
	command.Flags().StringVar(&o.recipient, "recipient", "", "encrypt for this age recipient (age1…)")
	command.AddCommand(backupVerifyCommand(), backupListCommand())
	return command
}

func backupVerifyCommand() *cobra.Command {
	var o readOptions
	command := &cobra.Command{
		Use: "verify [PLACE]", Short: "Read a backup to its end and compare it with what was written",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.read(cmd, args, func(_ *config.Config, r *backup.Reader) error {
				describeBackup(cmd.OutOrStdout(), r.Snapshot)
				err := r.Verify(cmd.Context(), database.CheckExport)
				if err == nil {
					fmt.Fprintln(cmd.OutOrStdout(), "It is whole.")
				}
				return err
			})
		},
	}
	o.flags(command)
	return command
}

func backupListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list [PLACE]", Short: "List the backups of a place, the latest first", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, _, err := setup(cmd)
			if err != nil {
				return err
			}
			p, err := openPlace(cmd.Context(), c, placeOf(c, args), true)
			if err != nil {
				return err
			}
			names, err := backup.Names(cmd.Context(), p)
			for _, name := range names {
				s, wrong := backup.Find(cmd.Context(), p, name)
				if wrong != nil {
					err = errors.Join(err, wrong)
					continue
				}
				describeBackup(cmd.OutOrStdout(), s)
			}
			return errors.Join(err, p.Close())
		},
	}
}

// describeBackup prints what a backup has.
func describeBackup(w io.Writer, s *backup.Snapshot) {
	encrypted := ""
	if s.Recipient != "" {
		encrypted = ", encrypted"
	}
	fmt.Fprintf(w, "%s: %d rows, %d files with %s, made by version %s%s\n",
		s.Name, s.Rows, len(s.Files), megabytes(s.Bytes()), s.Program, encrypted)
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

type backupOptions struct {
	every     time.Duration
	keep      int
	recipient string
	to        age.Recipient
}

func (o *backupOptions) check(args []string) (err error) {
	if o.recipient != "" {
		if o.to, err = age.ParseX25519Recipient(o.recipient); err != nil {
			return usageError{fmt.Errorf("--recipient: %w", err)}
		}
	}
	switch {
	case o.every < 0 || o.every > 0 && o.every < time.Second:
		return usageError{fmt.Errorf("--every=%s is less than a second", o.every)}
	case o.keep < 0:
		return usageError{fmt.Errorf("--keep=%d is negative", o.keep)}
	case len(args) == 1 && backup.IsFile(args[0]) && (o.every > 0 || o.keep > 0):
		return usageError{errors.New("a single file keeps one backup: --every and --keep need a folder or a bucket")}
	}
	return nil
}

// repeat backs up until the command is asked to stop. Started again, it does not begin before the next one is due.
// After an error it tries again soon.
func (o backupOptions) repeat(cmd *cobra.Command, c *config.Config, log *slog.Logger, target string) error {
	ctx := cmd.Context()
	for wait := o.untilDue(ctx, c, target); ; {
		if wait > 0 {
			log.InfoContext(ctx, "the next backup is not due yet", "delay_ms", wait.Milliseconds())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		least := time.Second
		if err := o.once(cmd, c, log, target); err != nil && ctx.Err() == nil { // the next one may succeed
			log.ErrorContext(ctx, "the backup failed", "error", err)
			least = 10 * time.Minute
		}
		wait = max(o.untilDue(ctx, c, target), min(o.every, least))
	}
}

// untilDue returns how long it is until the latest backup is as old as --every says.
func (o backupOptions) untilDue(ctx context.Context, c *config.Config, target string) time.Duration {
	return min(o.every, o.every-sinceLatest(ctx, c, target))
}

// sinceLatest returns how old a place's latest backup is; for ever, if there is none.
func sinceLatest(ctx context.Context, c *config.Config, target string) time.Duration {
	const ever = time.Duration(math.MaxInt64)
	p, err := openPlace(ctx, c, target, true)
	if err != nil { // what is wrong, the backup tells
		return ever
	}
	defer p.Close()
	s, err := backup.Find(ctx, p, "")
	if err != nil {
		return ever
	}
	return time.Since(s.At)
}

func (o backupOptions) once(cmd *cobra.Command, c *config.Config, log *slog.Logger, target string) (err error) {
	ctx := cmd.Context()
	options := backup.Options{Recipient: o.to, Progress: showBytes(cmd.ErrOrStderr(), "copying")}
	// The processes that change the database are others, so this one only looks. It has no limit for statements.
	db, err := database.Open(ctx, database.Options{
		URL: c.Data.DatabaseURL, Path: c.DatabasePath(), Access: database.Look,
	})
	if err != nil {
		return withVariable(databaseVariable(c), err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	a := &app{c: c, registry: telemetry.NewRegistry(), access: database.Look}
	defer func() { err = errors.Join(err, a.close()) }()
	from, err := a.backupSource(ctx, db)
	if err != nil {
		return err
	}
	p, err := openPlace(ctx, c, target, false)
	if err != nil {
		return err
	}
	s, err := backup.Write(ctx, from, p, options)
	if err != nil {
		return errors.Join(fmt.Errorf("back up to %s: %w", target, err), p.Close())
	}
	keep := o.keep
	if keep == 0 {
		keep = math.MaxInt // what belongs to no backup goes all the same
	}
	var left error
	if !backup.IsFile(target) { // there is nothing else in a new one
		_, left = backup.Prune(ctx, p, from.Prefixes, keep, time.Now())
	}
	if err := p.Close(); err != nil {
		return fmt.Errorf("back up to %s: %w", target, err)
	}
	describeBackup(cmd.OutOrStdout(), s)
	if err := noteBackup(c, s.At); err != nil {
		log.WarnContext(ctx, "serve is not told of the backup, so the metric of its age is wrong", "error", err)
	}
	if left != nil {
		return fmt.Errorf("the backup is made, but what is old at %s stays: %w", target, left)
	}
	return nil
}

// backupSource is what this configuration's processes keep.
func (a *app) backupSource(ctx context.Context, db *database.DB) (backup.Source, error) {
	if err := a.openSecret(); err != nil {
		return backup.Source{}, err
	}
	if err := a.openStorage(ctx); err != nil {
		return backup.Source{}, err
	}
	from := backup.Source{
		Program: version, Files: a.bucket, Key: backup.KeyID(a.secret),
		Prefixes: []string{
			a.c.Storage.UploadPrefix + "/", a.c.Storage.ProcessedPrefix + "/", departedPrefix + "/",
		},
		Export: func(ctx context.Context, out io.Writer) (int64, error) {
			return db.Export(ctx, out, kept()...)
		},
	}
	if a.c.Auth.SecretKey == "" && exists(a.c.SecretPath()) {
		from.Secret = a.secret
	}
	return from, nil
}

// kept are the owners of what a backup keeps. The others have hints, which are made anew, and copies of what is
// here.
func kept() []database.Migrations {
	var owners []database.Migrations
	for _, owner := range migrations() {
		switch owner.Name {
		case "queue", "limit", "roster", "idempotency", "archive":
		default:
			owners = append(owners, owner)
		}
	}
	return owners
}

// readOptions say which backup to read, and with what.
type readOptions struct {
	name, identity string
	endSessions    bool
}

func (o *readOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.name, "name", "", "which backup (app backup list); the latest if it is missing")
	cmd.Flags().StringVar(&o.identity, "identity", "", "file with the age identity that decrypts it (AGE-SECRET-KEY-…)")
}

// read opens a backup and runs fn on it.
func (o *readOptions) read(
	cmd *cobra.Command, args []string, fn func(*config.Config, *backup.Reader) error,
) (err error) {
	c, _, err := setup(cmd)
	if err != nil {
		return err
	}
	target := placeOf(c, args)
	p, err := openPlace(cmd.Context(), c, target, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	r := &backup.Reader{Place: p, Progress: showBytes(cmd.ErrOrStderr(), "checking")}
	if r.Snapshot, err = backup.Find(cmd.Context(), p, o.name); err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	if o.identity != "" {
		if r.Identities, err = readIdentities(o.identity); err != nil {
			return fmt.Errorf("--identity: %w", err)
		}
	}
	return fn(c, r)
}

func readIdentities(path string) ([]age.Identity, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return age.ParseIdentities(f)
}

// showBytes is showProgress for bytes.
func showBytes(w io.Writer, step string) func(done, total int64) {
	show, last := showProgress(w), -1
	return func(done, total int64) {
		percent := 100
		if total > 0 {
			percent = int(min(100, done*100/total))
		}
		if percent > last {
			last = percent
			show(step, percent)
		}
	}
}
