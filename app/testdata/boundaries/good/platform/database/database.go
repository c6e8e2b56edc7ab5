package database

import (
	_ "github.com/glebarez/sqlite"
	_ "gorm.io/gorm"
)
