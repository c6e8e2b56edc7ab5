//go:build dev

package assets

import (
	"io/fs"
	"os"
)

// Live reports whether the files of pages may change while the program runs.
const Live = true

// Site returns the folder with the templates of the pages, as it is in the checkout that the program is started in.
func Site() fs.FS { return os.DirFS("assets/site") }

// Text returns the folder with the texts of the pages, as it is in that checkout.
func Text() fs.FS { return os.DirFS("assets/text") }
