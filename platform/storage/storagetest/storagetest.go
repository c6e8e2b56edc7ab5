// Package storagetest is the conformance suite of storage.Driver. Every driver runs it on its real server or disk.
package storagetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"risingstars/platform/storage"
)

// timeout is how long a test waits for an event, even on a busy machine. A test that passes does not wait that long.
const timeout = time.Minute

// Subject is an empty store. Its keys under "uploads/" are private.
type Subject struct {
	Driver storage.Driver
	// Site is the base URL of the server for URLs relative to the site. It is not used if the driver's URLs are
	// absolute.
	Site string
}

// Run tests a driver. It calls open once for every rule. The calling test must not be parallel, because one rule
// measures memory.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	t.Run("MemoryIsBounded", func(t *testing.T) { memoryIsBounded(t, bucket(t, open(t))) })

	for name, rule := range map[string]func(*testing.T, *storage.Bucket){
		"RoundTrip":                    roundTrip,
		"AnnouncedContentMayBeShorter": announcedContentMayBeShorter,
		"EmptyObject":                  emptyObject,
		"SeekAndRanges":                seekAndRanges,
		"OverwriteIsAtomic":            overwriteIsAtomic,
		"OpenReaderKeepsItsVersion":    openReaderKeepsItsVersion,
		"FailingReaderLeavesNothing":   failingReaderLeavesNothing,
		"FailingReaderKeepsOldObject":  failingReaderKeepsOldObject,
		"CancelledPutLeavesNothing":    cancelledPutLeavesNothing,
		"TooLargeLeavesNothing":        tooLargeLeavesNothing,
		"ContentAsLargeAsTheLimitFits": contentAsLargeAsTheLimitFits,
		"MissingIsErrNotFound":         missingIsErrNotFound,
		"FolderIsNotAnObject":          folderIsNotAnObject,
		"DeleteTwice":                  deleteTwice,
		"PutFile":                      putFile,
		"PutFileRefuses":               putFileRefuses,
		"InvalidKeysAreRefused":        invalidKeysAreRefused,
		"UnusualKeysWork":              unusualKeysWork,
		"ListByPrefix":                 listByPrefix,
		"ListStopsAtAnError":           listStopsAtAnError,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rule(t, bucket(t, open(t)))
		})
	}
	// Without a driver's Move, Bucket copies the file.
	t.Run("PutFileByCopy", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		s.Driver = struct{ storage.Driver }{s.Driver}
		putFile(t, bucket(t, s))
	})
	for name, rule := range map[string]func(*testing.T, *storage.Bucket, string){
		"URL":                 urlServesTheObject,
		"ExpiredURL":          expiredURLIsRefused,
		"TamperedURL":         tamperedURLIsRefused,
		"URLNeedsALifetime":   urlNeedsALifetime,
		"URLIsForReadingOnly": urlIsForReadingOnly,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			rule(t, bucket(t, s), s.Site)
		})
	}
	t.Run("DirectUnsupported", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		s.Driver = struct{ storage.Driver }{s.Driver}
		directIsUnsupported(t, bucket(t, s))
	})
	t.Run("Direct", func(t *testing.T) { runDirect(t, open) })
}

// runDirect tests direct uploads if the driver supports them.
func runDirect(t *testing.T, open func(t *testing.T) Subject) {
	if _, ok := open(t).Driver.(storage.DirectDriver); !ok {
		return
	}
	for name, rule := range map[string]func(*testing.T, *storage.Bucket, string){
		"CreatesTheObject":         directUploadCreatesTheObject,
		"OfOnePart":                directUploadOfOnePart,
		"OtherSizeIsRefused":       directPartOfAnotherSizeIsRefused,
		"ExpiredURLIsRefused":      expiredPartURLIsRefused,
		"TamperedURLIsRefused":     tamperedPartURLIsRefused,
		"PartsCanBeSentAgain":      directPartsCanBeSentAgain,
		"WrongPartsAreRefused":     wrongPartsAreRefused,
		"CompletesOnce":            directUploadCompletesOnce,
		"AbortLeavesNothing":       abortedDirectUploadLeavesNothing,
		"UnknownUploads":           unknownDirectUploads,
		"UploadsAreIndependent":    directUploadsAreIndependent,
		"NumbersAndKeysAreChecked": directUploadsAreChecked,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			rule(t, bucket(t, s), s.Site)
		})
	}
}

func bucket(t *testing.T, s Subject) *storage.Bucket {
	t.Helper()
	b := storage.New(s.Driver, storage.Options{})
	return b
}

func put(t *testing.T, b *storage.Bucket, key string, content []byte) storage.Object {
	t.Helper()
	obj, err := b.Put(t.Context(), key, bytes.NewReader(content), storage.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return obj
}

func get(t *testing.T, b *storage.Bucket, key string) []byte {
	t.Helper()
	r, _, err := b.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("read %s: %v", key, err)
	}
	return content
}

func list(t *testing.T, b *storage.Bucket, prefix string) []string {
	t.Helper()
	keys := []string{}
	err := b.List(t.Context(), prefix, func(o storage.Object) error {
		keys = append(keys, o.Key)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys)
	return keys
}

// wantNothing checks that neither key nor anything else is in the store.
func wantNothing(t *testing.T, b *storage.Bucket, key string) {
	t.Helper()
	// The test's own context may be cancelled.
	if _, err := b.Stat(context.Background(), key); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("Stat(%s): %v, want ErrNotFound", key, err)
	}
	if keys := list(t, b, ""); len(keys) != 0 {
		t.Errorf("the store holds %q, want nothing", keys)
	}
}

// pattern returns n bytes with a period that is not a power of two, so that a misplaced block is detected.
func pattern(n int) []byte {
	content := make([]byte, n)
	for i := range content {
		content[i] = byte(i % 251)
	}
	return content
}
