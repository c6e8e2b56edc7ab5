package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"risingstars/modules/media"
	"risingstars/platform/database"
	"risingstars/platform/queue"
	"risingstars/platform/roster"
	"risingstars/platform/telemetry"
)

func statusCommand() *cobra.Command {
	asJSON := false
	command := &cobra.Command{
		Use:   "status",
		Short: "Print what runs and what it does: processes, jobs, the queue, videos, disks; it changes nothing",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, log, err := setup(cmd)
			if err != nil {
				return err
			}
			a := &app{c: c, log: log, registry: telemetry.NewRegistry(), access: database.Look}
			now, err := a.status(cmd.Context())
			if err == nil {
				write := now.print
				if asJSON {
					write = now.printJSON
				}
				err = write(cmd.OutOrStdout())
			}
			return errors.Join(err, a.close())
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return command
}

// status is the state of the whole deployment, but for the disks, which are those of this host. Durations are seconds.
type status struct {
	Processes []processStatus `json:"processes"`
	Jobs      []jobStatus     `json:"jobs"`
	Queue     queueStatus     `json:"queue"`
	Videos    videosStatus    `json:"videos"`
	Disks     []diskStatus    `json:"disks"`
}

type processStatus struct {
	Role    string   `json:"role"`
	Host    string   `json:"host"`
	PID     int      `json:"pid"`
	Version string   `json:"version"`
	Jobs    int      `json:"jobs"` // that it runs at once
	Age     int      `json:"age"`
	Silent  int      `json:"silent"` // since it was seen last
	Doing   []string `json:"doing"`  // ids of videos
}

type jobStatus struct {
	VideoID string `json:"video_id"`
	Step    string `json:"step"`
	Percent int    `json:"percent"`
	Attempt int    `json:"attempt"`
}

type queueStatus struct {
	Backend     string `json:"backend"`
	Ready       int    `json:"ready"`
	InFlight    int    `json:"in_flight"`
	Delayed     int    `json:"delayed"`
	Dead        int    `json:"dead"`
	OldestReady int    `json:"oldest_ready"`
}

type videosStatus struct {
	Waiting       int `json:"waiting"`
	OldestWaiting int `json:"oldest_waiting"`
	Processing    int `json:"processing"`
	Published     int `json:"published"`
	Failed        int `json:"failed"`
	MissingFiles  int `json:"missing_files"` // of published ones
}

type diskStatus struct {
	Name    string `json:"name"`
	Path    string `json:"path"`
	Free    int64  `json:"free"`
	Reserve int64  `json:"reserve"`
	Low     bool   `json:"low"`
}

// status opens what it looks at; close closes it.
func (a *app) status(ctx context.Context) (s status, err error) {
	if err := a.openDatabase(ctx); err != nil {
		return s, err
	}
	alive, err := roster.Alive(ctx, a.db)
	if err != nil {
		return s, err
	}
	s.addProcesses(alive)
	census, err := media.New(media.Deps{DB: a.db, Logger: a.log}).Count(ctx)
	if err != nil {
		return s, err
	}
	s.addVideos(census)
	if err := a.openQueue(ctx); err != nil {
		return s, err
	}
	stats, err := a.queue.Stats(ctx)
	if err != nil {
		return s, err
	}
	s.addQueue(a.c.Queue.Backend, stats)
	return s, s.addDisks(a)
}

func seconds(d time.Duration) int { return int(d.Round(time.Second) / time.Second) }

func (s *status) addProcesses(alive []roster.Process) {
	s.Processes = []processStatus{}
	for _, p := range alive {
		s.Processes = append(s.Processes, processStatus{
			Role: p.Role, Host: p.Host, PID: p.PID, Version: p.Version, Jobs: p.Jobs, Age: seconds(p.Age),
			Silent: seconds(p.Silent), Doing: append([]string{}, p.Doing...),
		})
	}
}

func (s *status) addVideos(o media.Census) {
	s.Jobs = []jobStatus{}
	for _, j := range o.Jobs {
		s.Jobs = append(s.Jobs, jobStatus(j))
	}
	s.Videos = videosStatus{
		Waiting: o.Waiting, OldestWaiting: seconds(o.OldestWaiting), Processing: o.Processing,
		Published: o.Published, Failed: o.Failed, MissingFiles: o.MissingFiles,
	}
}

func (s *status) addQueue(backend string, q queue.Stats) {
	s.Queue = queueStatus{
		Backend: backend, Ready: q.Ready, InFlight: q.InFlight, Delayed: q.Delayed, Dead: q.Dead,
		OldestReady: seconds(q.OldestReady),
	}
}

// addDisks adds the volumes of this host that are there.
func (s *status) addDisks(a *app) error {
	s.Disks = []diskStatus{}
	for _, v := range volumesOf(a.c) {
		if !exists(v.path) {
			continue
		}
		state, err := v.state()
		if err != nil {
			return withVariable(v.variable, err)
		}
		s.Disks = append(s.Disks, diskStatus{
			Name: v.name, Path: state.Path, Free: state.Free, Reserve: state.Reserve, Low: state.Low(),
		})
	}
	return nil
}

func (s status) printJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(s)
}

func (s status) print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ROLE\tHOST\tPROCESS\tVERSION\tAGE\tSEEN\tJOBS\tVIDEOS")
	for _, p := range s.Processes {
		jobs := "-"
		if p.Jobs > 0 {
			jobs = fmt.Sprintf("%d of %d", len(p.Doing), p.Jobs)
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%s ago\t%s\t%s\n", p.Role, p.Host, p.PID, p.Version,
			words(p.Age), words(p.Silent), jobs, strings.Join(p.Doing, " "))
	}
	if len(s.Processes) == 0 {
		fmt.Fprintln(table, "nothing runs")
	}
	if len(s.Jobs) > 0 {
		fmt.Fprintln(table, "\nVIDEO\tSTEP\tPERCENT\tATTEMPT")
	}
	for _, j := range s.Jobs {
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\n", j.VideoID, j.Step, j.Percent, j.Attempt)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	waiting := ""
	if s.Videos.Waiting > 0 {
		waiting = fmt.Sprintf(" (the oldest for %s)", words(s.Videos.OldestWaiting))
	}
	missing := ""
	if s.Videos.MissingFiles > 0 {
		missing = fmt.Sprintf(" (%d lack a file: app storage check)", s.Videos.MissingFiles)
	}
	fmt.Fprintf(table, "\nvideos\t%d wait%s, %d in process, %d published%s, %d failed\n",
		s.Videos.Waiting, waiting, s.Videos.Processing, s.Videos.Published, missing, s.Videos.Failed)
	fmt.Fprintf(table, "queue\t%s: %d tasks ready, %d in flight, %d delayed, %d dead\n",
		s.Queue.Backend, s.Queue.Ready, s.Queue.InFlight, s.Queue.Delayed, s.Queue.Dead)
	for _, d := range s.Disks {
		low := ""
		if d.Low {
			low = ": uploads are refused"
		}
		fmt.Fprintf(table, "disk %s\t%d MiB free in %s, of which %d MiB stay so%s\n",
			d.Name, d.Free>>20, d.Path, d.Reserve>>20, low)
	}
	return table.Flush()
}

// words puts seconds into words.
func words(n int) string { return (time.Duration(n) * time.Second).String() }
