package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// statusEvery is the pause between two looks of `app status --watch`.
const statusEvery = 2 * time.Second

// clearScreen moves the cursor to the top and deletes all below it (ECMA-48: CUP, ED).
const clearScreen = "\x1b[H\x1b[J"

// watchStatus prints what look returns again and again until ctx ends, which is no error. What cannot be read is part
// of the status, so that an outage is seen to begin and to end.
func watchStatus(
	ctx context.Context, out io.Writer, asJSON bool, look func(context.Context) (status, error),
) error {
	file, ok := out.(*os.File)
	redraw := ok && term.IsTerminal(int(file.Fd()))
	ticker := time.NewTicker(statusEvery)
	defer ticker.Stop()
	for {
		now, _ := look(ctx) // its error is in the status
		if ctx.Err() != nil {
			return nil
		}
		// One write, so that a terminal shows nothing in between, and whoever reads a pipe gets whole ones.
		var page bytes.Buffer
		if err := now.printAt(&page, time.Now(), asJSON, redraw); err != nil {
			return err
		}
		if _, err := page.WriteTo(out); err != nil {
			return fmt.Errorf("print the status: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (s status) printAt(w io.Writer, at time.Time, asJSON, redraw bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(s)
	}
	if redraw {
		fmt.Fprint(w, clearScreen)
	}
	fmt.Fprintf(w, "%s\n\n", at.UTC().Format(time.RFC3339))
	err := s.print(w)
	if !redraw {
		fmt.Fprintln(w)
	}
	return err
}
