package e2e

import (
	_ "risingstars/config"
	_ "risingstars/modules/media"
)
