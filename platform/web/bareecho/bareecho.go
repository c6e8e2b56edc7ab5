// Package bareecho is the least that echo can do for a request: the baseline of make bench-web. It promises nothing
// that a service needs.
package bareecho

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"

	"github.com/labstack/echo/v4"
)

// Serve listens on addr until ctx ends or the process does. GET answers bytes as JSON, each at its path. POST /upload
// stores the field video_file of a form in the folder dir, durably.
func Serve(ctx context.Context, addr, dir string, answers map[string][]byte) error {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	for path, body := range answers {
		e.GET(path, func(c echo.Context) error { return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, body) })
	}
	e.POST("/upload", func(c echo.Context) error {
		title := c.FormValue("title")
		header, err := c.FormFile("video_file")
		if err != nil {
			return err
		}
		if err := store(dir, header); err != nil {
			return err
		}
		return c.JSON(http.StatusAccepted, map[string]string{"title": strings.TrimSpace(title)})
	})
	stop := context.AfterFunc(ctx, func() { _ = e.Close() })
	defer stop()
	if err := e.Start(addr); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the baseline: %w", err)
	}
	return nil
}

// store writes a file, and waits until its content is on the disk.
func store(dir string, header *multipart.FileHeader) error {
	in, err := header.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.CreateTemp(dir, "upload-*.mp4")
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Sync()
}
