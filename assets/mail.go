package assets

import (
	"embed"
	"io/fs"
)

//go:embed mail
var mail embed.FS

// Mail returns the folder with the templates and texts of letters.
func Mail() fs.FS {
	sub, err := fs.Sub(mail, "mail")
	if err != nil {
		panic(err) // impossible: the name is a valid constant
	}
	return sub
}
