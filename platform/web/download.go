package web

import (
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/labstack/echo/v4"
)

// Download answers with a file that write makes while it is sent, under a name for the disk. Before the first byte, an
// error of write is answered as any other; after it, the connection breaks off, so that nobody takes a part for the
// whole. HEAD gets the headers alone.
func Download(c echo.Context, contentType, name string, write func(io.Writer) error) error {
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, contentType)
	h.Set(echo.HeaderContentDisposition, mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	h.Set("X-Accel-Buffering", "no") // nginx would spool it
	if isHead(c.Request()) {
		c.Response().WriteHeader(http.StatusOK)
		return nil
	}
	err := write(c.Response())
	if err != nil && c.Response().Committed {
		c.Set(errorKey, fmt.Errorf("send %s: %w", name, err))
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		h.Del(echo.HeaderContentDisposition)
	}
	return err
}
