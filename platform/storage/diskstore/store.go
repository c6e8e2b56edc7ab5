// Package diskstore keeps objects as files under one folder, for any number of processes of one host, and serves them over HTTP.
//
// A key is the file's path below the folder; uploads in flight live in a hidden folder beside them, which no key reaches, and vanish with
// their process; parts of direct uploads live in another one, and stay until the upload is completed or aborted. Paths go through os.Root: neither a key nor a symbolic link leads outside. Folders emptied by Delete stay.
//
// It keeps no metadata: an object's content type is that of its extension.
package diskstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"risingstars/platform/scratch"
	"risingstars/platform/storage"
)

const (
	scratchName    = ".scratch"
	minSecretBytes = 32
)

// Options needs Root and Secret.
type Options struct {
	// Root is made when missing.
	Root string
	// PublicPrefixes are folders ("processed/") whose objects everyone may read, without a signature, and cache forever: a public key
	// should be put once only.
	PublicPrefixes []string
	// Secret signs the URLs of the other objects; at least 32 bytes, the same in every process of the site.
	Secret []byte
}

// Store is the disk driver. Close it when nobody uses it any more.
type Store struct {
	path    string // of root, absolute
	root    *os.Root
	scratch *scratch.Area
	public  []string
	secret  []byte

	forgotten atomic.Int64 // when this process last did so, in Unix nanoseconds; 0: not yet
}

var (
	_ storage.Driver       = (*Store)(nil)
	_ storage.Mover        = (*Store)(nil)
	_ storage.DirectDriver = (*Store)(nil)
)

// Open also removes what killed processes left of their uploads.
func Open(opts Options) (*Store, error) {
	if len(opts.Secret) < minSecretBytes {
		return nil, fmt.Errorf("storage secret of %d bytes, at least %d are needed", len(opts.Secret), minSecretBytes)
	}
	for _, prefix := range opts.PublicPrefixes {
		if err := storage.CheckPrefix(prefix); err != nil || !strings.HasSuffix(prefix, "/") {
			return nil, fmt.Errorf("public prefix %q is not a folder, like \"processed/\"", prefix)
		}
	}
	if opts.Root == "" {
		return nil, errors.New("storage root is empty")
	}
	path, err := filepath.Abs(opts.Root)
	if err != nil {
		return nil, fmt.Errorf("find storage root: %w", err)
	}
	if err := os.MkdirAll(path, 0o750); err != nil {
		return nil, fmt.Errorf("make storage root: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("open storage root: %w", err)
	}
	area, err := scratch.Open(filepath.Join(path, scratchName))
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &Store{
		path: path, root: root, scratch: area,
		public: slices.Clone(opts.PublicPrefixes), secret: slices.Clone(opts.Secret),
	}, nil
}

// Close removes this process's uploads in flight. Objects stay.
func (s *Store) Close() error { return errors.Join(s.scratch.Close(), s.root.Close()) }

func (s *Store) isPublic(key string) bool {
	return slices.ContainsFunc(s.public, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
}

func object(key string, info fs.FileInfo) storage.Object {
	return storage.Object{
		Key:         key,
		Size:        info.Size(),
		ContentType: storage.ContentType(key),
		ModTime:     info.ModTime(),
		ETag:        `"` + strconv.FormatInt(info.Size(), 16) + "-" + strconv.FormatInt(info.ModTime().UnixNano(), 16) + `"`,
	}
}

// notFound maps the two ways a path can be missing: nothing there, or a file where a folder should be.
func notFound(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return storage.ErrNotFound
	}
	return err
}
