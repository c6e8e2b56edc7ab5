package main

import (
	_ "risingstars/config"
	_ "risingstars/modules/media"
	_ "risingstars/modules/voting"
	_ "risingstars/platform/web"
)
