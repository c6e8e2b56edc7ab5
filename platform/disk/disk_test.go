package disk_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"risingstars/platform/disk"
	"risingstars/platform/disk/disktest"
)

const mib = 1 << 20

// mount returns a file system of 64 MiB with a reserve of 16 MiB.
func mount(t *testing.T) (dir string, disks *disk.Disks, volume *disk.Volume) {
	t.Helper()
	dir = disktest.Mount(t, 64*mib)
	disks = disk.New(disk.Options{Reserve: 16 * mib, Largest: 8 * mib})
	return dir, disks, add(t, disks, dir)
}

func add(t *testing.T, disks *disk.Disks, dir string) *disk.Volume {
	t.Helper()
	v, err := disks.Add("files", dir)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func create(t *testing.T, dir string) *os.File {
	t.Helper()
	f, err := os.CreateTemp(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func wantFull(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, disk.ErrFull) {
		t.Errorf("%s: %v, want ErrFull", what, err)
	}
}

func TestTheReserveIsFivePercentUpToTenGiBAndTwoOfTheLargestFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	size := state(t, add(t, disk.New(disk.Options{}), dir)).Size
	for name, c := range map[string]struct {
		o    disk.Options
		want int64
	}{
		"by size":     {disk.Options{}, min(size/20, 10<<30)},
		"two files":   {disk.Options{Largest: 20 << 30}, 40 << 30},
		"as operator": {disk.Options{Reserve: 5, Largest: 20 << 30}, 5},
	} {
		if got := state(t, add(t, disk.New(c.o), dir)).Reserve; got != c.want {
			t.Errorf("%s: the reserve is %d, want %d", name, got, c.want)
		}
	}
}

func state(t *testing.T, v *disk.Volume) disk.State {
	t.Helper()
	s, err := v.State()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestClaimsAtOnceNeverUseTheReserve(t *testing.T) {
	t.Parallel()
	_, _, v := mount(t)
	var granted atomic.Int64
	var group sync.WaitGroup
	for range 200 {
		group.Go(func() {
			if _, err := v.Claim(mib); err == nil {
				granted.Add(1)
			}
		})
	}
	group.Wait()
	if s := state(t, v); granted.Load() != s.Free/mib-16 || s.Spare() < 0 || s.Spare() >= mib {
		t.Errorf("%d claims of 1 MiB are granted: %+v", granted.Load(), s)
	}
}

func TestFoldersOfOneVolumeShareItsClaims(t *testing.T) {
	t.Parallel()
	dir, disks, files := mount(t)
	work, err := disks.Add("work", filepath.Join(dir, "work"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := disks.Add("other", disktest.Mount(t, 64*mib))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := files.Claim(40 * mib); err != nil {
		t.Fatal(err)
	}
	_, err = work.Claim(20 * mib)
	wantFull(t, "a claim on the same volume", err)
	if _, err := other.Claim(20 * mib); err != nil {
		t.Errorf("a claim on another volume: %v", err)
	}
}

func TestAClaimIsGivenBackOnce(t *testing.T) {
	t.Parallel()
	_, _, v := mount(t)
	claim, err := v.Claim(40 * mib)
	if err != nil {
		t.Fatal(err)
	}
	claim.Use(30 * mib)
	if got := state(t, v).Claimed; got != 10*mib {
		t.Errorf("after use %d bytes are claimed", got)
	}
	claim.Use(30 * mib) // more than is left
	claim.Release()
	claim.Release()
	if got := state(t, v).Claimed; got != 0 {
		t.Errorf("after the release %d bytes are claimed", got)
	}
}

// On the database's volume nothing is claimed, but below its reserve nothing new is accepted.
func TestTheVolumeOfTheDatabaseIsOnlyWatched(t *testing.T) {
	t.Parallel()
	dir, disks, _ := mount(t)
	data := disktest.Mount(t, 64*mib)
	if _, err := disks.Watch("data", data); err != nil {
		t.Fatal(err)
	}
	filler := disktest.FillTo(t, data, 20*mib)
	borrowed, err := disks.Borrow(40 * mib)
	if err != nil {
		t.Fatal(err)
	}
	borrowed.Release()
	if low := disks.Low(); low != nil || disks.Check() != nil {
		t.Errorf("no file arrives on it, and above its reserve it is reported as %q", low)
	}
	disktest.FillTo(t, data, 15*mib)
	wantFull(t, "Check", disks.Check())
	if low := disks.Low(); len(low) != 1 || !strings.Contains(low[0], data) {
		t.Errorf("%q is low, want %s and not %s", low, data, dir)
	}
	if err := os.Remove(filler); err != nil || disks.Check() != nil {
		t.Errorf("after a deletion: %v, %v", err, disks.Check())
	}
}

func TestAcceptedWorkMayUseHalfOfTheReserve(t *testing.T) {
	t.Parallel()
	dir, disks, v := mount(t)
	disktest.FillTo(t, dir, 16*mib-4096)
	wantFull(t, "Check", disks.Check())
	_, err := v.Claim(1)
	wantFull(t, "Claim", err)
	borrowed, err := disks.Borrow(7 * mib)
	if err != nil {
		t.Fatal(err)
	}
	_, err = disks.Borrow(2 * mib)
	wantFull(t, "beyond the half", err)
	borrowed.Release()
	if _, err = disks.Borrow(2 * mib); err != nil {
		t.Errorf("after the release: %v", err)
	}
}

// Another process on the same disk sees what was claimed for a file, and nothing remains allocated in the end.
func TestAFileIsAllocatedBeforeItsContentArrives(t *testing.T) {
	t.Parallel()
	dir, _, v := mount(t)
	before := disktest.Free(t, dir)
	f := create(t, dir)
	claim, err := v.Claim(20 * mib)
	if err == nil {
		err = claim.Allocate(f)
	}
	if err != nil {
		t.Fatal(err)
	}
	if taken := before - disktest.Free(t, dir); taken < 20*mib || state(t, v).Claimed != 0 {
		t.Errorf("%d bytes are taken, and %d counted", taken, state(t, v).Claimed)
	}
	if _, err := f.Write(make([]byte, mib)); err != nil {
		t.Fatal(err)
	}
	claim.Use(mib)
	claim.Release()
	if err := disk.Trim(f); err != nil {
		t.Fatal(err)
	}
	if taken := before - disktest.Free(t, dir); taken < mib || taken > 2*mib {
		t.Errorf("%d bytes are taken by a file of 1 MiB", taken)
	}
	if info, err := f.Stat(); err != nil || info.Size() != mib {
		t.Errorf("the file has %d bytes (%v)", info.Size(), err)
	}
	if claim, err = v.Claim(40 * mib); err != nil {
		t.Fatal(err)
	}
	disktest.Fill(t, dir, 30*mib) // by another program
	wantFull(t, "more than is free by now", claim.Allocate(create(t, dir)))
	if got := state(t, v).Claimed; got != 0 {
		t.Errorf("then %d bytes are claimed", got)
	}
}

func TestALowVolumeIsReported(t *testing.T) {
	t.Parallel()
	dir := disktest.Mount(t, 64*mib)
	registry := prometheus.NewRegistry()
	disks := disk.New(disk.Options{Reserve: 16 * mib, Largest: 8 * mib, Registerer: registry})
	v := add(t, disks, dir)
	if low := disks.Low(); low != nil || disks.Check() != nil || disks.Exhausted() {
		t.Fatalf("an empty volume: %q, %v", low, disks.Check())
	}
	filler := disktest.FillTo(t, dir, 20*mib)
	low := disks.Low()
	if len(low) != 1 || !strings.HasPrefix(low[0], "20 MiB are free in "+dir) || !strings.Contains(low[0], " 16 MiB") {
		t.Errorf("no room for the largest file is reported as %q", low)
	}
	if disks.Check() != nil || disks.Exhausted() {
		t.Error("above the reserve, small files are refused")
	}
	claim, err := v.Claim(4 * mib)
	if err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if m := f.GetMetric()[0]; m.GetGauge().GetValue() != 16*mib || m.GetLabel()[0].GetValue() != "files" {
			t.Errorf("%s is %v", f.GetName(), m)
		}
	}
	if len(families) != 2 {
		t.Errorf("the metrics are %v", families)
	}
	claim.Release()
	disktest.Fill(t, dir, -1)
	if !disks.Exhausted() {
		t.Error("a full volume is not reported as exhausted")
	}
	err = os.WriteFile(filepath.Join(dir, "one-more"), make([]byte, mib), 0o600)
	if wantFull(t, "a write", disk.Explain(err)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a write on a full volume: %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if low := disks.Low(); low != nil {
		t.Errorf("after a deletion: %q", low)
	}
}

func TestWithoutDisksThereIsRoom(t *testing.T) {
	t.Parallel()
	var disks *disk.Disks
	var v *disk.Volume
	claim, err := v.Claim(1 << 60)
	if err == nil {
		err = claim.Allocate(create(t, t.TempDir()))
	}
	borrowed, err2 := disks.Borrow(1 << 60)
	if err := errors.Join(err, err2, disks.Check()); err != nil || disks.Low() != nil || disks.Exhausted() {
		t.Fatal(err)
	}
	claim.Use(1)
	claim.Release()
	borrowed.Release()
}

func TestTheBallastIsDroppedOnAFullVolumeAndComesBack(t *testing.T) {
	t.Parallel()
	dir, disks, _ := mount(t)
	ballast := disk.NewBallast(filepath.Join(dir, "ballast"))
	keep := func(wantDropped bool) {
		t.Helper()
		dropped, err := ballast.Keep(disks.Exhausted(), disks.Low() != nil)
		if err != nil || dropped != wantDropped {
			t.Fatalf("dropped: %t (%v)", dropped, err)
		}
	}
	before := disktest.Free(t, dir)
	keep(false)
	keep(false)
	if taken := before - disktest.Free(t, dir); taken < 8*mib || taken > 9*mib {
		t.Fatalf("the ballast takes %d bytes", taken)
	}
	filler := disktest.Fill(t, dir, -1)
	keep(true)
	if free := disktest.Free(t, dir); free < 8*mib {
		t.Fatalf("%d bytes are free", free)
	}
	keep(false) // the volume is low, so the ballast stays away
	if free := disktest.Free(t, dir); free < 8*mib {
		t.Fatalf("%d bytes are free", free)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	keep(false)
	if taken := before - disktest.Free(t, dir); taken < 8*mib {
		t.Errorf("the ballast is not back: %d bytes are taken", taken)
	}
}
