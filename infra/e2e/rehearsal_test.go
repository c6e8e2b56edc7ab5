package e2e

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"risingstars/infra/contracttest"
)

// What operators and power cuts do to a whole site, one after another, while people upload and vote: everything is
// restarted in any order, a backup is restored, and the clock jumps. After each, files, rows and counters agree, every
// video is published once, and people sign in and vote.
func TestRehearsal(t *testing.T) {
	onlyInStage(t, embedded, onehost)
	t.Parallel()
	r := newRehearsal(t)
	r.restartEverything(t)
	r.restoreBackup(t)
	r.moveClock(t)
}

// rehearsal is a site with all that belongs to its stage.
type rehearsal struct {
	*soak
	began  time.Time
	rand   *rand.Rand
	parts  []*stagePart
	shell  []string // NAME=value for the commands of infra/BACKUP.md
	ana    *person
	voters []*person
	votes  map[*person]map[string]bool // by video, of each voter: whether it counts
	ends   atomic.Int64                // of parts
}

func newRehearsal(t *testing.T) *rehearsal {
	t.Helper()
	seed := rand.Uint64()
	if fixed, err := strconv.ParseUint(os.Getenv("TEST_SEED"), 10, 64); err == nil {
		seed = fixed
	}
	t.Logf("TEST_SEED=%d", seed)
	r := &rehearsal{
		soak: &soak{uploads: map[string]*person{}}, rand: rand.New(rand.NewPCG(seed, 0)),
		votes: map[*person]map[string]bool{}, began: time.Now(),
	}
	r.startStage(t)
	r.ana = r.newPerson(t, "")
	for range 2 {
		voter := r.newPerson(t, "Cali")
		r.voters, r.votes[voter] = append(r.voters, voter), map[string]bool{}
	}
	return r
}

// restartEverything ends each part by its signal and by force, in any order, and then all at once. Where the app needs
// a server to start, the server is there first.
func (r *rehearsal) restartEverything(t *testing.T) {
	t.Helper()
	stop := r.load(t)
	const leastRestarts = 6
	for round := range max(2, leastRestarts/len(r.parts)) {
		byForce := round%2 == 1
		for _, i := range r.rand.Perm(len(r.parts)) {
			part := r.parts[i]
			r.note(t, "restart %s, by force: %t", part.name, byForce)
			before := r.acknowledged()
			r.end(t, part, byForce)
			r.begin(t, part)
			r.waitForReady(t)
			atMoment(t, "uploads continue", func() bool { return r.acknowledged() > before })
		}
	}
	r.note(t, "restart everything")
	for _, i := range r.rand.Perm(len(r.parts)) {
		r.end(t, r.parts[i], r.rand.IntN(2) == 0)
	}
	for _, isServer := range []bool{true, false} {
		for _, i := range r.rand.Perm(len(r.parts)) {
			if r.parts[i].isServer == isServer {
				r.begin(t, r.parts[i])
			}
		}
	}
	r.waitForReady(t)
	stop()
	r.note(t, "everything runs again")
	r.pass(t, time.Minute) // for which the leases of killed workers hold at most
	r.wantAgreement(t)
}

func (r *rehearsal) note(t *testing.T, format string, args ...any) {
	t.Helper()
	t.Logf("%3.0f s: "+format, append([]any{time.Since(r.began).Seconds()}, args...)...)
}

func (r *rehearsal) acknowledged() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.uploads)
}

// end ends a part. A worker is spared while a video is in its last attempt, which would become a dead letter.
func (r *rehearsal) end(t *testing.T, part *stagePart, byForce bool) {
	t.Helper()
	if part.isWorker && !slices.ContainsFunc(r.parts, func(p *stagePart) bool { return p.isDown }) {
		const last = `SELECT COUNT(*) AS n FROM media_videos WHERE status = 'processing' AND attempt - forgiven > 2`
		eventually(t, "no video is in its last attempt", func() bool { return r.queryInt(t, last) == 0 })
	}
	part.end(t, byForce)
	part.isDown = true
	r.ends.Add(1)
}

func (r *rehearsal) begin(t *testing.T, part *stagePart) {
	t.Helper()
	part.start(t)
	part.isDown = false
}

// load uploads and votes until stop is called, which waits until all is acknowledged.
func (r *rehearsal) load(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	clip := readFile(t, tinyClip(t))
	go func() {
		defer close(done)
		for n := 0; ctx.Err() == nil; n++ {
			if n%20 == 0 && int64(r.acknowledged()) < 4+2*r.ends.Load() { // each must be processed in the end
				r.upload(t, r.ana, clip, fmt.Sprintf("Canción %d", n))
			}
			r.castVotes(t, n)
			select { // the pace of the load
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// castVotes lets a voter vote for a published video, or take the vote back.
func (r *rehearsal) castVotes(t *testing.T, n int) {
	voter := r.voters[n%len(r.voters)]
	r.mu.Lock()
	ids := make([]string, 0, len(r.uploads))
	for id := range r.uploads {
		ids = append(ids, id)
	}
	r.mu.Unlock()
	if len(ids) > 0 {
		id := ids[n/2%len(ids)]
		r.vote(t, voter, id, !r.votes[voter][id])
	}
}

// vote repeats a vote, or a withdrawal, until its outcome is known. An unpublished video has no votes.
func (r *rehearsal) vote(t *testing.T, voter *person, id string, cast bool) {
	method, repeated := http.MethodPost, "already_voted"
	if !cast {
		method, repeated = http.MethodDelete, "not_voted"
	}
	client := &http.Client{
		Timeout: 10 * time.Second, Transport: contracttest.Transport(t, &http.Transport{DisableKeepAlives: true}),
	}
	for deadline := time.Now().Add(waitTimeout); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		status, body := tryRequest(t, client, method, r.URL+"/api/public/videos/"+id+"/vote", voter.Token)
		switch {
		case status == http.StatusNotFound:
			return
		case status == http.StatusOK, status == http.StatusBadRequest && strings.Contains(body, repeated):
			r.votes[voter][id] = cast
			return
		case status != 0 && status < http.StatusInternalServerError:
			t.Errorf("a vote is answered with %d %s", status, body)
			return
		}
	}
	t.Errorf("a vote for %s is never acknowledged", id)
}

// wantAgreement waits until all is processed, and fails the test unless people, rows and files agree.
func (r *rehearsal) wantAgreement(t *testing.T) {
	t.Helper()
	r.waitForProcessing(t)
	r.note(t, "all is processed")
	r.waitForSweeper(t)
	eventually(t, "no work is in progress", func() bool {
		return len(r.temporaryFiles(t)) == 0 && r.countTasks(t) == 0
	})
	r.wantNothingFound(t)
	stored := r.queryInt(t, `SELECT COUNT(*) AS n FROM media_videos`)
	if n := r.queryInt(t, `SELECT COUNT(*) AS n FROM media_videos WHERE status = 'processed'`); n != stored {
		t.Errorf("%d of %d videos are processed", n, stored)
	}
	if files := r.storedFiles(t); len(files) != filesWithoutSmall*stored {
		t.Errorf("storage holds %d files of %d videos: %q", len(files), stored, files)
	}
	if n := r.queryInt(t, `SELECT COALESCE(MAX(attempt), 0) AS n FROM media_videos`); n > 1+int(r.ends.Load()) {
		t.Errorf("a video had %d attempts, although only %d parts were restarted", n, r.ends.Load())
	}
	for _, voter := range r.voters {
		r.login(t, voter.Email, password).want(t, http.StatusOK, "")
	}
	for id := range r.uploads {
		r.vote(t, r.voters[0], id, true)
	}
	for id, p := range r.uploads {
		want := 0
		for _, voter := range r.voters {
			if r.votes[voter][id] {
				want++
			}
		}
		if v := p.video(t, id); v.Status != "processed" || v.Votes != want {
			t.Errorf("%d votes are acknowledged for %+v", want, v)
		}
	}
	r.wantNothingFound(t)
	r.note(t, "%d videos stored, %d acknowledged", stored, len(r.uploads))
}

// restoreBackup follows infra/BACKUP.md. After the backup, a video that waited is processed, one is deleted, and others
// are uploaded; the latest of them waits when the site is stopped.
func (r *rehearsal) restoreBackup(t *testing.T) {
	t.Helper()
	deleted := r.publish(t, "Borrada")
	waiting := r.ana.uploadMock(t, tinyClip(t), "Espera")
	votes := map[*person]map[string]bool{}
	for voter, cast := range r.votes {
		votes[voter] = maps.Clone(cast)
	}
	r.note(t, "back up")
	r.follow(t, "back up")

	r.do(t, http.MethodDelete, "/api/videos/"+deleted, r.ana.Token, "", nil).want(t, http.StatusOK, "")
	r.processMocks(t)
	r.ana.waitForFinal(t, waiting)
	late := r.newPerson(t, "")
	lost := []string{r.publish(t, "Perdida"), r.ana.upload(t, tinyClip(t), "En la cola")}
	for id := range r.uploads {
		r.vote(t, r.voters[1], id, !r.votes[r.voters[1]][id])
	}
	r.stop(t)
	r.note(t, "restore")
	r.follow(t, "restore")
	r.votes = votes
	for _, id := range lost {
		delete(r.uploads, id)
	}

	found := r.checkStorage(t)
	if len(found) < 4 { // original, rendition and poster of one, the original of another
		t.Errorf("found after the restore: %+v", found)
	}
	for _, f := range found {
		if f.Kind != "unnamed_file" {
			t.Errorf("the restore lost %+v", f)
		}
	}
	for _, f := range r.checkStorage(t, "--repair") {
		if !f.Repaired {
			t.Errorf("not repaired: %+v", f)
		}
	}
	r.wantNothingFound(t)
	for _, part := range r.parts {
		if !part.isServer {
			part.start(t)
		}
	}
	r.waitForReady(t)
	r.processMocks(t) // the video that waited when the backup was taken
	r.uploads[waiting], r.uploads[deleted] = r.ana, r.ana
	r.wantAgreement(t)
	if n := r.queryInt(t, `SELECT attempt AS n FROM media_videos WHERE id = ?`, waiting); n != 1 {
		t.Errorf("the video that waited was processed %d times", n)
	}
	r.get(t, r.ana.video(t, deleted).ProcessedURL, "").want(t, http.StatusOK, "")
	for _, id := range lost {
		r.get(t, "/api/videos/"+id, r.ana.Token).want(t, http.StatusNotFound, "not_found")
	}
	r.get(t, "/api/auth/me", late.Token).want(t, http.StatusUnauthorized, "unauthenticated")
	r.login(t, late.Email, password).want(t, http.StatusUnauthorized, "bad_credentials")
}

// publish uploads a clip and waits until it is published.
func (r *rehearsal) publish(t *testing.T, title string) (id string) {
	t.Helper()
	id = r.ana.upload(t, tinyClip(t), title)
	if v := r.ana.waitForFinal(t, id); v.Status != "processed" {
		t.Fatalf("the video is %+v", v)
	}
	return id
}

// moveClock lets the database's clock jump while a clip waits or is processed: an hour and a day, forth and back.
func (r *rehearsal) moveClock(t *testing.T) {
	t.Helper()
	const day = 25 * time.Hour // longer than anything is kept that is a day old
	for _, d := range []time.Duration{time.Hour, -time.Hour, day, -day} {
		r.note(t, "the clock jumps by %s", d)
		id := r.ana.upload(t, tinyClip(t), "Hora "+d.String())
		r.uploads[id] = r.ana
		r.pass(t, d)
		if v := r.ana.waitForFinal(t, id); v.Status != "processed" {
			t.Errorf("the video is %+v", v)
		}
	}
	r.wantAgreement(t)
}

// pass moves every time in the tables the other way, in one transaction.
func (r *rehearsal) pass(t *testing.T, d time.Duration) {
	t.Helper()
	db := r.openDatabase(t)
	defer db.Close()
	err := db.InTx(t.Context(), func(ctx context.Context) error {
		for table, columns := range map[string][]string{
			"queue_tasks":           {"due_at", "died_at"},
			"media_videos":          {"lease_until", "sent_at", "failed_at", "uploaded_at", "processed_at"},
			"media_unclaimed_files": {"delete_after"},
			"media_direct_uploads":  {"expires_at", "retry_at"},
			"media_turns":           {"served_at"},
			"media_owners":          {"day_began"},
			"media_rounds":          {"lease_until", "began_at", "completed_at"},
			"voting_entries":        {"uploaded_at", "published_at"},
			"voting_votes":          {"created_at"},
			"voting_contestants":    {"joined_at", "reached_at"},
		} {
			for _, column := range columns {
				_, err := db.Exec(ctx, fmt.Sprintf(`UPDATE %s SET %s = %[2]s - ? WHERE %[2]s > ?`, table, column),
					d.Microseconds(), max(0, d.Microseconds()))
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
