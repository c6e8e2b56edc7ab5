//go:build !dev

package assets

import (
	"embed"
	"io/fs"
)

// Live reports whether the files of pages may change while the program runs.
const Live = false

//go:embed site
var site embed.FS

// Site returns the folder with the templates of the pages, and their static files.
func Site() fs.FS {
	sub, err := fs.Sub(site, "site")
	if err != nil {
		panic(err) // impossible: the name is a valid constant
	}
	return sub
}

//go:embed text/*.json
var text embed.FS

// Text returns the folder with the texts of the pages, a file per language.
func Text() fs.FS {
	sub, err := fs.Sub(text, "text")
	if err != nil {
		panic(err) // impossible: the name is a valid constant
	}
	return sub
}
