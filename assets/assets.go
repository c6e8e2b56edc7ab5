// Package assets holds the files that ship inside the binary.
package assets

import (
	"embed"
	"io/fs"
)

//go:embed branding/*.png
var branding embed.FS

// Branding is the folder with the watermark and the layers of intro and outro.
func Branding() fs.FS {
	sub, err := fs.Sub(branding, "branding")
	if err != nil {
		panic(err) // the name is a constant; it cannot be invalid
	}
	return sub
}
