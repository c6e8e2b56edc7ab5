package branding

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// The files of a folder. Intro and outro have one of several extensions.
const (
	settingsFile  = "branding.yaml"
	watermarkFile = "watermark.png"
	logoFile      = "logo.svg"
)

// The largest files, in bytes.
const (
	mostSettings = 64 << 10
	mostPicture  = 10 << 20
	mostVideo    = 20 << 20
	mostLogo     = 512 << 10
)

// mostFiles is how many files of a folder are looked at: with more, it is another folder than was meant.
const mostFiles = 100

func pictureExtensions() []string { return []string{".png", ".jpg", ".jpeg"} }

func videoExtensions() []string { return []string{".mp4", ".m4v", ".mov", ".webm", ".mkv"} }

// Read reads a folder. An empty path is the built-in branding. The warnings are about what is ignored. The error is
// always of type Problems; the parts without a problem are complete even then, and the others are as built in.
func Read(path string) (b Brand, warnings Problems, err error) {
	if path == "" {
		return Brand{}, nil, nil
	}
	f := &folder{}
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		f.problems.add(path, "must be a folder")
	} else if root, err := os.OpenRoot(path); err != nil {
		f.problems.add(path, "%s", explain(err))
	} else {
		f.root = root
		b = f.read()
		_ = root.Close() // it was only read
	}
	if len(f.problems) > 0 {
		return b, f.warnings, f.problems
	}
	return b, f.warnings, nil
}

// folder is a folder that is being read.
type folder struct {
	root               *os.Root
	names              []string // sorted, without hidden ones
	problems, warnings Problems
}

func (f *folder) read() (b Brand) {
	if err := f.list(); err != nil {
		f.problems.add(f.root.Name(), "%s", explain(err))
		return b
	}
	if len(f.names) == 0 {
		f.warnings.add(f.root.Name(), "is empty, so everything is built in")
	}
	s := f.settings()
	b.Name, b.Colors = s.name, s.colors
	b.Watermark = f.watermark(s.watermark)
	b.Intro, b.Outro = f.bumper("intro", s.intro), f.bumper("outro", s.outro)
	b.Logo, b.Pages = f.logo(), f.pages()
	f.warnOfStrangers()
	return b
}

// list reads the names of the files. Hidden ones belong to the system: those of a volume of Kubernetes, or .DS_Store.
func (f *folder) list() error {
	dir, err := f.root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(mostFiles + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if len(names) > mostFiles {
		return fmt.Errorf("has more than %d files; name a folder with nothing but the branding", mostFiles)
	}
	f.names = slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, ".") })
	slices.Sort(f.names)
	return nil
}

func (f *folder) has(name string) bool { return slices.Contains(f.names, name) }

// content returns a file of at most the given bytes, or nil after it has noted why not.
func (f *folder) content(name string, most int64) []byte {
	info, err := f.root.Stat(name)
	switch {
	case err != nil:
		f.problems.add(name, "%s", explain(err))
		return nil
	case !info.Mode().IsRegular():
		f.problems.add(name, "must be a file")
		return nil
	case info.Size() == 0:
		f.problems.add(name, "is empty")
		return nil
	case info.Size() > most:
		f.problems.add(name, "has more than %d KiB; make it smaller", most>>10)
		return nil
	}
	file, err := f.root.Open(name)
	if err != nil {
		f.problems.add(name, "%s", explain(err))
		return nil
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, most))
	if err != nil {
		f.problems.add(name, "%s", explain(err))
		return nil
	}
	return content
}

// explain says what an operator does about a file that cannot be read.
func explain(err error) string {
	var in *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "does not exist, or is a link to nothing"
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("cannot be read by the service's user (id %d); run: chmod -R a+rX on the folder",
			os.Getuid())
	case errors.As(err, &in) && in.Err.Error() == "path escapes from parent":
		return "is a link out of the folder; copy the file itself into it"
	}
	if in != nil {
		err = in.Err
	}
	return err.Error()
}

// warnOfStrangers names the files that are ignored.
func (f *folder) warnOfStrangers() {
	read := append([]string{settingsFile, watermarkFile, logoFile}, pageFiles()...)
	known := append(bumperFiles(), read...)
	for _, name := range f.names {
		if slices.Contains(read, name) || f.isBumper(name) {
			continue
		}
		if ours := cmp.Or(nearest(name, known), pageMeant(name)); ours != "" {
			f.warnings.add(name, "is ignored; is %s meant?", ours)
		} else {
			f.warnings.add(name, "is ignored")
		}
	}
}

// isBumper reports whether a file is an intro or an outro, perhaps one in a wrong format.
func (f *folder) isBumper(name string) bool {
	stem := strings.TrimSuffix(name, filepath.Ext(name))
	return stem == "intro" || stem == "outro"
}

func bumperFiles() (names []string) {
	for _, extension := range append(pictureExtensions(), videoExtensions()...) {
		names = append(names, "intro"+extension, "outro"+extension)
	}
	return names
}

// nearest returns the name that somebody may have meant, if there is one: at most two letters differ, apart from case.
func nearest(name string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if d := levenshtein.ComputeDistance(strings.ToLower(name), k); d < least && 2*d < len(k) {
			best, least = k, d
		}
	}
	return best
}
