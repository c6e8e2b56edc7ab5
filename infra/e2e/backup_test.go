package e2e

import (
	"bufio"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"risingstars/platform/storage/s3store/s3test"
)

// backups lists the names of a place's backups, the latest first.
func (s *site) backups(t *testing.T, place string) (names []string) {
	t.Helper()
	out, errs, code := s.runApp(t, "backup", "list", place)
	if code != 0 {
		t.Fatalf("backup list: exit code %d, %s%s", code, out, errs)
	}
	for line := range strings.Lines(out) {
		name, _, _ := strings.Cut(line, ":")
		names = append(names, name)
	}
	return names
}

// wantWhole fails the test unless the backup is what was written.
func (s *site) wantWhole(t *testing.T, place string, flags ...string) {
	t.Helper()
	out, errs, code := s.runApp(t, append([]string{"backup", "verify", place}, flags...)...)
	if code != 0 || !strings.Contains(out, "It is whole.") {
		t.Errorf("verify: exit code %d, %s%s", code, out, errs)
	}
}

// restoreInto restores a backup into a new site of the stage, on which nothing runs yet.
func (s *site) restoreInto(t *testing.T, place string) *site {
	t.Helper()
	to := &site{DataDir: t.TempDir()}
	if err := os.Symlink(sharedBumpers(t), filepath.Join(to.DataDir, "bumpers")); err != nil {
		t.Fatal(err)
	}
	if stage() != embedded {
		to.useSuiteServers(t, newDatabase(t, "template1"))
		for i, setting := range to.settings {
			if strings.HasPrefix(setting, "SECRET_KEY=") {
				to.settings[i] = "SECRET_KEY=" + s.secret(t)
			}
		}
	}
	if out, errs, code := to.runApp(t, "restore", place); code != 0 {
		t.Fatalf("restore: exit code %d, %s%s", code, out, errs)
	}
	if stage() != embedded {
		template(t, serverURL(t, "TEST_POSTGRES_URL")) // makes the user
		app := []string{"DATABASE_APP_URL=" + asAppUser(t, to.database)}
		if out, errs, code := to.runAppWith(t, app, "migrate", "up"); code != 0 {
			t.Fatalf("migrate up: exit code %d, %s%s", code, out, errs)
		}
		to.useAppUser(t)
	}
	return to
}

// busy lets people upload, vote, take votes back and delete, until stop is called.
func (s *site) busy(t *testing.T) (stop func()) {
	t.Helper()
	const unprocessed = `SELECT COUNT(*) AS n FROM media_videos WHERE status IN ('uploaded', 'processing')`
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for range 2 {
		ana, voter := s.newPerson(t, ""), s.newPerson(t, "Cali")
		clip, ids := tinyClip(t), []string{}
		group.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				if n == 0 || n%50 == 0 && s.queryInt(t, unprocessed) < 10 {
					ids = append(ids, ana.upload(t, clip, "Canción "+strconv.Itoa(n)))
				}
				if n%200 == 130 && len(ids) > 1 {
					ana.delete(t, ids[0]) // refused once it has votes
					ids = ids[1:]
				}
				method := []string{http.MethodPost, http.MethodDelete}[n/len(ids)%2]
				s.do(t, method, "/api/public/videos/"+ids[n%len(ids)]+"/vote", voter.Token, "", nil)
				time.Sleep(20 * time.Millisecond) // the pace of the load
			}
		})
	}
	return func() {
		cancel()
		group.Wait()
	}
}

// While people upload, vote and delete, backups are made again and again, some are killed in the middle, and each that
// is there can be restored: no row lacks its file, and the counters equal the votes.
func TestABackupUnderLoadIsWhole(t *testing.T) {
	onlyInStage(t, embedded, onehost)
	t.Parallel()
	s := newSite(t)
	env := []string{"RATE_LIMITS=false", "UPLOADS_UNPUBLISHED_PER_ACCOUNT=0", "UPLOADS_PER_DAY_PER_ACCOUNT=0"}
	s.start(t, env...)
	folder, file := t.TempDir(), filepath.Join(t.TempDir(), "one.tar")
	stop := s.busy(t)
	defer stop()
	ana := s.newPerson(t, "")
	first := ana.upload(t, tinyClip(t), "Primera")
	ana.waitForFinal(t, first)
	ana.post(t, "/api/public/videos/"+first+"/vote", ana.Token, nil).want(t, http.StatusOK, "")

	s.killInTheMiddle(t, folder, filepath.Join(folder, ".scratch", "*", "put-*"))
	s.killInTheMiddle(t, file, file+".*")
	if names := s.backups(t, folder); len(names) != 0 {
		t.Errorf("a killed backup is listed: %v", names)
	}
	s.keepBackingUp(t, folder)
	if out, errs, code := s.runApp(t, "backup", file); code != 0 {
		t.Fatalf("backup: exit code %d, %s%s", code, out, errs)
	}
	for _, left := range []string{filepath.Join(folder, ".scratch", "scratch-*"), file + ".*"} {
		if found, err := filepath.Glob(left); err != nil || len(found) > 0 {
			t.Errorf("killed backups have left %v (%v)", found, err)
		}
	}
	stop()
	for _, place := range []string{folder, file} {
		s.wantWhole(t, place)
		to := s.restoreInto(t, place)
		for _, f := range to.checkStorage(t, "--repair") {
			if f.Kind != "unnamed_file" || !f.Repaired {
				t.Errorf("the restore of %s lost %+v", place, f)
			}
		}
		to.wantNothingFound(t)
		to.start(t, env...)
		to.login(t, ana.Email, password).want(t, http.StatusOK, "")
		if n := to.queryInt(t, `SELECT COUNT(*) AS n FROM voting_votes`); n == 0 {
			t.Error("no vote is restored")
		}
		to.kill(t)
	}
}

// killInTheMiddle kills a backup while it writes a file that matches the pattern.
func (s *site) killInTheMiddle(t *testing.T, place, pattern string) {
	t.Helper()
	large := filepath.Join(s.DataDir, "files", "uploads", "large.mp4")
	f, err := os.Create(large)
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(large)
	const size = 2 << 30 // without a block on the disk
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := s.command(t, "backup", place)
	cmd.Env = append(cmd.Env, "DISK_RESERVE_BYTES=1048576", "MAX_UPLOAD_BYTES=1048576")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	for deadline := time.Now().Add(waitTimeout); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		for _, path := range glob(t, pattern) {
			if info, err := os.Stat(path); err == nil && info.Size() > 8<<20 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				_ = cmd.Wait()
				if cmd.ProcessState.Exited() {
					t.Fatal("the backup ended before it was killed")
				}
				if len(glob(t, pattern)) == 0 {
					t.Error("the killed backup has left nothing, so nothing can be removed")
				}
				return
			}
		}
	}
	t.Fatal("the backup writes nothing")
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// keepBackingUp runs a backup that goes on by itself until it has made five, of which it keeps two.
func (s *site) keepBackingUp(t *testing.T, place string) {
	t.Helper()
	cmd := s.command(t, "backup", place, "--every=1s", "--keep=2")
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	atMoment(t, "there are five backups, one after the other", func() bool {
		names := glob(t, filepath.Join(place, "snapshots", "*.json"))
		for _, name := range names {
			seen[name] = true
		}
		if len(names) > 3 { // while the oldest is about to be deleted
			t.Errorf("%d backups are kept", len(names))
		}
		return len(seen) >= 5
	})
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || strings.Contains(out.String(), "failed") {
		t.Errorf("asked to stop: %v\n%s", err, &out)
	}
	names := s.backups(t, place)
	if len(names) < 2 || len(names) > 3 {
		t.Errorf("the place has %v", names)
	}
	for _, name := range names {
		s.wantWhole(t, place, "--name="+name)
	}
	s.wantBackupTime(t, names[0])

	// Started again, it waits until the next one is due.
	again := s.command(t, "backup", place, "--every=24h")
	log, err := again.StderrPipe()
	if err == nil {
		err = again.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	said, err := bufio.NewReader(log).ReadString('\n')
	if !strings.Contains(said, "the next backup is not due yet") {
		t.Errorf("it says %q (%v)", said, err)
	}
	if err := again.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := again.Wait(); err != nil || !slices.Equal(s.backups(t, place), names) {
		t.Errorf("%v, and %v become %v", err, names, s.backups(t, place))
	}
}

// wantBackupTime fails the test unless metric and doctor tell the moment of the backup.
func (s *site) wantBackupTime(t *testing.T, name string) {
	t.Helper()
	at, err := time.Parse("20060102-150405", name)
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^backup_last_success_timestamp_seconds (\S+)$`).
		FindStringSubmatch(string(s.get(t, "/metrics", "").Body))
	if line == nil {
		t.Fatal("no metric tells the moment of the backup")
	}
	if told, err := strconv.ParseFloat(line[1], 64); err != nil || int64(told) != at.Unix() {
		t.Errorf("the metric tells %s, the backup is of %d (%v)", line[1], at.Unix(), err)
	}
	says := "the latest complete one is of " + at.Format(time.RFC3339)
	if out, _, _ := s.runApp(t, "doctor"); !strings.Contains(out, says) {
		t.Errorf("doctor prints\n%s", out)
	}
}

// A backup of the embedded stage is restored in each stage, with all ids: people stay signed in, and their videos keep
// their addresses and votes.
func TestABackupMovesUpWithItsPeople(t *testing.T) {
	onlyInStage(t, onehost, aws)
	t.Parallel()
	skipIfShort(t)
	from := &site{DataDir: t.TempDir(), log: &logBuffer{}}
	if err := os.Symlink(sharedBumpers(t), filepath.Join(from.DataDir, "bumpers")); err != nil {
		t.Fatal(err)
	}
	from.startRole(t, "serve")
	ana, voter := from.newPerson(t, "Cali"), from.newPerson(t, "")
	id := ana.upload(t, tinyClip(t), "Canción")
	if v := ana.waitForFinal(t, id); v.Status != "processed" {
		t.Fatalf("the video is %+v", v)
	}
	vote := "/api/public/videos/" + id + "/vote"
	voter.post(t, vote, voter.Token, nil).want(t, http.StatusOK, "")
	archive := filepath.Join(t.TempDir(), "contest.tar")
	if out, errs, code := from.runApp(t, "backup", archive); code != 0 {
		t.Fatalf("backup: exit code %d, %s%s", code, out, errs)
	}
	if code := from.stop(t); code != 0 {
		t.Fatalf("exit code %d", code)
	}

	to := from.restoreInto(t, archive)
	to.wantNothingFound(t)
	to.start(t)
	ana.site, voter.site = to, to
	to.login(t, ana.Email, password).want(t, http.StatusOK, "")
	v := ana.video(t, id) // with the token of before
	if v.Votes != 1 || v.UserID != ana.ID && v.UserID != "" || v.Title != "Canción" || v.Status != "processed" {
		t.Errorf("the video has become %+v", v)
	}
	for _, link := range []string{v.ProcessedURL, v.PosterURL, v.OriginalURL} {
		to.get(t, link, "").want(t, http.StatusOK, "")
	}
	voter.post(t, vote, voter.Token, nil).want(t, http.StatusBadRequest, "already_voted")
	if next := ana.waitForFinal(t, ana.upload(t, tinyClip(t), "Otra")); next.Status != "processed" {
		t.Errorf("a new video is %+v", next)
	}
	to.wantNothingFound(t)
	if stage() == aws {
		to.moveByBucket(t, 2)
	}
}

// moveByBucket backs the site up, whose files are in a bucket, into another bucket, and restores that elsewhere.
func (s *site) moveByBucket(t *testing.T, videos int) {
	t.Helper()
	place := "s3://" + s3test.New(t).Name + "/some/where"
	if out, errs, code := s.runApp(t, "backup", place, "--keep=1"); code != 0 {
		t.Fatalf("backup: exit code %d, %s%s", code, out, errs)
	}
	if names := s.backups(t, place); len(names) != 1 {
		t.Errorf("%s has the backups %v", place, names)
	}
	to := s.restoreInto(t, place)
	to.wantNothingFound(t)
	if n := to.queryInt(t, `SELECT COUNT(*) AS n FROM media_videos WHERE status = 'processed'`); n != videos {
		t.Errorf("%d videos are restored, want %d", n, videos)
	}
}
