package database

import (
	_ "github.com/libtnb/sqlite"
	_ "gorm.io/gorm"
)
