package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
)

const (
	staticPath = "/static/"
	forever    = "public, max-age=31536000, immutable"
)

// Static are files that pages need, such as styles and scripts. They are kept in memory, also compressed. The address
// of each names the content of all of them, so browsers may keep it for ever.
type Static struct {
	build string
	files map[string]staticFile
}

type staticFile struct {
	contentType   string
	plain, zipped []byte // zipped is nil if it is no shorter
}

// NewStatic reads all files of a folder.
func NewStatic(folder fs.FS) (*Static, error) {
	s := &Static{files: map[string]staticFile{}}
	sum := sha256.New()
	err := fs.WalkDir(folder, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(folder, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s %d\n", name, len(content))
		sum.Write(content)
		s.files[name], err = newStaticFile(name, content)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the static files: %w", err)
	}
	s.build = hex.EncodeToString(sum.Sum(nil)[:5])
	return s, nil
}

func newStaticFile(name string, content []byte) (staticFile, error) {
	f := staticFile{plain: content, contentType: mime.TypeByExtension(path.Ext(name))}
	switch path.Ext(name) { // those that systems know by other names, or not at all
	case ".js":
		f.contentType = "text/javascript; charset=utf-8"
	case ".webmanifest":
		f.contentType = "application/manifest+json"
	}
	var zipped bytes.Buffer
	z, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		return f, err
	}
	if _, err := z.Write(content); err != nil {
		return f, err
	}
	if err := z.Close(); err != nil {
		return f, err
	}
	if zipped.Len() < len(content) {
		f.zipped = zipped.Bytes()
	}
	return f, nil
}

// URL returns the address of a file, and an error if there is none by that name.
func (s *Static) URL(name string) (string, error) {
	if _, ok := s.files[name]; !ok {
		return "", fmt.Errorf("there is no static file %s", name)
	}
	return staticPath + s.build + "/" + name, nil
}

// Static serves the files. Under the build of another process of the same site, which a rolling restart may bring, it
// answers with its own file and says that this may not be kept.
func (s *Server) Static(files *Static) {
	s.declare(http.MethodGet, staticPath+":build/*", route{static: true})
	s.echo.GET(staticPath+":build/*", func(c echo.Context) error {
		file, ok := files.files[c.Param("*")]
		if !ok {
			return errNoRoute
		}
		h := c.Response().Header()
		h.Set("Content-Type", file.contentType)
		h.Set("Cache-Control", "no-cache")
		if c.Param("build") == files.build {
			h.Set("Cache-Control", forever)
		}
		h.Set("Vary", "Accept-Encoding")
		if strings.HasSuffix(c.Param("*"), ".svg") { // which may have scripts, where it is opened by itself
			h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		}
		body := file.plain
		if file.zipped != nil && accepts(c.Request(), "gzip") {
			body = file.zipped
			h.Set("Content-Encoding", "gzip")
		}
		h.Set("Content-Length", strconv.Itoa(len(body)))
		c.Response().WriteHeader(http.StatusOK)
		_, err := c.Response().Write(body)
		return err
	})
}
