package box

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// holey returns an empty file of a size.
func holey(t testing.TB, size int64) *os.File {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "holes"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	if err := file.Truncate(size); err != nil {
		t.Fatal(err)
	}
	return file
}

// sum is the run of a program that reads the file from its beginning to its end, and prints a checksum.
func sum(t testing.TB, file *os.File, before func(ctx context.Context, from, to int64) error) Command {
	t.Helper()
	path, err := exec.LookPath("md5sum")
	if err != nil {
		t.Fatal(err)
	}
	return Command{
		Path: path, Args: []string{file.Name()}, Read: []string{file.Name()}, Reads: &Reads{File: file, Before: before},
	}
}

// output runs a program and returns what it wrote.
func output(t *testing.T, b *Box, c Command) (string, error) {
	t.Helper()
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	_, err := b.Run(t.Context(), c)
	return out.String(), err
}

// Whichever walls stand, also in a namespace, which is what closes the network without a filter of calls.
func TestReadsWaitForTheirBytes(t *testing.T) {
	t.Parallel()
	const size = 3_000_000
	content := bytes.Repeat([]byte("curtain"), size/7+1)[:size]
	want := fmt.Sprintf("%x", md5.Sum(content))
	for _, without := range [][]string{nil, {Calls}, {Files}, {Files, Calls, Network}} {
		b := newBox(t, without...)
		if !b.CanWait() {
			t.Fatalf("without %q, this kernel does not hand over reads", without)
		}
		file := holey(t, size)
		var end int64
		out, err := output(t, b, sum(t, file, func(_ context.Context, from, to int64) error {
			if from > end || to <= from {
				t.Errorf("a read from %d to %d, after one to %d", from, to, end)
			}
			end = max(end, to)
			_, err := file.WriteAt(content[min(from, size):min(to, size)], from)
			return err
		}))
		if err != nil || !strings.HasPrefix(out, want) {
			t.Errorf("without %q, the program read something else: %s %v, want %s", without, out, err, want)
		}
	}
}

func TestReadsFailIfTheirBytesCannotBeHad(t *testing.T) {
	t.Parallel()
	file := holey(t, 1<<20)
	out, err := output(t, newBox(t), sum(t, file, func(_ context.Context, from, _ int64) error {
		if from > 1<<19 {
			return errors.New("no more")
		}
		return nil
	}))
	if exit, failed := errors.AsType[*exec.ExitError](err); !failed || !strings.Contains(out, "Input/output error") {
		t.Errorf("%v %v: %s", err, exit, out)
	}
}

// A run ends at once although its program waits, and nothing of it is left.
func TestReadsThatWaitCanBeStopped(t *testing.T) {
	b := newBox(t)
	goroutines := runtime.NumGoroutine()
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		c := sum(t, holey(t, 1<<20), func(ctx context.Context, _, _ int64) error {
			cancel()
			<-ctx.Done()
			return ctx.Err()
		})
		begin := time.Now()
		if _, err := b.Run(ctx, c); err == nil || ctx.Err() == nil {
			t.Errorf("the run ended by itself: %v", err)
		}
		if d := time.Since(begin); d > 10*time.Second {
			t.Errorf("it took %v to stop", d)
		}
	}
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > goroutines; {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), goroutines)
		}
		runtime.Gosched()
	}
}

// A program that is not there, or that ends before it reads, does not leave the run waiting.
func TestARunWithoutReadsEnds(t *testing.T) {
	t.Parallel()
	b, file := newBox(t), holey(t, 1)
	never := func(context.Context, int64, int64) error {
		t.Error("a read was answered")
		return nil
	}
	for path, works := range map[string]bool{"/none": false, "/usr/bin/ffmpeg": true} {
		c := Command{Path: path, Args: []string{"-version"}, Reads: &Reads{File: file, Before: never}}
		_, err := output(t, b, c)
		if (err == nil) != works {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func BenchmarkReads(b *testing.B) {
	around, err := New(b.Context(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	const size, block = 64 << 20, 32 << 10 // md5sum's, as ffmpeg's
	file := holey(b, size)
	for name, waits := range map[string]bool{"waiting": true, "free": false} {
		b.Run(name, func(b *testing.B) {
			reads := 0
			c := sum(b, file, func(context.Context, int64, int64) error { reads++; return nil })
			if !waits {
				c.Reads = nil
			}
			for b.Loop() {
				if _, err := around.Run(b.Context(), c); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(reads)/float64(b.N), "reads/op")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/(size/block), "µs/read")
		})
	}
}
