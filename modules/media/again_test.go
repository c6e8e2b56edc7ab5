package media

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"risingstars/modules/media/internal/ffmpeg"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/idempotency"
)

// postWithKey posts a body as ana with the Idempotency-Key k, and decodes the answer.
func postWithKey(t *testing.T, url, contentType, body string, answer any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer ana")
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Idempotency-Key", "k")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(answer); err != nil || response.StatusCode >= 300 {
		t.Fatalf("%s: %d %+v (%v)", url, response.StatusCode, answer, err)
	}
}

// An original is found by the id that begins its name, also if the client has chosen the key of its upload, and if an
// attempt before was cut off and has left its file.
func TestTheOriginalOfAnUploadWithAKeyIsNamed(t *testing.T) {
	t.Parallel()
	ways := map[string]struct {
		path   string
		upload func(t *testing.T, s *studio, url string) (videoID string)
	}{
		"form": {"/api/videos/upload", func(t *testing.T, _ *studio, url string) string {
			t.Helper()
			form := titlePart + strings.Replace(filePart, "{clip}", string(notReallyAVideo()), 1) + "--b--\r\n"
			var v uploadBody
			postWithKey(t, url, "multipart/form-data; boundary=b", form, &v)
			return v.VideoID
		}},
		"direct": {"/api/videos/uploads", func(t *testing.T, s *studio, url string) string {
			t.Helper()
			var begun directBody
			about := fmt.Sprintf(`{"title": "Hola", "content_type": "video/mp4", "size": %d}`, len(mp4Head))
			postWithKey(t, url, "application/json", about, &begun)
			u, err := s.direct.owned(t.Context(), "ana", begun.UploadID)
			if err != nil {
				t.Fatal(err)
			}
			s.put(t, u, mp4Head)
			s.wantFound(t, true) // its parts are no file, and its row names the file
			v, err := s.direct.complete(t.Context(), "ana", u.ID, nil)
			if err != nil {
				t.Fatal(err)
			}
			return v.ID
		}},
	}
	for name, way := range ways {
		for _, resumes := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, resumed %t", name, resumes), func(t *testing.T) {
				t.Parallel()
				databasetest.Each(t, append(owners, idempotency.Migrations()), func(t *testing.T, db *database.DB) {
					s := setupOn(t, db)
					var subject string
					if resumes { // the first attempt has stored its file, and then its process was killed
						claim, err := idempotency.New(db).Claim(t.Context(), "ana", "POST "+way.path, "k")
						if err != nil {
							t.Fatal(err)
						}
						subject = claim.Subject
						_, err = s.receiveAs(t.Context(), subject, newReader(notReallyAVideo()), largest, nil)
						if err := errors.Join(err, claim.Release(t.Context(), false)); err != nil {
							t.Fatal(err)
						}
					}
					id := way.upload(t, s, s.serve(t)+way.path)
					if resumes && id != subject {
						t.Errorf("the video is %s, want %s", id, subject)
					}
					v := s.read(t, id).video()
					if !strings.HasPrefix(v.OriginalKey, "uploads/"+id) || videoOf(v.OriginalKey) != id {
						t.Errorf("the original of %s is %s", id, v.OriginalKey)
					}
					s.wantFound(t, true)
					s.pass(t, longestGrace)
					s.sweep(t)
					s.wantFiles(t, v.OriginalKey)
					if err := s.store.orphan(t.Context(), 0, v.OriginalKey); err != nil { // by an old version
						t.Fatal(err)
					}
					s.sweep(t)
					s.wantFiles(t, v.OriginalKey)
					s.wantOrphans(t, 0)
				})
			})
		}
	}
}

// The second attempt cannot have a row, because the first one has that. It leaves only what is the first one's.
func TestAnAttemptThatDoesNotBeginLeavesTheEarlierOne(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		id, mp4 := newID(), ffmpeg.Containers()[0]
		begin := func() (directUpload, error) {
			return s.direct.begin(t.Context(), "ana", id, details{Title: "Song"}, mp4, int64(len(mp4Head)))
		}
		first, err := begin()
		if err != nil {
			t.Fatal(err)
		}
		s.put(t, first, mp4Head)
		if u, err := begin(); err == nil {
			t.Fatalf("two uploads have the id: %+v", u)
		}
		s.wantDirect(t, 1)
		v, err := s.direct.complete(t.Context(), "ana", id, nil)
		if err != nil || v.OriginalKey != first.Key {
			t.Fatalf("%+v (%v), want the video of %s", v, err, first.Key)
		}
		s.pass(t, longestGrace)
		s.sweep(t)
		s.wantFiles(t, first.Key)
		s.wantOrphans(t, 0)
	})
}

// The connection breaks whenever several mocks are committed together. Written again, each alone, they would succeed.
func TestNoMockIsWrittenAgainAfterACommitOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	s := setupOn(t, databasetest.OpenPostgreSQL(t, owners...))
	s.exec(t, `
		CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF (SELECT COUNT(*) FROM media_videos WHERE xmin = pg_current_xact_id()::xid) > 1 THEN
				PERFORM pg_terminate_backend(pg_backend_pid());
			END IF;
			RETURN NULL;
		END $$`)
	s.exec(t, `CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON media_videos DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION at_commit()`)
	var (
		mu      sync.Mutex
		keys    []string
		unknown int
	)
	for round := 0; unknown == 0; round++ {
		if round == 20 {
			t.Fatal("no mocks were written together")
		}
		var files []*original
		for range 20 {
			o, err := s.receive(t.Context(), newReader(notReallyAVideo()), largest)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, o)
		}
		var begun, all sync.WaitGroup
		err := s.db.InTx(t.Context(), func(ctx context.Context) error {
			// Nobody can adopt a file until all have begun.
			_, err := s.db.Exec(ctx, `UPDATE media_unclaimed_files SET tries = tries`)
			for _, o := range files {
				begun.Add(1)
				all.Go(func() {
					begun.Done()
					v, err := s.acceptMock(t.Context(), "ana", o, details{Title: "Song"})
					mu.Lock()
					defer mu.Unlock()
					switch {
					case err == nil:
						keys = append(keys, v.OriginalKey)
					case errors.Is(err, database.ErrUnknownOutcome):
						unknown++
					default:
						t.Errorf("a mock fails: %v", err)
					}
				})
			}
			begun.Wait()
			return err
		})
		all.Wait()
		if err != nil {
			t.Fatal(err)
		}
	}
	s.wantFiles(t, keys...)
	s.wantOrphans(t, 0)
}

// Whoever does not know whether the file is listed lists it again.
func TestAFileMayBeListedAsAnOrphanAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		file := &arrival{ctx: t.Context(), key: "uploads/" + newID() + ".mp4"}
		for range 2 {
			if err := s.arrivals.insertOrphans(t.Context(), []*arrival{file}); err != nil {
				t.Fatal(err)
			}
		}
		s.wantOrphans(t, 1)
		s.pass(t, uploadGrace+time.Minute)
		s.sweep(t)
		s.wantOrphans(t, 0)
	})
}

// The answer to the beginning was lost, and the upload has become a video meanwhile: whoever begins again with the same
// key has nothing left to send, and gets that video.
func TestABeginningThatBecameAVideoHasNothingLeftToSend(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, append(owners, idempotency.Migrations()), func(t *testing.T, db *database.DB) {
		s := setupOn(t, db)
		const path = "/api/videos/uploads"
		claim, err := idempotency.New(db).Claim(t.Context(), "ana", "POST "+path, "k")
		if err != nil {
			t.Fatal(err)
		}
		u, err := s.direct.begin(t.Context(), "ana", claim.Subject, details{Title: "Hola"}, ffmpeg.Containers()[0],
			int64(len(mp4Head)))
		if err = errors.Join(err, claim.Release(t.Context(), false)); err != nil {
			t.Fatal(err)
		}
		s.put(t, u, mp4Head)
		first, err := s.direct.complete(t.Context(), "ana", u.ID, nil)
		if err != nil {
			t.Fatal(err)
		}
		var again directBody
		about := fmt.Sprintf(`{"title": "Hola", "content_type": "video/mp4", "size": %d}`, len(mp4Head))
		postWithKey(t, s.serve(t)+path, "application/json", about, &again)
		if again.UploadID != first.ID || len(again.Parts) != 1 || !again.Parts[0].Received ||
			again.Parts[0].URL != nil {
			t.Errorf("begun again: %+v", again)
		}
		s.wantDirect(t, 0)
		if v, err := s.direct.complete(t.Context(), "ana", again.UploadID, nil); err != nil || v.ID != first.ID {
			t.Errorf("completed again: %+v, %v", v, err)
		}
		s.wantFiles(t, first.OriginalKey)
	})
}
