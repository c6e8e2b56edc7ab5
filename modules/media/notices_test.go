package media

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"risingstars/modules/media/internal/ffmpeg"
)

func TestEveryNoticeHasAText(t *testing.T) {
	t.Parallel()
	names := constants(t, "internal/ffmpeg/notice.go", "Notice")
	if len(names) < 5 {
		t.Errorf("only %d notices were found", len(names))
	}
	for _, name := range names {
		text := NoticeText(Notice(name))
		for _, sentence := range []string{text.ES, text.EN} {
			if strings.Contains(sentence, ". ") || !strings.HasSuffix(sentence, ".") {
				t.Errorf("%s: %q is not one sentence", name, sentence)
			}
		}
	}
}

func TestTheOwnerIsToldWhatAPublishedClipLacks(t *testing.T) {
	t.Parallel()
	each(t, theOwnerIsToldWhatAPublishedClipLacks)
}

func theOwnerIsToldWhatAPublishedClipLacks(t *testing.T, s *studio) {
	url := s.serve(t)
	v := s.upload(t, notReallyAVideo())
	wantNotices(t, url, v.ID, "en")

	notices := []Notice{ffmpeg.NoticeNoSound, ffmpeg.NoticePictureCutOff}
	result := rendered(t)
	result.Notices = notices
	if err := s.jobOf(s.claimed(t, v)).publish(t.Context(), result); err != nil {
		t.Fatal(err)
	}
	wantNotices(t, url, v.ID, "en", notices...)
	wantNotices(t, url, v.ID, "es", notices...)
	events, _ := stream(t, url, "ana", v.ID)
	if e := wantEvent(t, events, eventFinal); !reflect.DeepEqual(e.data.Notices, noticesIn("es", notices...)) {
		t.Errorf("the last event has %+v", e.data.Notices)
	}

	// The next rendition may lack nothing. Until it is published, the old one is shown, whatever becomes of the job.
	if err := s.Reprocess(t.Context(), v.ID); err != nil {
		t.Fatal(err)
	}
	wantNotices(t, url, v.ID, "en", notices...)
	s.set(t, v.ID, "status = 'failed', failure_code = ?", codeProcessingError)
	if _, err := s.Retry(t.Context(), "ana", v.ID); err != nil {
		t.Fatal(err)
	}
	wantNotices(t, url, v.ID, "en", notices...)
	if err := s.jobOf(s.claimed(t, v)).publish(t.Context(), rendered(t)); err != nil {
		t.Fatal(err)
	}
	wantNotices(t, url, v.ID, "en")
}

// noticesIn returns the JSON of notices.
func noticesIn(language string, notices ...Notice) []noticeBody {
	bodies := make([]noticeBody, len(notices))
	for i, n := range notices {
		bodies[i] = noticeBody{Code: string(n), Detail: NoticeText(n).ES}
		if language == "en" {
			bodies[i].Detail = NoticeText(n).EN
		}
	}
	return bodies
}

// wantNotices fails the test unless the video has exactly these notices, alone and in its owner's list. None are an
// empty array.
func wantNotices(t *testing.T, url, videoID, language string, notices ...Notice) {
	t.Helper()
	var list []json.RawMessage
	if err := json.Unmarshal(ask(t, url+"/api/videos", language), &list); err != nil || len(list) != 1 {
		t.Fatalf("%d videos are listed (%v)", len(list), err)
	}
	want := noticesIn(language, notices...)
	for what, body := range map[string][]byte{
		"the video": ask(t, url+"/api/videos/"+videoID, language), "the list": list[0],
	} {
		var video struct{ Notices []noticeBody }
		if err := json.Unmarshal(body, &video); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, video.Notices); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
}

// ask returns the body of a successful GET by ana.
func ask(t *testing.T, url, language string) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer ana")
	request.Header.Set("Accept-Language", language)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s (%v)", url, response.Status, body, err)
	}
	return body
}

func TestTheOwnerIsToldWhichCodecIsNotSupported(t *testing.T) {
	t.Parallel()
	s := setup(t)
	url := s.serve(t)
	for name, data := range map[string]struct{ codec, es, en string }{
		"known":   {"ProRes RAW", "El video está en ProRes RAW, ", "The video is in ProRes RAW, "},
		"unknown": {"", "El video está grabado en un formato ", "The video is recorded in a picture format "},
	} {
		v := s.claimed(t, s.upload(t, notReallyAVideo()))
		rejection := &ffmpeg.Rejection{Code: ffmpeg.CodeUnsupported, Subject: data.codec}
		if err := s.reject(t.Context(), v, rejection); err != nil {
			t.Fatal(err)
		}
		for language, want := range map[string]string{"es": data.es, "en": data.en} {
			var video struct{ Failure failure }
			if err := json.Unmarshal(ask(t, url+"/api/videos/"+v.ID, language), &video); err != nil {
				t.Fatal(err)
			}
			f := video.Failure
			if f.Code != "unsupported_codec" || !strings.HasPrefix(f.Detail, want) || f.CanRetry ||
				strings.Contains(f.Detail, ". ") || !strings.HasSuffix(f.Detail, ".") {
				t.Errorf("%s: %+v", name, f)
			}
		}
	}
}
