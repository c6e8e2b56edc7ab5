package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// gauges are the worker's figures about its tasks.
type gauges struct {
	ready, running, dead float64
	done                 float64 // jobs that succeeded
	handled, seconds     float64 // jobs that ended, and how long they took together
}

// gauges reads the worker's metrics.
func (s *site) gauges(ctx context.Context) (g gauges, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.metrics, nil)
	if err != nil {
		return g, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return g, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return g, fmt.Errorf("status %d", response.StatusCode)
	}
	return readGauges(response.Body)
}

func readGauges(r io.Reader) (g gauges, err error) {
	const job = `{kind="media.process"`
	wanted := map[string]*float64{
		`queue_depth{state="ready"}`: &g.ready, `queue_depth{state="in_flight"}`: &g.running,
		`queue_depth{state="dead"}`:                     &g.dead,
		`queue_tasks_total` + job + `,outcome="done"}`:  &g.done,
		`queue_task_duration_seconds_count` + job + `}`: &g.handled,
		`queue_task_duration_seconds_sum` + job + `}`:   &g.seconds,
	}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), "} ")
		if to, ok := wanted[name+"}"]; ok {
			if *to, err = strconv.ParseFloat(value, 64); err != nil {
				return g, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return g, lines.Err()
}
