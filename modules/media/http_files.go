package media

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/disk"
	"risingstars/platform/fault"
	"risingstars/platform/limit"
	"risingstars/platform/storage"
	"risingstars/platform/web"
)

// redirectLife is how long a redirect to a signed URL may be kept. The URL may end early, with the credentials that
// have signed it, but not that early.
const redirectLife = 5 * time.Minute

// lookupTime is how long it may take to find out where a file is.
const lookupTime = 2 * time.Second

// fileOperations describes what getFile serves.
func (a api) fileOperations() []huma.Operation {
	text := &huma.Schema{Type: huma.TypeString}
	parameter := func(name, in, description string, required bool) *huma.Param {
		return &huma.Param{Name: name, In: in, Required: required, Description: description, Schema: text}
	}
	operation := func(method, id, summary string, query ...*huma.Param) huma.Operation {
		return huma.Operation{
			Method: method, Path: a.o.FilesPath + "{folder}/{name}", OperationID: id, Summary: summary,
			Tags: []string{published},
			Parameters: append([]*huma.Param{
				parameter("folder", "path",
					"uploads: originals; processed: published files; exports: copies of people's data", true),
				parameter("name", "path", "The file's name", true),
			}, query...),
			Responses: map[string]*huma.Response{},
		}
	}
	link := func(required bool) []*huma.Param {
		return []*huma.Param{
			parameter("expires", "query", "Of a signed link: until when it is good", required),
			parameter("signature", "query", "Of a signed link", required),
		}
	}
	bytes := &huma.Schema{Type: huma.TypeString, Format: "binary"}
	file := map[string]*huma.MediaType{
		"video/mp4": {Schema: bytes}, "video/quicktime": {Schema: bytes}, "video/3gpp": {Schema: bytes},
		"video/x-matroska": {Schema: bytes}, "video/webm": {Schema: bytes}, "image/jpeg": {Schema: bytes},
		"application/zip": {Schema: bytes},
	}
	header := func(description, example string) *huma.Param {
		return &huma.Param{Description: description, Schema: text, Example: example}
	}
	about := map[string]*huma.Param{
		"ETag": header("Names this content", `"18a9c2f-5dc1"`), "Cache-Control": header("", "public, max-age=3600"),
		"Accept-Ranges": header("Parts of the file may be asked for", "bytes"),
	}
	read := func(method, id, summary string, content map[string]*huma.MediaType) huma.Operation {
		op := operation(method, id, summary, append(link(false),
			parameter("download", "query", "1: browsers save the file", false),
			parameter("Range", "header", "The part of the file to get, such as bytes=0-1023", false))...)
		op.Description = "Published files need no signature, the others do. If storage has an address of its own, " +
			"the answer leads there."
		op.Responses["200"] = &huma.Response{Description: "The file", Headers: about, Content: content}
		op.Responses["206"] = &huma.Response{Description: "The part of the file", Headers: about, Content: content}
		op.Responses["302"] = &huma.Response{
			Description: "The file is elsewhere",
			Headers: map[string]*huma.Param{
				"Location": header("Where", "https://show.example/media/processed/a.mp4"),
			},
		}
		op.Responses["304"] = &huma.Response{Description: "The client has the file"}
		op.Responses["412"] = &huma.Response{Description: "The file is not what If-Match or If-Unmodified-Since names"}
		return web.Refuses(op, append(slices.Clone(a.o.ReadFaults), errNotFound, limit.ErrBusy)...)
	}
	put := operation(http.MethodPut, "putPart", "Send a part of a direct upload", append(link(true),
		parameter("upload", "query", "Of the link", true), parameter("part", "query", "Of the link", true),
		parameter("size", "query", "Of the link: the bytes that the part must have", true))...)
	put.Parameters[len(put.Parameters)-1].Schema = &huma.Schema{Type: huma.TypeInteger}
	put.Description = "The URLs of the parts of a direct upload lead here, or to where storage takes them: use them " +
		"as they are, and send nothing but the bytes of the part."
	put.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/octet-stream": {Schema: bytes},
	}}
	put.Responses["200"] = &huma.Response{
		Description: "The part has arrived", Headers: map[string]*huma.Param{"ETag": about["ETag"]},
	}
	return []huma.Operation{
		read(http.MethodGet, "getFile", "Get a clip, a poster, an original or a copy of one's data", file),
		read(http.MethodHead, "headFile", "Get the headers of a file", nil),
		web.Refuses(put, append(slices.Clone(a.o.PartFaults), errNotFound, disk.ErrFull)...),
	}
}

// getFile answers GET and HEAD, and PUT of an upload's part, with the storage's own handler, if it has one. A published
// file that is not there has moved: the answer is a redirect to the file that has taken its place, or to where storage
// keeps it. So the address of a published file stays valid for as long as the video is shown.
func (a api) getFile(w http.ResponseWriter, r *http.Request) error {
	missing := error(errNotFound)
	if a.files != nil {
		if missing = a.files(w, r); !errors.Is(missing, storage.ErrNotFound) {
			return missing
		}
	}
	key, ok := strings.CutPrefix(r.URL.Path, a.o.FilesPath)
	if !ok || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return missing
	}
	err := a.lookUp(w, r, key)
	if errors.Is(err, errNotFound) || errors.Is(err, storage.ErrNotFound) || errors.Is(err, errors.ErrUnsupported) {
		return missing
	}
	return err
}

// lookUp answers with where the published file at key is now. That asks the database, and for HEAD the storage too, on
// behalf of anybody: so it takes lookupTime at most, and fileLookups bounds how many there are.
func (a api) lookUp(w http.ResponseWriter, r *http.Request, key string) error {
	hold, err := a.limits.Hold(r.Context(), fileLookups, "")
	if err != nil {
		return err
	}
	defer hold.Release()
	ctx, cancel := context.WithTimeoutCause(r.Context(), lookupTime, errLookupTime)
	defer cancel()
	current, err := a.Current(ctx, key)
	if err == nil {
		err = a.redirect(w, r.WithContext(ctx), key, current)
	}
	if err != nil && errors.Is(context.Cause(ctx), errLookupTime) && fault.From(err).Kind == fault.Internal {
		return errLookupTime.With(err)
	}
	if err != nil {
		return fmt.Errorf("find the file %s: %w", key, err)
	}
	return nil
}

// redirect leads from the published file at key to the one at current, which may be the same, but never back to where
// the request comes from. The error is storage.ErrNotFound or errors.ErrUnsupported if that leads nowhere.
func (a api) redirect(w http.ResponseWriter, r *http.Request, key, current string) error {
	target, err := a.bucket.URL(r.Context(), current, a.o.URLExpiry)
	if err != nil {
		return err
	}
	cache := storage.CacheControl(true)
	// Who asks here for the current file has not found it at target: S3 may refuse for a while what a CDN asks for.
	if target == r.URL.Path || current == key {
		if r.Method == http.MethodHead {
			return a.describe(r.Context(), w, current)
		}
		if target, err = a.bucket.SignedURL(r.Context(), current, a.o.URLExpiry); err != nil {
			return err
		}
		life := min(redirectLife, a.o.URLExpiry/2)
		cache = fmt.Sprintf("public, max-age=%d", int(life.Seconds()))
	}
	w.Header().Set("Cache-Control", cache)
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusFound)
	return nil
}

// describe answers HEAD, for which a URL that is signed for GET is of no use.
func (a api) describe(ctx context.Context, w http.ResponseWriter, key string) error {
	object, err := a.bucket.Stat(ctx, key)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", storage.ContentType(key))
	h.Set("Content-Length", strconv.FormatInt(object.Size, 10))
	h.Set("Accept-Ranges", "bytes")
	h.Set("ETag", object.ETag)
	h.Set("Last-Modified", object.ModTime.UTC().Format(http.TimeFormat))
	h.Set("Cache-Control", storage.CacheControl(true))
	w.WriteHeader(http.StatusOK)
	return nil
}
