package app

import (
	_ "github.com/labstack/echo/v4"

	_ "risingstars/modules/media"
	_ "risingstars/platform/queue/queuetest"
)
