package app

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"risingstars/config"
	"risingstars/modules/media"
	"risingstars/platform/telemetry"
)

func processCommand() *cobra.Command {
	var start float64
	command := &cobra.Command{
		Use:   "process IN OUT",
		Short: "Process one file exactly as a worker does; the poster is written beside OUT",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if day := (24 * time.Hour).Seconds(); !(start >= 0 && start <= day) { // NaN is no more than anything
				return usageError{fmt.Errorf("--start is a number of seconds from 0 to %.0f", day)}
			}
			c, err := config.Load(config.DotenvPath(), cmd.Flags())
			if err != nil {
				return err
			}
			processor, err := newProcessor(c)
			if err != nil {
				return err
			}
			at := time.Duration(start * float64(time.Second))
			return processor.File(cmd.Context(), media.FileJob{
				In: args[0], Out: args[1], Start: at, Rules: rules(c), Progress: showProgress(cmd.ErrOrStderr()),
			})
		},
	}
	command.Flags().Float64Var(&start, "start", 0, "where the published part begins, in seconds")
	return command
}

// showProgress draws a bar with the time left on a terminal, and writes a line per 10 % elsewhere.
func showProgress(w io.Writer) func(stage string, percent int) {
	if telemetry.IsTerminal(w) {
		bar := progressbar.NewOptions(100, progressbar.OptionSetWriter(w), progressbar.OptionSetPredictTime(true),
			progressbar.OptionOnCompletion(func() { fmt.Fprintln(w) }))
		return func(stage string, percent int) {
			bar.Describe(stage)
			_ = bar.Set(percent) // a terminal that went away stops nothing
		}
	}
	next := 0
	return func(stage string, percent int) {
		if percent >= next {
			fmt.Fprintf(w, "%s %d %%\n", stage, percent)
			next = percent - percent%10 + 10
		}
	}
}
