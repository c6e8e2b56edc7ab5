package dbqueue

import (
	"embed"

	"risingstars/platform/database"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations makes the table that the driver works on.
func Migrations() database.Migrations { return database.NewMigrations("queue", files) }
