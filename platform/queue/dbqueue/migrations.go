package dbqueue

import (
	"embed"
	"io/fs"

	"risingstars/platform/database"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations makes the table that the driver works on.
func Migrations() database.Migrations {
	root, err := fs.Sub(files, "migrations")
	if err != nil {
		panic(err) // the embedded folder is part of the binary
	}
	return database.Migrations{Name: "queue", FS: root}
}
