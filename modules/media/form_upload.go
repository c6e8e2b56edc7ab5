package media

import (
	"net/http"

	"risingstars/platform/auth"
	"risingstars/platform/web"
)

// ReceiveForm reads an upload by the caller from a form, whose parts arrive in any order, and stores the file while it
// arrives. A mock is never processed, and counts for no quota. If the form is refused, the video has the texts that were
// in it.
func (m *Module) ReceiveForm(w http.ResponseWriter, r *http.Request, mock bool) (Video, error) {
	ctx := r.Context()
	owner := auth.CallerID(ctx)
	body, err := web.OpenMultipart(w, r, m.o.MaxUploadBytes, errTooLarge)
	if err != nil {
		return Video{}, err
	}
	if !mock { // nothing has been read yet
		size := min(m.o.MaxUploadBytes, max(0, r.ContentLength))
		if err := m.checkQuota(ctx, owner, size); err != nil {
			return Video{}, err
		}
	}
	form := uploadForm{m: m, form: body}
	details, err := form.read(ctx)
	if err != nil {
		form.discard(ctx)
		return Video{Title: form.title, Description: form.description}, err
	}
	return m.accept(ctx, owner, form.file, details, mock)
}
