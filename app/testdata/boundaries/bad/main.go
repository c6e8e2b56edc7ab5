package main

import (
	_ "html/template"

	_ "github.com/spf13/cobra"

	_ "risingstars/config"
	_ "risingstars/modules/media"
)
