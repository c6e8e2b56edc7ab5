package media

import (
	_ "github.com/danielgtaylor/huma/v2"
	_ "github.com/labstack/echo/v4"

	_ "risingstars/modules/media/internal/ffmpeg"
	_ "risingstars/platform/web"
)
