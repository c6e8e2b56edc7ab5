package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"risingstars/modules/media"
	"risingstars/modules/voting"
	"risingstars/platform/database"
)

// checkGrace is how old a file must be before a missing row counts.
const checkGrace = time.Hour

func storageCommand() *cobra.Command {
	command := &cobra.Command{Use: "storage", Short: "Compare storage with the rows, as after a restored backup"}
	var o checkOptions
	check := &cobra.Command{
		Use:   "check",
		Short: "List files without a row, rows without a file, and counters that differ from their rows",
		Long: "List files without a row, rows without a file, and counters that differ from their rows.\n" +
			"It changes nothing without --repair, deletes nothing even with it, and may run beside serve and work.\n" +
			"Exit codes: 0 nothing was found, 1 something was, repaired or not.",
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			if o.grace < 0 {
				return usageError{fmt.Errorf("--grace=%s is negative", o.grace)}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			access := database.Look
			if o.repair {
				access = database.Change
			}
			return withExisting(access, func(cmd *cobra.Command, a *app, _ []string) error {
				return a.checkStorage(cmd.Context(), cmd.OutOrStdout(), o)
			})(cmd, args)
		},
	}
	check.Flags().BoolVar(&o.repair, "repair", false, "do what the last column says")
	check.Flags().BoolVar(&o.json, "json", false, "print JSON, one finding in a line, and then the summary")
	check.Flags().DurationVar(&o.grace, "grace", checkGrace, "leave out files that are younger")
	command.AddCommand(check)
	return command
}

type checkOptions struct {
	repair, json bool
	grace        time.Duration
}

// discrepancy is a line of the list.
type discrepancy struct {
	Kind     string `json:"kind"`
	Key      string `json:"key"` // of a file, or the id of a video or an account
	Size     int64  `json:"size"`
	VideoID  string `json:"video_id,omitempty"`
	Remedy   string `json:"remedy"`
	Repaired bool   `json:"repaired"`
}

// storageCheck prints what it finds at once, so that a long list needs no memory.
type storageCheck struct {
	*app
	out             io.Writer
	o               checkOptions
	found, repaired int
}

// checkStorage returns an error if anything was found.
func (a *app) checkStorage(ctx context.Context, out io.Writer, o checkOptions) error {
	s := &storageCheck{app: a, out: out, o: o}
	checked, err := a.media.CheckFiles(ctx, media.CheckOptions{Grace: o.grace, Repair: o.repair, Each: s.file})
	if err == nil {
		err = s.entries(ctx)
	}
	if err == nil {
		err = a.voting.CheckCounters(ctx, s.counter)
	}
	if err != nil {
		return err
	}
	if err := s.summary(checked); err != nil {
		return err
	}
	if s.found > 0 {
		return fmt.Errorf("storage, rows and counters differ in %d places, of which %d were repaired",
			s.found, s.repaired)
	}
	return nil
}

func (s *storageCheck) file(f media.Finding) error {
	return s.report(discrepancy{f.Kind, f.Key, f.Size, f.VideoID, f.Remedy, f.Repaired})
}

func (s *storageCheck) counter(m voting.Miscount) error {
	return s.report(discrepancy{
		Kind: "counter", Key: m.ID, Remedy: fmt.Sprintf("none: %s is %d of %d", m.Counter, m.Counted, m.Present),
	})
}

// entries compares the videos that the gallery must show with those that it shows.
func (s *storageCheck) entries(ctx context.Context) error {
	if err := s.media.EachPublished(ctx, func(ids []string) error { return s.compare(ctx, ids) }); err != nil {
		return err
	}
	// What media has published has been compared.
	return s.voting.EachPublished(ctx, func(ids []string) error {
		published, err := s.media.Outputs(ctx, ids)
		if err != nil {
			return err
		}
		var unknown []string
		for _, id := range ids {
			if _, ok := published[id]; !ok {
				unknown = append(unknown, id)
			}
		}
		return s.compare(ctx, unknown)
	})
}

// compare reports the videos for which media and voting have different files. Both change in one transaction, so a
// video that has not changed in media while voting was asked must be the same there.
func (s *storageCheck) compare(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	before, err := s.media.Outputs(ctx, ids)
	if err != nil {
		return err
	}
	shown, err := s.voting.Outputs(ctx, ids)
	if err != nil {
		return err
	}
	after, err := s.media.Outputs(ctx, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		entry, has := shown[id]
		if before[id] != after[id] || after[id] == media.Output(entry) {
			continue
		}
		kind := "entry_differs"
		if _, published := after[id]; !published {
			kind = "entry_without_video"
		} else if !has {
			kind = "video_without_entry"
		}
		if err := s.report(discrepancy{Kind: kind, Key: id, VideoID: id, Remedy: "none"}); err != nil {
			return err
		}
	}
	return nil
}

// report prints a finding. The columns have fixed widths, because a list of unknown length cannot be aligned.
func (s *storageCheck) report(d discrepancy) error {
	s.found++
	if d.Repaired {
		s.repaired++
	}
	if s.o.json {
		return json.NewEncoder(s.out).Encode(d)
	}
	const columns = "%-20s  %-70s  %12s  %s\n"
	if s.found == 1 {
		if _, err := fmt.Fprintf(s.out, columns, "KIND", "KEY", "BYTES", "WHAT TO DO"); err != nil {
			return err
		}
	}
	size, remedy := "-", d.Remedy
	if d.Size > 0 {
		size = fmt.Sprint(d.Size)
	}
	if d.Repaired {
		remedy += " (done)"
	}
	_, err := fmt.Fprintf(s.out, columns, d.Kind, d.Key, size, remedy)
	return err
}

func (s *storageCheck) summary(checked media.Checked) error {
	if s.o.json {
		return json.NewEncoder(s.out).Encode(map[string]int{
			"files": checked.Files, "young": checked.Young, "videos": checked.Videos,
			"found": s.found, "repaired": s.repaired,
		})
	}
	_, err := fmt.Fprintf(s.out, "%d files (%d younger than %s) and %d videos: %d found, %d repaired\n",
		checked.Files, checked.Young, s.o.grace, checked.Videos, s.found, s.repaired)
	return err
}
