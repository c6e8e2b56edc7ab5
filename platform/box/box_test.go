package box

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	Main()
	if len(os.Args) > 2 && os.Args[1] == attackFlag {
		os.Exit(attack(os.Args[2], os.Args[3:]))
	}
	os.Exit(m.Run())
}

const attackFlag = "attack"

func attack(name string, args []string) int { return 0 }

// run runs a program in a box and returns what it wrote.
func run(t *testing.T, b *Box, c Command) (string, error) {
	t.Helper()
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	_, err := b.Run(t.Context(), c)
	return out.String(), err
}

func newBox(t *testing.T, without ...string) *Box {
	t.Helper()
	b, err := New(context.Background(), Options{Without: without})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAllWallsStand(t *testing.T) {
	for _, w := range newBox(t).Walls() {
		if w.Missing != "" {
			t.Errorf("%s: %s", w.Name, w.Missing)
		}
	}
}

func TestProgramRuns(t *testing.T) {
	out, err := run(t, newBox(t), Command{Path: "/usr/bin/ffmpeg", Args: []string{"-version"}})
	if err != nil || !strings.HasPrefix(out, "ffmpeg version") {
		t.Errorf("%v, %s", err, out)
	}
}
