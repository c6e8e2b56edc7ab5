package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"risingstars/modules/media/internal/ffmpeg"
	"risingstars/platform/fault"
	"risingstars/platform/storage"
)

// mp4Head is enough of an MP4 to recognise the container.
var mp4Head = []byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom")

func (s *studio) begin(t *testing.T, size int) directUpload {
	t.Helper()
	about := details{Title: "Mi canción", Start: 2 * time.Second}
	u, err := s.direct.begin(t.Context(), "ana", "", about, ffmpeg.Containers()[0], int64(size))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// put sends content as the only part of an upload.
func (s *studio) put(t *testing.T, u directUpload, content []byte) {
	t.Helper()
	target, err := s.bucket.PresignPart(t.Context(), u.Key, u.StorageID, 1, u.partSize(1), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	res := httptest.NewRecorder()
	err = s.files.Serve(res, httptest.NewRequest(http.MethodPut, target, strings.NewReader(string(content))))
	if err != nil || res.Code != http.StatusOK {
		t.Fatalf("PUT: %d, %v", res.Code, err)
	}
}

// assembled returns an upload whose file storage has assembled, but which has no video yet.
func (s *studio) assembled(t *testing.T) directUpload {
	t.Helper()
	u := s.begin(t, len(mp4Head))
	s.put(t, u, mp4Head)
	if err := s.direct.assemble(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	return u
}

// wantNothing fails the test if any upload has left something behind, after the grace time for late arrivals.
func (s *studio) wantNothing(t *testing.T) {
	t.Helper()
	s.pass(t, 2*directGrace)
	if err := s.sweepOrphans(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.wantFiles(t)
	s.wantOrphans(t, 0)
	s.wantDirect(t, 0)
}

func (s *studio) wantDirect(t *testing.T, want int) {
	t.Helper()
	var uploads struct{ N int }
	err := s.db.Query(t.Context(), &uploads, `SELECT COUNT(*) AS n FROM media_direct_uploads`)
	if err != nil || uploads.N != want {
		t.Errorf("%d direct uploads (%v), want %d", uploads.N, err, want)
	}
}

func TestADirectUploadBecomesAVideo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		u := s.begin(t, len(mp4Head))
		if _, err := s.direct.complete(t.Context(), "ana", u.ID, nil); !errors.Is(err, errIncomplete) {
			t.Errorf("before anything has arrived: %v, want errIncomplete", err)
		}
		s.put(t, u, mp4Head)
		if _, err := s.direct.complete(t.Context(), "bob", u.ID, nil); !errors.Is(err, errNotOwner) {
			t.Errorf("somebody else: %v, want errNotOwner", err)
		}
		v, err := s.direct.complete(t.Context(), "ana", u.ID, nil)
		if err != nil {
			t.Fatal(err)
		}
		if v.ID != u.ID || v.Title != "Mi canción" || v.Start != 2*time.Second || v.Status != Uploaded ||
			v.OriginalKey != u.Key {
			t.Errorf("the video is %+v", v)
		}
		again, err := s.direct.complete(t.Context(), "ana", u.ID, nil)
		if err != nil || again.ID != v.ID || !again.UploadedAt.Equal(v.UploadedAt) {
			t.Errorf("completed again: %+v, %v, want the same video", again, err)
		}
		if _, err := s.direct.complete(t.Context(), "bob", u.ID, nil); !errors.Is(err, errNotOwner) {
			t.Errorf("somebody else, afterwards: %v, want errNotOwner", err)
		}
		if queued := s.queued(t); queued != 1 {
			t.Errorf("%d tasks, want 1", queued)
		}
		s.wantFiles(t, u.Key)
		s.wantOrphans(t, 0)
		s.wantDirect(t, 0)
		if err := s.Delete(t.Context(), "ana", v.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := s.direct.complete(t.Context(), "ana", u.ID, nil); !errors.Is(err, errNoUpload) {
			t.Errorf("after the video's deletion: %v, want errNoUpload", err)
		}
		s.wantNothing(t)
	})
}

// The bytes may go before anything is written. What is missing or wrong in the end is told, and costs no byte.
func TestTheDetailsMayComeLast(t *testing.T) {
	t.Parallel()
	s := setup(t)
	// A movie of one second, by its header.
	clip := append(slices.Clone(mp4Head), "\x00\x00\x00\x74moov\x00\x00\x00\x6cmvhd"...)
	clip = append(clip, make([]byte, 100)...)
	binary.BigEndian.PutUint32(clip[len(mp4Head)+28:], 1000) // units in a second
	binary.BigEndian.PutUint32(clip[len(mp4Head)+32:], 1000)
	u, err := s.direct.begin(t.Context(), "ana", "", details{}, ffmpeg.Containers()[0], int64(len(clip)))
	if err != nil {
		t.Fatal(err)
	}
	s.put(t, u, clip)
	title, blank, words, half, late, dayOff := "Mi canción", " ", "Con mi hermana", .5, 2., 90000.
	for name, about := range map[string]*directDetails{
		"nothing":   nil,
		"no title":  {Description: &words},
		"blank":     {Title: &blank},
		"too late":  {Title: &title, StartSeconds: &late},
		"a day off": {Title: &title, StartSeconds: &dayOff},
	} {
		if _, err := s.direct.complete(t.Context(), "ana", u.ID, about); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v, want fault.ErrInvalid", name, err)
		}
		s.wantDirect(t, 1)
	}
	about := &directDetails{Title: &title, Description: &words, StartSeconds: &half}
	v, err := s.direct.complete(t.Context(), "ana", u.ID, about)
	if err != nil || v.Title != title || v.Description != words || v.Start != 500*time.Millisecond {
		t.Errorf("the video is %+v, %v", v, err)
	}
	s.wantFiles(t, u.Key)
}

// Clients from before the details could come last send no body, or any.
func TestACompletionNeedsNoBody(t *testing.T) {
	t.Parallel()
	s := setup(t)
	url := s.serve(t)
	for name, body := range map[string]string{
		"none": "", "null": "null", "an empty object": "{}", "parts": `{"parts": [{"number": 1, "etag": "x"}]}`,
	} {
		u := s.begin(t, len(mp4Head))
		s.put(t, u, mp4Head)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
			url+"/api/videos/uploads/"+u.ID+"/complete", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer ana")
		request.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusCreated {
			t.Errorf("%s: %s", name, response.Status)
		}
	}
}

// What is left out of the completion stays as it began.
func TestACompletionReplacesWhatItNames(t *testing.T) {
	t.Parallel()
	s := setup(t)
	u := s.begin(t, len(mp4Head))
	s.put(t, u, mp4Head)
	words := "Con mi hermana"
	v, err := s.direct.complete(t.Context(), "ana", u.ID, &directDetails{Description: &words})
	if err != nil || v.Title != "Mi canción" || v.Description != words || v.Start != 2*time.Second {
		t.Errorf("the video is %+v, %v", v, err)
	}
}

// The crash happens after storage has assembled the file and before the video's row is inserted.
func TestADirectUploadSurvivesACrash(t *testing.T) {
	t.Parallel()
	s := setup(t)
	u := s.assembled(t)
	if _, err := s.direct.complete(t.Context(), "ana", u.ID, nil); err != nil {
		t.Error(err)
	}
	s.wantFiles(t, u.Key)

	lost := s.begin(t, len(mp4Head))
	s.put(t, lost, mp4Head)
	if err := s.direct.assemble(t.Context(), lost); err != nil {
		t.Fatal(err)
	}
	s.pass(t, directLifetime+2*directGrace)
	s.sweep(t)
	s.wantFiles(t, u.Key)
	s.wantDirect(t, 0)
}

// Storage fails when the assembled file is read.
func TestAStorageFailureLosesNoUpload(t *testing.T) {
	t.Parallel()
	s := setup(t)
	u := s.assembled(t)
	file := filepath.Join(s.root, u.Key)
	// A circular link is neither an object nor a missing one: reading it fails.
	if err := errors.Join(os.Rename(file, file+".away"), os.Symlink(filepath.Base(file), file)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.direct.complete(t.Context(), "ana", u.ID, nil); err == nil || errors.Is(err, errNoUpload) {
		t.Errorf("meanwhile: %v, want an internal error", err)
	}
	if err := os.Rename(file+".away", file); err != nil {
		t.Fatal(err)
	}
	parts, whole, err := s.direct.parts(t.Context(), u)
	if len(parts) > 0 || !whole || err != nil {
		t.Errorf("parts: %v, %v, %v, want the whole file", parts, whole, err)
	}
	if _, err := s.direct.complete(t.Context(), "ana", u.ID, nil); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	s.wantFiles(t, u.Key)
}

// A second completion arrives while storage assembles the file: the parts are gone, and the file is not there yet.
func TestACompletionWaitsForAnother(t *testing.T) {
	t.Parallel()
	s := setup(t)
	u := s.assembled(t)
	file := filepath.Join(s.root, u.Key)
	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(2*completePause, func() {
		if err := os.Rename(file+".away", file); err != nil {
			t.Error(err)
		}
	})
	if v, err := s.direct.complete(t.Context(), "ana", u.ID, nil); err != nil || v.ID != u.ID {
		t.Errorf("completed: %+v, %v", v, err)
	}
	lost := s.begin(t, len(mp4Head))
	if err := s.bucket.AbortDirect(t.Context(), lost.Key, lost.StorageID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.direct.complete(t.Context(), "ana", lost.ID, nil); !errors.Is(err, errNoUpload) {
		t.Errorf("an upload that storage lost: %v, want errNoUpload", err)
	}
}

func TestADirectUploadWithOtherContentLeavesNothing(t *testing.T) {
	t.Parallel()
	s := setup(t)
	const webmHead = "\x1aE\xdf\xa3\x01\x00\x00\x00\x00\x00\x00\x1f" +
		"B\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm"
	for content, want := range map[string]error{
		"#!/bin/sh\necho hello, I am a video\n": errNotAVideo,
		webmHead:                                errOtherType,
	} {
		u := s.begin(t, len(content))
		s.put(t, u, []byte(content))
		if _, err := s.direct.complete(t.Context(), "ana", u.ID, nil); !errors.Is(err, want) {
			t.Errorf("completed: %v, want %v", err, want)
		}
		s.wantNothing(t)
	}
}

// A process stalls between reading its clock and inserting the row.
func TestASweptUploadCannotBecomeAVideo(t *testing.T) {
	t.Parallel()
	s := setup(t)
	u := s.assembled(t)
	late := Video{ID: u.ID, OwnerID: "ana", Title: "Late", Status: Uploaded, OriginalKey: u.Key, UploadedAt: time.Now()}
	if found, err := s.direct.rows.cancel(t.Context(), u.ID); err != nil || !found {
		t.Fatal(found, err)
	}
	if err := s.direct.rows.complete(t.Context(), late); !errors.Is(err, errNoUpload) {
		t.Errorf("after the cancellation: %v, want errNoUpload", err)
	}
	s.pass(t, firstPause)
	if err := s.direct.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Storage finishes assembling the file only now.
	if _, err := s.bucket.Put(t.Context(), u.Key, strings.NewReader("late"), storage.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	s.wantNothing(t)
}

func TestExpiredDirectUploadsAreSwept(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		u := s.begin(t, len(mp4Head))
		s.put(t, u, mp4Head)
		s.pass(t, directLifetime)
		s.sweep(t)
		s.wantDirect(t, 1)
		s.pass(t, 2*directGrace)
		s.sweep(t)
		s.wantNothing(t)
		if _, err := s.direct.owned(t.Context(), "ana", u.ID); !errors.Is(err, errNoUpload) {
			t.Errorf("swept: %v, want errNoUpload", err)
		}
	})
}

func TestDirectUploadsHaveLimits(t *testing.T) {
	t.Parallel()
	s := setup(t)
	begin := func(owner string, size int64) error {
		_, err := s.direct.begin(t.Context(), owner, "", details{Title: "Song"}, ffmpeg.Containers()[0], size)
		return err
	}
	if err := begin("ana", largest+1); !errors.Is(err, errTooLarge) {
		t.Errorf("a byte too many: %v, want errTooLarge", err)
	}
	for range maxDirect {
		if err := begin("ana", largest); err != nil {
			t.Fatal(err)
		}
	}
	if err := begin("ana", 1); !errors.Is(err, errTooManyUploads) {
		t.Errorf("one too many: %v, want errTooManyUploads", err)
	}
	if err := begin("bob", 1); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	s.wantDirect(t, maxDirect+1)
	uploads, err := s.direct.list(t.Context(), "ana")
	if err != nil || len(uploads) != maxDirect {
		t.Fatalf("%d uploads are listed (%v)", len(uploads), err)
	}
	if err := errors.Join(s.direct.cancel(t.Context(), uploads[0]), begin("ana", 1)); err != nil {
		t.Errorf("after one was cancelled: %v", err)
	}
}

func TestTheLimitHoldsForUploadsThatBeginAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		var beginning sync.WaitGroup
		for range 5 * maxDirect {
			beginning.Go(func() {
				_, err := s.direct.begin(t.Context(), "ana", "", details{Title: "Song"}, ffmpeg.Containers()[0], 1)
				if err != nil && !errors.Is(err, errTooManyUploads) {
					t.Error(err)
				}
			})
		}
		beginning.Wait()
		s.wantDirect(t, maxDirect)
	})
}

func TestPartsCoverTheFile(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.o.MaxUploadBytes = 1 << 50
	for _, size := range []int64{
		1, directPartSize - 1, directPartSize, directPartSize + 1, 200 << 20, 50 << 30, 10_001 * directPartSize,
	} {
		owner := fmt.Sprint("owner of ", size)
		u, err := s.direct.begin(t.Context(), owner, "", details{Title: "Song"}, ffmpeg.Containers()[0], size)
		if err != nil {
			t.Fatal(err)
		}
		sum := int64(0)
		for number := 1; number <= u.partCount(); number++ {
			if n := u.partSize(number); n < 1 || n > u.PartSize {
				t.Fatalf("part %d of %d bytes has %d", number, size, n)
			}
			sum += u.partSize(number)
		}
		if sum != size || u.partCount() > 10_000 {
			t.Errorf("%d bytes: %d parts with %d bytes in all", size, u.partCount(), sum)
		}
	}
}

func TestTheClientNamesTheContainer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ contentType, filename, want string }{
		{"video/mp4", "", ".mp4"},
		{"Video/QuickTime", "x.mp4", ".mov"},
		{"video/webm;codecs=vp9", "", ".webm"},
		{"", "Mi video.MKV", ".mkv"},
		{"application/octet-stream", "clip.3gp", ".3gp"},
		{"video/matroska", "a.mkv", ".mkv"},
		{"application/x-mp4", "a.mp4", ".mp4"},
		{"", "", ""},
		{"image/png", "clip.mp4", ""},
		{"", "clip.avi", ""},
	} {
		got, err := containerFor(c.contentType, c.filename)
		if got.Extension != c.want || (c.want == "") != errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%q of type %q: %q, %v, want %q", c.filename, c.contentType, got.Extension, err, c.want)
		}
	}
}

// Three completions race with a cancellation.
func TestAnUploadIsAVideoOrNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		for range 20 {
			u := s.begin(t, len(mp4Head))
			s.put(t, u, mp4Head)
			var meeting sync.WaitGroup
			errs := make([]error, 4)
			for i := range errs {
				meeting.Go(func() {
					if i == 0 {
						errs[i] = s.direct.cancel(t.Context(), u)
					} else {
						_, errs[i] = s.direct.complete(t.Context(), "ana", u.ID, nil)
					}
				})
			}
			meeting.Wait()
			for _, err := range errs {
				if err != nil && !errors.Is(err, errNoUpload) {
					t.Errorf("errors %v, want errNoUpload at most", errs)
				}
			}
			_, err := s.Owned(t.Context(), "ana", u.ID)
			if (err == nil) == (errs[0] == nil) {
				t.Fatalf("cancelled: %v; video: %v; want one of them", errs[0], err)
			}
			if err == nil {
				s.wantFiles(t, u.Key)
				if err := s.Delete(t.Context(), "ana", u.ID); err != nil {
					t.Fatal(err)
				}
			}
			s.wantNothing(t)
		}
	})
}
