package app

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

func (s status) printJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(s)
}

func (s status) print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if s.Error == "" {
		s.printProcesses(table)
		if err := table.Flush(); err != nil {
			return err
		}
		fmt.Fprintln(table)
	}
	s.printVideos(table)
	if s.Queue.Error != "" {
		fmt.Fprintf(table, "queue\tunknown: %s\n", s.Queue.Error)
	} else {
		fmt.Fprintf(table, "queue\t%s: %d tasks ready, %d in flight, %d delayed, %d dead\n",
			s.Queue.Backend, s.Queue.Ready, s.Queue.InFlight, s.Queue.Delayed, s.Queue.Dead)
	}
	for _, d := range s.Disks {
		if d.Error != "" {
			fmt.Fprintf(table, "disk %s\tunknown: %s\n", d.Name, d.Error)
			continue
		}
		low := ""
		if d.Low {
			low = ": uploads are refused"
		}
		fmt.Fprintf(table, "disk %s\t%d MiB free in %s, of which %d MiB stay so%s\n",
			d.Name, d.Free>>20, d.Path, d.Reserve>>20, low)
	}
	return table.Flush()
}

func (s status) printProcesses(w io.Writer) {
	fmt.Fprintln(w, "ROLE\tHOST\tPROCESS\tVERSION\tAGE\tSEEN\tJOBS\tVIDEOS")
	for _, p := range s.Processes {
		jobs := "-"
		if p.Jobs > 0 {
			jobs = fmt.Sprintf("%d of %d", len(p.Doing), p.Jobs)
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s ago\t%s\t%s\n", p.Role, p.Host, p.PID, p.Version,
			words(p.Age), words(p.Silent), jobs, strings.Join(p.Doing, " "))
	}
	if len(s.Processes) == 0 {
		fmt.Fprintln(w, "nothing runs")
	}
	if len(s.Jobs) > 0 {
		fmt.Fprintln(w, "\nVIDEO\tSTEP\tPERCENT\tATTEMPT")
	}
	for _, j := range s.Jobs {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\n", j.VideoID, j.Step, j.Percent, j.Attempt)
	}
}

func (s status) printVideos(w io.Writer) {
	if s.Error != "" {
		fmt.Fprintf(w, "processes\tunknown: %s\nvideos\tunknown\n", s.Error)
		return
	}
	waiting := ""
	if s.Videos.Waiting > 0 {
		waiting = fmt.Sprintf(" (the oldest for %s)", words(s.Videos.OldestWaiting))
	}
	missing := ""
	if s.Videos.MissingFiles > 0 {
		missing = fmt.Sprintf(" (%d lack a file: app storage check)", s.Videos.MissingFiles)
	}
	fmt.Fprintf(w, "videos\t%d wait%s, %d in process, %d published%s, %d failed\n",
		s.Videos.Waiting, waiting, s.Videos.Processing, s.Videos.Published, missing, s.Videos.Failed)
}

// words puts seconds into words.
func words(n int) string { return (time.Duration(n) * time.Second).String() }
