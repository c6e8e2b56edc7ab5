package media

import _ "gorm.io/gorm"

type row struct{}

func (row) TableName() string { return "media_videos" }

const claim = `UPDATE media_videos SET state = 'processing' WHERE id = (SELECT id FROM media_videos LIMIT 1 FOR UPDATE SKIP LOCKED)`

const failed = "update from the worker: no such table"
