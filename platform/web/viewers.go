package web

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/mvrilo/go-redoc"
	"github.com/swaggest/swgui/v5emb"
)

// Pages that show the document. Their scripts are files of their own, so that the policies forbid all others.
const (
	viewerHead = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
`
	swaggerPage = viewerHead + `<title>Rising Stars Showcase: try the API</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="viewer"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`
	swaggerStart = `SwaggerUIBundle({
	url: "/openapi.json", dom_id: "#viewer", deepLinking: true, filter: true, displayRequestDuration: true,
	tryItOutEnabled: true, validatorUrl: null, presets: [SwaggerUIBundle.presets.apis], layout: "BaseLayout"
});
`
	redocPage = viewerHead + `<title>Rising Stars Showcase: the API</title>
<link rel="icon" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="viewer"></div>
<script src="/redoc/redoc.standalone.js"></script>
<script src="/redoc/start.js"></script>
</body>
</html>
`
	redocStart = `Redoc.init("/openapi.json", {nativeScrollbars: true}, document.getElementById("viewer"));
`
)

// Policies of the viewers. Redoc styles its page by scripts, which add style elements, and searches in a worker; the
// logo that it asks another host for is not among what it may load.
const (
	viewerPolicy = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
	swaggerPolicy = viewerPolicy + "style-src 'self'"
	redocPolicy   = viewerPolicy + "style-src 'self' 'unsafe-inline'; worker-src blob:"
)

// cspHash returns the source by which a policy permits an inline script or style sheet.
func cspHash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// viewerRoutes serves Swagger UI at /docs and Redoc at /redoc.
func (s *Server) viewerRoutes() {
	swagger := echo.WrapHandler(v5emb.New("", "", "/docs/"))
	files := []string{"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"}
	s.page("/docs", "Read the API and try it", "text/html", viewer(swaggerPage, swaggerPolicy))
	s.file("/docs/{file}", "Get a file of /docs", "text/javascript,text/css,image/png", func(c echo.Context) error {
		if !slices.Contains(files, c.Param("file")) {
			return errNoRoute
		}
		h := c.Response().Header()
		h.Set("Cache-Control", "public, max-age=3600")
		c.Response().Before(func() {
			if h.Get(echo.HeaderContentType) == "application/javascript" {
				h.Set(echo.HeaderContentType, "text/javascript; charset=utf-8") // RFC 9239
			}
		})
		return swagger(c)
	}, pathParam("file", "Its name", files...))
	s.file("/docs/start.js", "Get the script that starts /docs", "text/javascript", script(swaggerStart))
	s.page("/redoc", "Read the API", "text/html", viewer(redocPage, redocPolicy))
	s.file("/redoc/redoc.standalone.js", "Get Redoc's script", "text/javascript", script(redoc.JavaScript))
	s.file("/redoc/start.js", "Get the script that starts /redoc", "text/javascript", script(redocStart))
}

func viewer(html, policy string) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set("Content-Security-Policy", policy)
		c.Response().Header().Set("Cache-Control", "no-cache")
		return c.HTML(http.StatusOK, html)
	}
}

func script(source string) echo.HandlerFunc {
	tag := `"` + strings.Trim(cspHash(source), "'") + `"`
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("ETag", tag)
		h.Set("Cache-Control", "public, max-age=3600")
		h.Set(echo.HeaderContentType, "text/javascript; charset=utf-8")
		http.ServeContent(c.Response(), c.Request(), "", time.Time{}, strings.NewReader(source))
		return nil
	}
}
