// Package diskstore keeps objects as files under one root folder, for any number of processes on one host, and serves
// them over HTTP.
//
// A key is the file's path below the root. Files that are still being written are in one hidden folder, which no key
// can name; they vanish with their process. Parts of direct uploads are in another one; they stay until the upload is
// completed, aborted or a week old. All paths go through os.Root, so neither a key nor a symbolic link leads outside.
// Delete does not remove folders that become empty.
//
// Uploads whose size is announced are refused if they do not fit above the reserve of the volume. Everything else may
// use the reserve.
//
// It stores no metadata: an object's content type is the type of its extension.
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
	"sync"
	"sync/atomic"
	"syscall"

	"risingstars/platform/disk"
	"risingstars/platform/scratch"
	"risingstars/platform/storage"
)

const (
	scratchName    = ".scratch"
	minSecretBytes = 32
)

// errLooks is the answer to changes in a store that only looks.
var errLooks = errors.New("this process only looks at files")

// Options needs Root and Secret.
type Options struct {
	// Root is created if it is missing.
	Root string
	// Look opens a root that is there, and leaves it as it is: nothing can be put, and what killed processes have left
	// stays.
	Look bool
	// PublicPrefixes are folders ("processed/") whose objects anyone may read without a signature, and caches keep for
	// an hour, so a public key should be put only once.
	PublicPrefixes []string
	// Secret signs the URLs of all other objects. It has at least 32 bytes and is the same in every process of the
	// deployment.
	Secret []byte
	// Accepted are secrets whose signatures are valid as well, such as the one that Secret has replaced.
	Accepted [][]byte
	// Volume holds Root. New files claim their space there; nil: they may fill the disk.
	Volume *disk.Volume
}

// Store is the disk driver. Close it when it is no longer in use.
type Store struct {
	path    string // absolute, of root
	root    *os.Root
	scratch *scratch.Area // nil: it only looks
	public  []string
	secrets [][]byte // the first one signs
	volume  *disk.Volume

	promises  promises
	buffers   sync.Pool    // of *[copyBuffer]byte
	expiryRun atomic.Int64 // when this process last removed expired uploads, in Unix nanoseconds; 0 = not yet
}

var (
	_ storage.Driver       = (*Store)(nil)
	_ storage.Mover        = (*Store)(nil)
	_ storage.Reserver     = (*Store)(nil)
	_ storage.DirectDriver = (*Store)(nil)
)

// Open also removes the temporary files of killed processes, unless it may only look.
func Open(opts Options) (*Store, error) {
	if len(opts.Secret) < minSecretBytes {
		return nil, fmt.Errorf("storage secret has %d bytes, want at least %d", len(opts.Secret), minSecretBytes)
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
		return nil, fmt.Errorf("resolve storage root: %w", err)
	}
	if !opts.Look {
		if err := disk.MkdirAll(path, 0o750); err != nil {
			return nil, fmt.Errorf("create storage root: %w", err)
		}
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("open storage root: %w", err)
	}
	var area *scratch.Area
	if !opts.Look {
		if area, err = scratch.Open(filepath.Join(path, scratchName)); err != nil {
			return nil, errors.Join(err, root.Close())
		}
	}
	return &Store{
		path: path, root: root, scratch: area,
		public: slices.Clone(opts.PublicPrefixes), secrets: append([][]byte{opts.Secret}, opts.Accepted...),
		volume: opts.Volume,
	}, nil
}

// Close removes this process's temporary files. Objects stay.
func (s *Store) Close() error { return errors.Join(s.scratch.Close(), s.root.Close()) }

func (s *Store) isPublic(key string) bool {
	return slices.ContainsFunc(s.public, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
}

func object(key string, info fs.FileInfo) storage.Object {
	size, modified := info.Size(), info.ModTime()
	return storage.Object{
		Key:         key,
		Size:        size,
		ContentType: storage.ContentType(key),
		ModTime:     modified,
		ETag:        `"` + strconv.FormatInt(size, 16) + "-" + strconv.FormatInt(modified.UnixNano(), 16) + `"`,
	}
}

// notFound returns storage.ErrNotFound for the two ways in which a path can be missing: there is nothing, or a parent
// is a file.
func notFound(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return storage.ErrNotFound
	}
	return err
}
