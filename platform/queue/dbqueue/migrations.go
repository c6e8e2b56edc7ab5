package dbqueue

import (
	"embed"

	"risingstars/platform/database"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations returns the migrations of the driver's table.
func Migrations() database.Migrations { return database.NewMigrations("queue", files) }
