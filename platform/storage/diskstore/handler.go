package diskstore

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"risingstars/platform/disk"
	"risingstars/platform/fault"
	"risingstars/platform/storage"
)

var (
	errNoFile = fault.New(fault.NotFound, "not_found",
		"El archivo no existe. Vuelve a abrir el video para obtener su enlace.",
		"The file does not exist. Open the video again to get its link.")
	errReadOnly = fault.New(fault.Forbidden, "read_only",
		"Esta dirección solo se puede leer.", "This address can only be read.")
	errNoUpload = fault.New(fault.NotFound, "no_upload",
		"Esta subida ya no está en curso. Empieza una nueva.",
		"This upload is no longer in progress. Begin a new one.")
	errPartInProgress = fault.New(fault.Concurrent, "part_in_progress",
		"Esta parte ya se está subiendo. Espera a que termine.",
		"This part is already being uploaded. Wait until that ends.").WithRetryAfter(5)
	errPartSize = fault.New(fault.Malformed, "part_size",
		"La parte no tiene el tamaño anunciado. Envía exactamente los bytes que pide la subida.",
		"The part does not have the announced size. Send exactly the bytes that the upload asks for.")
	errLinkInvalid = fault.New(fault.Forbidden, "link_invalid",
		"El enlace no es válido. Cópialo entero o pide otro.",
		"The link is not valid. Copy all of it, or get another one.")
	errLinkExpired = fault.New(fault.Forbidden, "link_expired",
		"El enlace ha caducado. Vuelve a abrir el video o la subida para obtener otro.",
		"The link has expired. Open the video or the upload again to get another one.")
)

// Faults returns the faults of Serve, for the catalogue of errors.
func Faults() []*fault.Error {
	return []*fault.Error{
		errNoFile, errReadOnly, errNoUpload, errPartInProgress, errPartSize, errLinkInvalid, errLinkExpired,
	}
}

// ReadFaults returns the faults of GET and HEAD.
func ReadFaults() []*fault.Error { return []*fault.Error{errNoFile, errLinkInvalid, errLinkExpired} }

// PartFaults returns the faults of PUT.
func PartFaults() []*fault.Error {
	return []*fault.Error{errNoUpload, errPartInProgress, errPartSize, errLinkInvalid, errLinkExpired}
}

// Serve answers GET and HEAD of Path + key, including byte ranges, for URLs of this store; "download=1" makes browsers
// save the file. It refuses a private key without a valid signature before it checks whether the object exists. It does
// not list folders. PUT stores a part of a direct upload. If Serve returns an error, it has written nothing to w. An
// error from reading the body is wrapped.
func (s *Store) Serve(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodPut {
		return s.servePart(w, r)
	}
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
		if err := s.checkLink("", Path+key+"?", query); err != nil {
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
	h.Set("Cache-Control", storage.CacheControl(public))
	if query.Get("download") == "1" {
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(key)}))
	}
	http.ServeContent(w, r, "", obj.ModTime, file)
	return nil
}

func (s *Store) servePart(w http.ResponseWriter, r *http.Request) error {
	key, ok := strings.CutPrefix(r.URL.Path, Path)
	if !ok || storage.CheckKey(key) != nil {
		return errLinkInvalid
	}
	query := r.URL.Query()
	id, number, size := query.Get("upload"), query.Get("part"), query.Get("size")
	if err := s.checkLink(http.MethodPut, partLink(key, id, number, size), query); err != nil {
		return err
	}
	// The signature is valid, so these are the numbers that PresignPart got.
	n, err1 := strconv.Atoi(number)
	length, err2 := strconv.ParseInt(size, 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return errLinkInvalid.With(err)
	}
	if r.ContentLength != length {
		return errPartSize
	}
	control := http.NewResponseController(w)
	part, err := s.writePart(r.Context(), key, id, n, length, r.Body, func() {
		_ = control.SetReadDeadline(time.Unix(1, 0)) // without deadlines, the server's own pace ends the writer
	})
	if errors.Is(err, storage.ErrNoUpload) {
		w.Header().Set("Connection", "close") // its deadline is over
		return errNoUpload
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errPartSize.With(err)
	}
	if err != nil {
		return fmt.Errorf("store part %d of %s: %w", n, key, disk.Explain(err))
	}
	w.Header().Set("ETag", part.ETag)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	return nil
}
