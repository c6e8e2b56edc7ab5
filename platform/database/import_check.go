package database

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/pressly/goose/v3"
)

// CheckExport reads an export to its end. CheckImport also compares it with the owners that are to import it.
func CheckExport(in io.Reader) error {
	_, err := readExport(in)
	return err
}

// CheckImport returns an error if an export is not whole, or if Import would refuse it for what the owners are.
func CheckImport(in io.Reader, owners ...Migrations) error {
	head, err := readExport(in)
	if err != nil {
		return err
	}
	return wantKnown(owners, head.Versions)
}

func readExport(in io.Reader) (head exportHead, err error) {
	i := &importer{lines: bufio.NewReaderSize(in, 1<<16)}
	if head, err = i.head(); err != nil {
		return head, err
	}
	var table exportTable
	for {
		line, err := i.line()
		if err != nil {
			return head, err
		}
		if line[0] == '[' {
			i.rows++
			continue
		}
		if end, err := i.next(line, &table); err != nil || end {
			return head, err
		}
	}
}

// wantKnown returns an error if an export has migrations that this program lacks.
func wantKnown(owners []Migrations, versions map[string]int64) error {
	for name, version := range versions {
		at := slices.IndexFunc(owners, func(owner Migrations) bool { return owner.Name == name })
		if at < 0 {
			return fmt.Errorf("%w: it has tables of %s", ErrNewer, name)
		}
		latest, err := latestVersion(owners[at])
		if err != nil {
			return err
		}
		if version > latest {
			return fmt.Errorf("%w: it has version %d of %s, this program %d", ErrNewer, version, name, latest)
		}
	}
	return nil
}

// latestVersion is the number of an owner's last file, for whichever database.
func latestVersion(owner Migrations) (int64, error) {
	files, err := fs.Glob(owner.FS, "*.sql")
	if err != nil {
		return 0, err
	}
	latest := int64(0)
	for _, name := range files {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return 0, fmt.Errorf("read the migrations of %s: %w", owner.Name, err)
		}
		latest = max(latest, version)
	}
	return latest, nil
}
