package app

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"risingstars/modules/media"
	"risingstars/platform/database"
)

type rebrandOptions struct {
	dryRun, yes, stop, json bool
}

func rebrandCommand() *cobra.Command {
	var o rebrandOptions
	command := &cobra.Command{
		Use:   "rebrand",
		Short: "Make every published clip again with the branding in force, from its original; votes and entries stay",
		Long: "Make every published clip that has another branding again, from its original.\n" +
			"It says first what that takes, and asks. The workers do it, whenever no contestant's video waits; each\n" +
			"clip stays public until the new one replaces it. Run it again to go on after --stop, and to try again\n" +
			"what failed; --dry-run shows how far it has come.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 || o.dryRun && o.stop {
				return errors.New("rebrand has no arguments, and one of --dry-run and --stop at most")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			access := database.Change
			if o.dryRun {
				access = database.Look
			}
			return withExisting(access, func(cmd *cobra.Command, a *app, _ []string) error {
				return a.rebrand(cmd, o)
			})(cmd, args)
		},
	}
	command.Flags().BoolVar(&o.dryRun, "dry-run", false, "only say what there is to do, and how far it has come")
	command.Flags().BoolVar(&o.yes, "yes", false, "do not ask")
	command.Flags().BoolVar(&o.stop, "stop", false, "leave what has not begun, and what failed, as it is")
	command.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return command
}

func (a *app) rebrand(cmd *cobra.Command, o rebrandOptions) error {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	if o.stop {
		n, err := a.media.StopRebrand(ctx)
		if err != nil {
			return err
		}
		return say(out, o.json, map[string]int{"stopped": n},
			"%d clips are left as they are; what is under way ends by itself\n", n)
	}
	plan, err := a.media.PlanRebrand(ctx)
	if err != nil {
		return err
	}
	if o.dryRun || !o.json {
		if err := printPlan(out, plan, o.json); err != nil {
			return err
		}
	}
	if o.dryRun {
		return nil
	}
	if o.json {
		warnOther(cmd.ErrOrStderr(), plan)
	}
	if plan.Clips+plan.Other == 0 {
		return say(out, o.json, map[string]int{"listed": 0}, "nothing is to be done\n")
	}
	if !o.yes {
		question := cmd.OutOrStdout()
		if o.json {
			question = cmd.ErrOrStderr()
		}
		fmt.Fprintf(question, "Make %d clips again? Type yes: ", plan.Clips)
		answer, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n') // an error means no
		if strings.TrimSpace(answer) != "yes" {
			return errors.New("nothing was changed")
		}
	}
	n, err := a.media.Rebrand(ctx)
	if err != nil {
		return err
	}
	return say(out, o.json, map[string]int{"listed": n},
		"%d clips wait for the workers; see how far they are with: app rebrand --dry-run\n", n)
}

// say prints a text, or the object if JSON is asked for.
func say(out io.Writer, asJSON bool, object any, format string, args ...any) error {
	if asJSON {
		return json.NewEncoder(out).Encode(object)
	}
	_, err := fmt.Fprintf(out, format, args...)
	return err
}

// listedOnScreen is how many videos of a kind are named where somebody reads.
const listedOnScreen = 20

func printPlan(out io.Writer, p media.RebrandPlan, asJSON bool) error {
	if asJSON {
		type failure struct {
			VideoID string `json:"video_id"`
			Reason  string `json:"reason"`
		}
		failed := []failure{}
		for _, f := range p.Failed {
			failed = append(failed, failure(f))
		}
		return json.NewEncoder(out).Encode(struct {
			Branding        string    `json:"branding"`
			Clips           int       `json:"clips"`
			Bytes           int64     `json:"bytes"`
			Seconds         float64   `json:"seconds"`
			Measured        bool      `json:"measured"`
			Waiting         int       `json:"waiting"`
			UnderWay        int       `json:"under_way"`
			Other           int       `json:"other_branding"`
			WithoutOriginal int       `json:"without_original"`
			Without         []string  `json:"without_original_ids"`
			Failed          []failure `json:"failed"`
		}{
			p.Branding, p.Clips, p.Bytes, p.Work().Seconds(), p.Measured, p.Waiting, p.UnderWay, p.Other, p.Without,
			append([]string{}, p.WithoutIDs...), failed,
		})
	}
	how := "as the latest jobs took"
	if !p.Measured {
		how = "a guess by their length, because no job has been measured"
	}
	fmt.Fprintf(out, "branding %s\n%d clips are to be made again: %s of work for one job at a time (%s each, %s), "+
		"%.1f MiB of originals to read\n", p.Branding, p.Clips, hours(p.Work()),
		p.PerClip.Round(100*time.Millisecond), how, float64(p.Bytes)/(1<<20))
	if p.Waiting+p.UnderWay > 0 {
		fmt.Fprintf(out, "%d clips wait and %d are under way\n", p.Waiting, p.UnderWay)
	}
	warnOther(out, p)
	if p.Without > 0 {
		fmt.Fprintf(out, "%d clips have no original any more and stay as they are:\n", p.Without)
		for _, id := range p.WithoutIDs[:min(len(p.WithoutIDs), listedOnScreen)] {
			fmt.Fprintf(out, "  %s\n", id)
		}
		more(out, p.Without)
	}
	if len(p.Failed) > 0 {
		fmt.Fprintf(out, "%d clips could not be made again and stay as they are:\n", len(p.Failed))
		for _, f := range p.Failed[:min(len(p.Failed), listedOnScreen)] {
			fmt.Fprintf(out, "  %s  %s\n", f.VideoID, f.Reason)
		}
		more(out, len(p.Failed))
	}
	return nil
}

// warnOther warns that a rebranding with another branding would end.
func warnOther(out io.Writer, p media.RebrandPlan) {
	if p.Other > 0 {
		fmt.Fprintf(out, "warning: of what waits or is under way, %d clips are to get another branding than %s. To "+
			"begin here ends that: check that BRANDING_DIR is that of the workers\n", p.Other, p.Branding)
	}
}

func more(out io.Writer, n int) {
	if n > listedOnScreen {
		fmt.Fprintf(out, "  and %d more, which --dry-run --json lists\n", n-listedOnScreen)
	}
}

func hours(d time.Duration) string {
	if d < time.Hour {
		return d.Round(time.Second).String()
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}
