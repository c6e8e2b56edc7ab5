package app

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"risingstars/modules/media"
	"risingstars/platform/database"
	"risingstars/platform/queue"
	"risingstars/platform/roster"
	"risingstars/platform/telemetry"
)

func statusCommand() *cobra.Command {
	asJSON, watch := false, false
	command := &cobra.Command{
		Use:   "status",
		Short: "Print what runs and what it does: processes, jobs, the queue, videos, disks; it changes nothing",
		Long: "Print what runs and what it does: processes, jobs, the queue, videos, disks. It changes nothing.\n\n" +
			"With --watch it does so every two seconds until Ctrl-C: on a terminal in place of what it printed\n" +
			"before; into a pipe or a file one after the other, each below the time (with --json each on one line).",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, log, err := setup(cmd)
			if err != nil {
				return err
			}
			look := func(ctx context.Context) (status, error) {
				a := &app{c: c, log: log, registry: telemetry.NewRegistry(), access: database.Look}
				now, err := a.status(ctx)
				return now, errors.Join(err, a.close())
			}
			if watch {
				return watchStatus(cmd.Context(), cmd.OutOrStdout(), asJSON, look)
			}
			now, err := look(cmd.Context())
			write := now.print
			if asJSON {
				write = now.printJSON
			}
			return errors.Join(err, write(cmd.OutOrStdout()))
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	command.Flags().BoolVar(&watch, "watch", false, "print it again every two seconds, until Ctrl-C")
	return command
}

// status is the state of the whole deployment, but for the disks, which are those of this host. Durations are seconds.
// Where a part could not be read, its error says why, and its other fields mean nothing.
type status struct {
	Error     string          `json:"error,omitempty"` // of the database, which has the processes, jobs and videos
	Processes []processStatus `json:"processes"`
	Jobs      []jobStatus     `json:"jobs"`
	Queue     queueStatus     `json:"queue"`
	Videos    videosStatus    `json:"videos"`
	LastHour  lastHourStatus  `json:"last_hour"`
	Disks     []diskStatus    `json:"disks"`

	Certificates []certificateStatus `json:"certificates,omitempty"` // those of this host, by DOMAIN
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
	Error       string `json:"error,omitempty"`
}

type videosStatus struct {
	Waiting       int `json:"waiting"`
	OldestWaiting int `json:"oldest_waiting"`
	Processing    int `json:"processing"`
	Published     int `json:"published"`
	Failed        int `json:"failed"`
	MissingFiles  int `json:"missing_files"` // of published ones
}

// lastHourStatus counts videos.
type lastHourStatus struct {
	Published int            `json:"published"`
	Failed    map[string]int `json:"failed"` // by the code of the failure
}

type diskStatus struct {
	Name    string `json:"name"`
	Path    string `json:"path"`
	Free    int64  `json:"free"`
	Reserve int64  `json:"reserve"`
	Low     bool   `json:"low"`
	Error   string `json:"error,omitempty"`
}

// status opens what it looks at; close closes it. The error joins all that could not be read; the rest is known even
// then.
func (a *app) status(ctx context.Context) (s status, err error) {
	s.Processes, s.Jobs, s.Disks = []processStatus{}, []jobStatus{}, []diskStatus{}
	s.Queue.Backend, s.LastHour.Failed = a.c.Queue.Backend, map[string]int{}
	errs := []error{s.readRows(ctx, a)}
	s.Error = reason(errs[0])
	if a.db == nil && a.c.Queue.Backend == "embedded" { // the queue is in the database
		s.Queue.Error = s.Error
	} else {
		err := s.readQueue(ctx, a)
		s.Queue.Error = reason(err)
		errs = append(errs, err)
	}
	return s, errors.Join(append(errs, s.addDisks(a), s.addCertificates(a.c))...)
}

// reason returns what an error says, on one line; "" if it is nil.
func reason(err error) string {
	if err == nil {
		return ""
	}
	return oneLine(err.Error())
}

// readRows adds what the database knows.
func (s *status) readRows(ctx context.Context, a *app) error {
	if err := a.openDatabase(ctx); err != nil {
		return err
	}
	alive, err := roster.Alive(ctx, a.db)
	if err != nil {
		return err
	}
	s.addProcesses(alive)
	census, err := media.New(media.Deps{DB: a.db, Logger: a.log}).Count(ctx)
	if err != nil {
		return err
	}
	s.addVideos(census)
	return nil
}

func (s *status) readQueue(ctx context.Context, a *app) error {
	if err := a.openQueue(ctx); err != nil {
		return err
	}
	stats, err := a.queue.Stats(ctx)
	if err != nil {
		return err
	}
	s.addQueue(a.c.Queue.Backend, stats)
	return nil
}

func seconds(d time.Duration) int { return int(d.Round(time.Second) / time.Second) }

func (s *status) addProcesses(alive []roster.Process) {
	for _, p := range alive {
		s.Processes = append(s.Processes, processStatus{
			Role: p.Role, Host: p.Host, PID: p.PID, Version: p.Version, Jobs: p.Jobs, Age: seconds(p.Age),
			Silent: seconds(p.Silent), Doing: append([]string{}, p.Doing...),
		})
	}
}

func (s *status) addVideos(o media.Census) {
	for _, j := range o.Jobs {
		s.Jobs = append(s.Jobs, jobStatus(j))
	}
	s.Videos = videosStatus{
		Waiting: o.Waiting, OldestWaiting: seconds(o.OldestWaiting), Processing: o.Processing,
		Published: o.Published, Failed: o.Failed, MissingFiles: o.MissingFiles,
	}
	s.LastHour = lastHourStatus(o.LastHour)
}

func (s *status) addQueue(backend string, q queue.Stats) {
	s.Queue = queueStatus{
		Backend: backend, Ready: q.Ready, InFlight: q.InFlight, Delayed: q.Delayed, Dead: q.Dead,
		OldestReady: seconds(q.OldestReady),
	}
}

// addDisks adds the volumes of this host that are there, and goes on after an error.
func (s *status) addDisks(a *app) error {
	var errs []error
	for _, v := range volumesOf(a.c) {
		if !exists(v.path) {
			continue
		}
		state, err := v.state()
		err = withVariable(v.variable, err)
		errs = append(errs, err)
		s.Disks = append(s.Disks, diskStatus{
			Name: v.name, Path: state.Path, Free: state.Free, Reserve: state.Reserve, Low: err == nil && state.Low(),
			Error: reason(err),
		})
	}
	return errors.Join(errs...)
}
