package diskstore

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"path"
	"strings"

	"risingstars/platform/fault"
	"risingstars/platform/storage"
)

var (
	errNoFile = fault.New(fault.NotFound, "not_found",
		"El archivo no existe.", "The file does not exist.")
	errReadOnly = fault.New(fault.Forbidden, "read_only",
		"Este recurso solo se puede leer.", "This resource can only be read.")
	errLinkInvalid = fault.New(fault.Forbidden, "link_invalid",
		"El enlace no es válido.", "The link is not valid.")
	errLinkExpired = fault.New(fault.Forbidden, "link_expired",
		"El enlace ha caducado.", "The link has expired.")
)

// Serve answers GET and HEAD of Path + key, in byte ranges, to everyone who has a URL of this store; "download=1" makes browsers save the
// file. A private key without a good signature is refused before anyone looks whether it exists. It lists no folders. When it returns an
// error it has written nothing.
func (s *Store) Serve(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return errReadOnly
	}
	key, ok := strings.CutPrefix(r.URL.Path, Path)
	if !ok || storage.CheckKey(key) != nil {
		return errNoFile
	}
	query := r.URL.Query()
	public := s.isPublic(key)
	if !public {
		if err := s.checkLink(key, query); err != nil {
			return err
		}
	}
	file, obj, err := s.Open(r.Context(), key)
	if errors.Is(err, storage.ErrNotFound) {
		return errNoFile.With(err)
	}
	if err != nil {
		return fmt.Errorf("serve %s: %w", key, err)
	}
	defer file.Close()

	h := w.Header()
	h.Set("Content-Type", obj.ContentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("ETag", obj.ETag)
	h.Set("Cache-Control", "private, no-store")
	if public {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if query.Get("download") == "1" {
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(key)}))
	}
	http.ServeContent(w, r, "", obj.ModTime, file)
	return nil
}
