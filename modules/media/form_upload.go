package media

import (
	"context"
	"errors"
	"io"
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
	if errors.Is(err, errTooLarge) && r.Header.Get("Expect") == "" { // who expects to be told first sends nothing yet
		return m.ReadTexts(r), err
	}
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
		if err := m.proved(ctx, owner); err != nil {
			return form.readTexts(ctx), err
		}
		size := min(m.o.MaxUploadBytes, max(0, r.ContentLength))
		if err := m.checkQuota(ctx, owner, size); err != nil {
			return form.readTexts(ctx), err
		}
	}
	details, err := form.read(ctx)
	if err == nil {
		err = once.Match(ctx, form.print.sum(details))
	}
	if err != nil {
		form.discard(ctx)
		return form.texts(), err
	}
	if form.known {
		return form.made, nil
	}
	if mock {
		return m.acceptMock(ctx, owner, form.file, details)
	}
	return m.accept(ctx, owner, form.file, details)
}

// textsBytes bounds what is read of a form for its texts.
const textsBytes = 1 << 20

// ReadTexts returns the texts and the start that a form has before its file, which is not read, however large it is: so
// a form that cannot be accepted comes back with what was typed. What cannot be read is left out.
func (m *Module) ReadTexts(r *http.Request) Video {
	const most = 1 << 60 // bytes
	few := *r
	few.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(r.Body, textsBytes), r.Body}
	body, err := web.OpenMultipart(nil, &few, most, errTooLarge)
	if err != nil {
		return Video{}
	}
	form := uploadForm{m: m, form: body}
	return form.readTexts(r.Context())
}

// readTexts reads the form up to its file, and returns what it says of the video.
func (f *uploadForm) readTexts(ctx context.Context) Video {
	for {
		part, err := f.form.Next()
		if err == nil && (part.Name == "file" || part.Name == "video_file") {
			err = io.EOF
		}
		if err == nil {
			err = f.readPart(ctx, part)
		}
		if err != nil {
			return f.texts()
		}
	}
}

// texts returns what the form has said of the video so far.
func (f *uploadForm) texts() Video {
	start, _ := parseStart(f.start)
	return Video{Title: f.title, Description: f.description, Start: start}
}
