package media

import (
	_ "github.com/danielgtaylor/huma/v2"
	_ "github.com/u2takey/ffmpeg-go"
	_ "gorm.io/gorm"

	_ "risingstars/config"
	_ "risingstars/modules/voting"
)

type vote struct{}

func Vote() {}

func (a api) events() {}
