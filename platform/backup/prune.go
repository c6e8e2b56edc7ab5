package backup

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"risingstars/platform/storage"
)

// young is how long something stays that belongs to no snapshot: another backup may be about to name it.
const young = 24 * time.Hour

// dumpName is what Write calls rows and secrets.
var dumpName = regexp.MustCompile(`^` + dumps + `\d{8}-\d{6}\.(jsonl\.zst|secret)(\.[a-z2-7]{10}\` + encrypted + `)?$`)

// Prune deletes all snapshots but the latest so many, and then what belongs to none that is left: rows, secrets, and
// files whose keys begin with one of the prefixes. What others keep at the place stays. It returns how many snapshots
// it has deleted.
func Prune(ctx context.Context, p Place, prefixes []string, keep int, now time.Time) (deleted int, err error) {
	names, err := Names(ctx, p)
	if err != nil {
		return 0, err
	}
	named := map[string]bool{}
	for i, name := range names {
		if i >= keep {
			if err := p.Delete(ctx, snapshots+name+".json"); err != nil {
				return deleted, fmt.Errorf("delete the backup %s: %w", name, err)
			}
			deleted++
			continue
		}
		s, err := readSnapshot(ctx, p, name)
		if err != nil { // what it names is unknown, so nothing can be deleted
			return deleted, err
		}
		named[s.Dump.Name] = true
		if s.Secret != nil {
			named[s.Secret.Name] = true
		}
		for _, file := range s.Files {
			named[file.Name] = true
		}
	}
	under := []string{dumps}
	for _, prefix := range prefixes {
		under = append(under, files+prefix)
	}
	for _, prefix := range under {
		var left []string
		err := p.List(ctx, prefix, func(e Entry) error {
			ours := prefix != dumps || dumpName.MatchString(e.Name)
			if ours && !named[e.Name] && now.Sub(e.At) > young {
				left = append(left, e.Name)
			}
			return nil
		})
		if err != nil {
			return deleted, fmt.Errorf("list what is left over: %w", err)
		}
		for _, name := range left {
			if err := p.Delete(ctx, name); err != nil && !errors.Is(err, storage.ErrNotFound) {
				return deleted, fmt.Errorf("delete %s: %w", name, err)
			}
		}
	}
	return deleted, nil
}

// IsFile reports whether a target names a single file, and not a folder.
func IsFile(target string) bool { return strings.HasSuffix(target, ".tar") }
