package media

import (
	_ "github.com/danielgtaylor/huma/v2"
	_ "github.com/labstack/echo/v4"

	_ "risingstars/modules/media/internal/ffmpeg"
	_ "risingstars/platform/web"
)

type api struct{ *Module }

func (m *Module) Routes() {}

func (a api) postRetry() {}
