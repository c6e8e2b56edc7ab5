package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"risingstars/modules/media"
	"risingstars/platform/database"
)

func reprocessCommand() *cobra.Command {
	missing := false
	command := &cobra.Command{
		Use:   "reprocess [ID…]",
		Short: "Make the files of published videos again from their originals; votes and entries stay",
		Args: func(_ *cobra.Command, args []string) error {
			if missing == (len(args) > 0) {
				return errors.New("give the ids of videos, or --missing for all whose files are gone")
			}
			return nil
		},
		RunE: withExisting(database.Change, func(cmd *cobra.Command, a *app, ids []string) error {
			if missing {
				var err error
				if ids, err = a.withoutFiles(cmd.Context()); err != nil {
					return err
				}
			}
			return a.reprocess(cmd, ids)
		}),
	}
	command.Flags().BoolVar(&missing, "missing", false,
		"all whose rendition or poster is gone and whose original is not")
	return command
}

// withExisting returns a command function that builds the app on what exists, without a worker, runs the given function
// on it, and closes it.
func withExisting(
	access database.Access, run func(*cobra.Command, *app, []string) error,
) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, log, err := setup(cmd)
		if err != nil {
			return err
		}
		a, err := newApp(cmd.Context(), c, log, appOptions{access: access})
		if err != nil {
			return err
		}
		return errors.Join(run(cmd, a, args), a.close())
	}
}

// withoutFiles returns the videos whose files can be made again and must be.
func (a *app) withoutFiles(ctx context.Context) (ids []string, err error) {
	_, err = a.media.CheckFiles(ctx, media.CheckOptions{Each: func(f media.Finding) error {
		if f.Remedy == media.ProcessAgain && (len(ids) == 0 || ids[len(ids)-1] != f.VideoID) {
			ids = append(ids, f.VideoID)
		}
		return nil
	}})
	return ids, err
}

// reprocess goes on after an error.
func (a *app) reprocess(cmd *cobra.Command, ids []string) error {
	var errs []error
	for _, id := range ids {
		if err := a.media.Reprocess(cmd.Context(), id); err != nil {
			errs = append(errs, fmt.Errorf("video %s: %w", id, err))
		}
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d videos wait to be processed again\n", len(ids)-len(errs))
	return errors.Join(errs...)
}
