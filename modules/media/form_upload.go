package media

import (
	"errors"
	"net/http"
	"time"

	"risingstars/platform/auth"
	"risingstars/platform/web"
)

// ReceiveForm reads an upload by the caller from a form, whose parts arrive in any order, and stores the file while it
// arrives. A mock is never processed, and counts for no quota. If the form is refused, the video has the texts and the
// start that were in it.
func (m *Module) ReceiveForm(w http.ResponseWriter, r *http.Request, mock bool) (Video, error) {
	way, began := wayForm, time.Now()
	if mock {
		way = wayMock
	}
	v, err := m.storeForm(w, r, mock)
	m.metrics.upload(r.Context(), way, began, err)
	return v, err
}

// storeForm is ReceiveForm without its metrics.
func (m *Module) storeForm(w http.ResponseWriter, r *http.Request, mock bool) (Video, error) {
	ctx := r.Context()
	owner := auth.CallerID(ctx)
	if err := m.moderation.MayUpload(ctx, owner); err != nil {
		return Video{}, err
	}
	body, err := web.OpenMultipart(w, r, m.o.MaxUploadBytes, errTooLarge)
	if err != nil {
		return Video{}, err
	}
	once := web.OnceOf(ctx)
	form := uploadForm{m: m, id: once.Subject(), form: body, mock: mock, print: newFingerprint(once)}
	if once.Resumed() { // an attempt that was cut off may have created the video
		form.made, err = m.Owned(ctx, owner, once.Subject())
		if err != nil && !errors.Is(err, errNotFound) {
			return Video{}, err
		}
	}
	form.known = once.Answered() || form.made.ID != ""
	if !mock && !form.known { // nothing has been read yet
		size := min(m.o.MaxUploadBytes, max(0, r.ContentLength))
		if err := m.checkQuota(ctx, owner, size); err != nil {
			return Video{}, err
		}
	}
	details, err := form.read(ctx)
	if err == nil {
		err = once.Match(ctx, form.print.sum(details))
	}
	if err != nil {
		form.discard(ctx)
		start, _ := parseStart(form.start)
		return Video{Title: form.title, Description: form.description, Start: start}, err
	}
	if form.known {
		return form.made, nil
	}
	if mock {
		return m.acceptMock(ctx, owner, form.file, details)
	}
	return m.accept(ctx, owner, form.file, details)
}
