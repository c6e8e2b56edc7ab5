package app

import (
	_ "github.com/spf13/cobra"

	_ "risingstars/app/site"
	_ "risingstars/config"
	_ "risingstars/modules/media"
	_ "risingstars/modules/voting"
	_ "risingstars/platform/web"
)
