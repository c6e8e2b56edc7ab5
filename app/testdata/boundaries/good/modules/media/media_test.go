package media_test

import (
	_ "risingstars/modules/media"
	_ "risingstars/platform/database/databasetest"
)
