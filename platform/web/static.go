package web

import (
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

// Static are files that pages need, such as styles and scripts. They are kept in memory, and compressed once. The
// address of each names the content of all of them, so browsers may keep it for ever.
type Static struct {
	build string
	files map[string]staticFile
	live  fs.FS // read anew for each request; nil: they are what they were at the start
}

type staticFile struct {
	contentType string
	content     *representation
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
		s.files[name] = staticFile{staticType(name), &representation{body: content}}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the static files: %w", err)
	}
	s.build = hex.EncodeToString(sum.Sum(nil)[:5])
	return s, nil
}

// NewLiveStatic returns what reads all files of a folder anew for each request, for developers.
func NewLiveStatic(folder fs.FS) (*Static, error) {
	s, err := NewStatic(folder)
	if err == nil {
		s.live = folder
	}
	return s, err
}

// now returns the files as they are at this moment.
func (s *Static) now() (*Static, error) {
	if s.live == nil {
		return s, nil
	}
	return NewStatic(s.live)
}

// staticType knows those types that systems know by other names, or not at all.
func staticType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".webmanifest":
		return "application/manifest+json"
	default:
		return mime.TypeByExtension(ext)
	}
}

// URL returns the address of a file, and an error if there is none by that name.
func (s *Static) URL(name string) (string, error) {
	s, err := s.now()
	if err != nil {
		return "", err
	}
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
		files, err := files.now()
		if err != nil {
			return err
		}
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
		vary(h, "Accept-Encoding")
		if strings.HasSuffix(c.Param("*"), ".svg") { // which may have scripts, where it is opened by itself
			h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		}
		coding := file.content.codingFor(c.Request().Header[echo.HeaderAcceptEncoding])
		body, _ := file.content.in(coding, &s.prepared.encoder)
		if coding != identity {
			h.Set(echo.HeaderContentEncoding, coding.name())
		}
		h.Set("Content-Length", strconv.Itoa(len(body)))
		c.Response().WriteHeader(http.StatusOK)
		_, err = c.Response().Write(body)
		return err
	})
}
