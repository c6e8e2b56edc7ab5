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
