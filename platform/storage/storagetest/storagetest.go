// Package storagetest holds the rules of storage.Driver as tests. Every driver runs them against its real server or disk.
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

// patience is how long a test waits for what must happen, on a busy machine; it is spent only when it does not.
const patience = time.Minute

// Subject is an empty store, in which keys under "uploads/" are private.
type Subject struct {
	Driver storage.Driver
	// Site is the base URL of the server behind site-relative URLs, to read and to upload parts; unused when the driver's are absolute.
	Site string
}

// Run tests a driver; open is called once for every rule. Not for tests that are parallel themselves: one rule measures memory.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	t.Run("MemoryIsBounded", func(t *testing.T) { memoryIsBounded(t, bucket(t, open(t))) })

	for name, rule := range map[string]func(*testing.T, *storage.Bucket){
		"RoundTrip":                    roundTrip,
		"EmptyObject":                  emptyObject,
		"SeekAndRanges":                seekAndRanges,
		"OverwriteIsAtomic":            overwriteIsAtomic,
		"OpenReaderKeepsItsVersion":    openReaderKeepsItsVersion,
		"FailingReaderLeavesNothing":   failingReaderLeavesNothing,
		"FailingReaderKeepsTheOld":     failingReaderKeepsTheOld,
		"CancelledPutLeavesNothing":    cancelledPutLeavesNothing,
		"TooLargeLeavesNothing":        tooLargeLeavesNothing,
		"ContentAsLargeAsTheLimitFits": contentAsLargeAsTheLimitFits,
		"MissingIsErrNotFound":         missingIsErrNotFound,
		"FolderIsNoObject":             folderIsNoObject,
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
	// Hidden behind the bare interface, a Mover must be read from like any other.
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
		"URLNeedsALife":       urlNeedsALife,
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

// runDirect tests direct uploads, when the driver has them.
func runDirect(t *testing.T, open func(t *testing.T) Subject) {
	if _, ok := open(t).Driver.(storage.DirectDriver); !ok {
		return
	}
	for name, rule := range map[string]func(*testing.T, *storage.Bucket, string){
		"MakesTheObject":           directUploadMakesTheObject,
		"OfOnePart":                directUploadOfOnePart,
		"OtherSizeIsRefused":       directPartOfAnotherSizeIsRefused,
		"ExpiredURLIsRefused":      expiredPartURLIsRefused,
		"TamperedURLIsRefused":     tamperedPartURLIsRefused,
		"PartsCanBeSentAgain":      directPartsCanBeSentAgain,
		"WrongPartsMakeNothing":    wrongPartsMakeNothing,
		"CompletesOnce":            directUploadCompletesOnce,
		"AbortLeavesNothing":       abortedDirectUploadLeavesNothing,
		"UnknownUploads":           unknownDirectUploads,
		"UploadsAreApart":          directUploadsAreApart,
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
	b, err := storage.New(s.Driver, storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
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
	// The test's own context may be the cancelled one.
	if _, err := b.Stat(context.Background(), key); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("Stat(%s): %v, want ErrNotFound", key, err)
	}
	if keys := list(t, b, ""); len(keys) != 0 {
		t.Errorf("the store holds %q, want nothing", keys)
	}
}

// pattern is n bytes that repeat at no power of two, so that misplaced blocks show.
func pattern(n int) []byte {
	content := make([]byte, n)
	for i := range content {
		content[i] = byte(i % 251)
	}
	return content
}
