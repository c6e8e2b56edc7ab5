package app

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"risingstars/config"
	"risingstars/modules/media"
)

func processCommand() *cobra.Command {
	var start float64
	command := &cobra.Command{
		Use:   "process IN OUT",
		Short: "Process one file exactly as a worker does",
		Long: "Process one file exactly as a worker does. Beside OUT it writes the poster, with the extension .jpg,\n" +
			"and the small rendition for phones, with -small before the extension, unless MEDIA_SMALL=false.",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if day := (24 * time.Hour).Seconds(); !(start >= 0 && start <= day) { // negated, because start may be NaN
				return usageError{fmt.Errorf("--start must be a number of seconds from 0 to %.0f", day)}
			}
			c, _, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			cacheDir, forget, err := bumperFolder(c)
			if err != nil {
				return err
			}
			defer forget()
			b, err := readBrand(c, cacheDir, nil)
			if err != nil {
				return err
			}
			at := time.Duration(start * float64(time.Second))
			notices, err := b.processor.File(cmd.Context(), media.FileJob{
				In: args[0], Out: args[1], Start: at, Rules: rules(c), Progress: showProgress(cmd.ErrOrStderr()),
			})
			for _, n := range notices {
				fmt.Fprintf(cmd.ErrOrStderr(), "notice %s: %s\n", n, media.NoticeText(n).EN)
			}
			return err
		},
	}
	command.Flags().Float64Var(&start, "start", 0, "where the published part begins, in seconds")
	return command
}

// bumperFolder returns the folder of the service's bumpers, or a temporary one if there is none: whoever tries
// something leaves nothing behind.
func bumperFolder(c *config.Config) (path string, forget func(), err error) {
	if info, err := os.Stat(c.BumperPath()); err == nil && info.IsDir() {
		return c.BumperPath(), func() {}, nil
	}
	return temporaryFolder(c)
}

// temporaryFolder is bumperFolder for whoever only looks, and so must neither clean nor fill the service's.
func temporaryFolder(*config.Config) (path string, forget func(), err error) {
	path, err = os.MkdirTemp("", "bumpers-*")
	return path, func() { _ = os.RemoveAll(path) }, err
}

// showProgress draws a bar with the remaining time if w is a terminal. Otherwise it writes a line for every 10 %.
func showProgress(w io.Writer) func(step string, percent int) {
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		bar := progressbar.NewOptions(100, progressbar.OptionSetWriter(w), progressbar.OptionSetPredictTime(true),
			progressbar.OptionOnCompletion(func() { fmt.Fprintln(w) }))
		return func(step string, percent int) {
			bar.Describe(step)
			_ = bar.Set(percent) // processing continues if the terminal is gone
		}
	}
	next := 0
	return func(step string, percent int) {
		if percent >= next {
			fmt.Fprintf(w, "%s %d %%\n", step, percent)
			next = percent - percent%10 + 10
		}
	}
}
