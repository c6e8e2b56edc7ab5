package app

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
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
		fmt.Fprintf(table, "queue\t%s: %d tasks ready%s, %d in flight, %d delayed, %d dead%s\n", s.Queue.Backend,
			s.Queue.Ready, inBrackets(s.Queue.OldestReady, "the oldest for "+words(s.Queue.OldestReady)),
			s.Queue.InFlight, s.Queue.Delayed, s.Queue.Dead, inBrackets(s.Queue.Dead, "app queue dead"))
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
	for _, c := range s.Certificates {
		fmt.Fprintf(table, "certificate\t%s: %s\n", c.Name, c.state())
	}
	return table.Flush()
}

func (s status) printProcesses(w io.Writer) {
	worker := map[string]string{} // by video
	fmt.Fprintln(w, "ROLE\tHOST\tPROCESS\tVERSION\tAGE\tSEEN\tJOBS\tVIDEOS")
	for _, p := range s.Processes {
		jobs := "-"
		if p.Jobs > 0 {
			jobs = fmt.Sprintf("%d of %d", len(p.Doing), p.Jobs)
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s ago\t%s\t%s\n", p.Role, p.Host, p.PID, p.Version,
			words(p.Age), words(p.Silent), jobs, strings.Join(p.Doing, " "))
		for _, video := range p.Doing {
			worker[video] = fmt.Sprintf("%s %d", p.Host, p.PID)
		}
	}
	if len(s.Processes) == 0 {
		fmt.Fprintln(w, "nothing runs")
	}
	if len(s.Jobs) > 0 {
		fmt.Fprintln(w, "\nVIDEO\tSTEP\tPERCENT\tATTEMPT\tWORKER")
	}
	for _, j := range s.Jobs {
		at := cmp.Or(worker[j.VideoID], "-") // it has begun since that process was seen
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\n", j.VideoID, j.Step, j.Percent, j.Attempt, at)
	}
}

func (s status) printVideos(w io.Writer) {
	if s.Error != "" {
		fmt.Fprintf(w, "processes\tunknown: %s\nvideos\tunknown\n", s.Error)
		return
	}
	waiting := inBrackets(s.Videos.Waiting, "the oldest for "+words(s.Videos.OldestWaiting))
	missing := inBrackets(s.Videos.MissingFiles,
		fmt.Sprintf("%d lack a file: app storage check", s.Videos.MissingFiles))
	fmt.Fprintf(w, "videos\t%d wait%s, %d in process, %d published%s, %d failed\n",
		s.Videos.Waiting, waiting, s.Videos.Processing, s.Videos.Published, missing, s.Videos.Failed)
	var reasons []string
	failed := 0
	for _, code := range slices.Sorted(maps.Keys(s.LastHour.Failed)) {
		failed += s.LastHour.Failed[code]
		reasons = append(reasons, fmt.Sprintf("%s %d", code, s.LastHour.Failed[code]))
	}
	fmt.Fprintf(w, "last hour\t%d published, %d failed%s\n",
		s.LastHour.Published, failed, inBrackets(failed, strings.Join(reasons, ", ")))
}

// inBrackets returns what there is to add to a number, unless that is 0.
func inBrackets(n int, text string) string {
	if n == 0 {
		return ""
	}
	return " (" + text + ")"
}

// words puts seconds into words.
func words(n int) string { return (time.Duration(n) * time.Second).String() }
