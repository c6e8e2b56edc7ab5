package diskstore

import (
	"errors"
	"mime"
	"net/http"
	"path"
	"strings"

	"risingstars/platform/storage"
)

// Handler serves GET and HEAD of Path + key, in byte ranges, to everyone who has a URL of this store; "download=1" makes browsers save the
// file. A private key without a good signature is refused before anyone looks whether it exists. It lists no folders.
func (s *Store) Handler() http.Handler { return http.HandlerFunc(s.serve) }

func (s *Store) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		s.refuse(w, r, codeMethodNotAllowed, nil)
		return
	}
	key, ok := strings.CutPrefix(r.URL.Path, Path)
	if !ok || storage.CheckKey(key) != nil {
		s.refuse(w, r, codeNotFound, nil)
		return
	}
	query := r.URL.Query()
	public := s.isPublic(key)
	if !public {
		if code := s.checkLink(key, query); code != "" {
			s.refuse(w, r, code, nil)
			return
		}
	}
	file, obj, err := s.Open(r.Context(), key)
	if errors.Is(err, storage.ErrNotFound) {
		s.refuse(w, r, codeNotFound, nil)
		return
	}
	if err != nil {
		s.refuse(w, r, codeInternal, err)
		return
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
}
