package ffmpeg

import _ "github.com/u2takey/ffmpeg-go"
