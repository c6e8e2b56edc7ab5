package voting

import (
	_ "github.com/spf13/viper"

	_ "risingstars/app"
)
