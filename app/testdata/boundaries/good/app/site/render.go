package site

import (
	_ "html/template"

	_ "risingstars/modules/voting"
)
