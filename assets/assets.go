// Package assets holds the files that are embedded in the binary.
package assets

import (
	"embed"
	"io/fs"
)

//go:embed branding/*.png
var branding embed.FS

// Branding returns the folder with the watermark and the layers of intro and outro.
func Branding() fs.FS {
	sub, err := fs.Sub(branding, "branding")
	if err != nil {
		panic(err) // impossible: the name is a valid constant
	}
	return sub
}

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
