package media

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"risingstars/platform/auth"
	"risingstars/platform/fault"
)

// barring lets nobody upload.
type barring struct{ free }

var errBarred = fault.New(fault.Forbidden, "barred", "No puedes.", "You may not.")

func (barring) MayUpload(context.Context, string) error { return errBarred }

// Who may not upload, because the account is suspended, does so in no way, and nothing of it is stored; afterwards all
// that was begun goes on.
func TestWhoMayNotUploadDoesSoInNoWay(t *testing.T) {
	t.Parallel()
	s := setup(t)
	failed, begun := s.failed(t), s.begin(t, len(mp4Head))
	s.put(t, begun, mp4Head)
	form := func(mock bool) error {
		ctx := auth.WithPrincipal(t.Context(), auth.Principal{UserID: "ana"})
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/api/videos/upload", newReader(mp4Head))
		_, err := s.ReceiveForm(httptest.NewRecorder(), r, mock)
		return err
	}
	ways := map[string]func() error{
		"a form": func() error { return form(false) },
		"a mock": func() error { return form(true) },
		"beginning a direct upload": func() error {
			_, err := s.beginDirect(t, "ana", 9)
			return err
		},
		"completing it": func() error {
			_, err := s.direct.complete(t.Context(), "ana", begun.ID, nil)
			return err
		},
		"a retry": func() error {
			_, err := s.Retry(t.Context(), "ana", failed.ID)
			return err
		},
	}
	s.moderation = barring{}
	for name, upload := range ways {
		if err := upload(); !errors.Is(err, errBarred) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if videos, total, err := s.List(t.Context(), "ana", "", 0, 10); err != nil || total != 1 ||
		videos[0].Status != Failed {
		t.Errorf("the videos are %+v, %v", videos, err)
	}
	s.wantDirect(t, 1)
	s.moderation = free{}
	for name, upload := range ways {
		if err := upload(); errors.Is(err, errBarred) {
			t.Errorf("%s, after the suspension: %v", name, err)
		}
	}
	for _, id := range []string{failed.ID, begun.ID} {
		if v := s.read(t, id).video(); v.Status != Uploaded {
			t.Errorf("%+v", v)
		}
	}
}
