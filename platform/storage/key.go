package storage

import (
	"fmt"
	"strings"
)

const (
	maxKeyBytes     = 512
	maxSegmentBytes = 255 // the longest file name of common file systems
)

// CheckKey returns an error that wraps ErrInvalidKey unless key is relative and slash-separated, its segments made of [a-z0-9._-], not
// empty and not beginning with a dot. Capitals are out because some file systems do not tell them apart; a leading dot is out because
// it makes ".." and hides files, drivers' own among them. Such keys need no escaping in paths or URLs.
func CheckKey(key string) error {
	if key == "" {
		return fmt.Errorf("%w: empty", ErrInvalidKey)
	}
	if len(key) > maxKeyBytes {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrInvalidKey, len(key), maxKeyBytes)
	}
	for segment := range strings.SplitSeq(key, "/") {
		if err := checkSegment(segment); err != nil {
			return fmt.Errorf("%w %q: %w", ErrInvalidKey, key, err)
		}
	}
	return nil
}

// CheckPrefix accepts what a valid key can begin with, and the empty prefix.
func CheckPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	if trimmed, ok := strings.CutSuffix(prefix, "/"); ok && trimmed != "" {
		prefix = trimmed
	}
	return CheckKey(prefix)
}

func checkSegment(segment string) error {
	switch {
	case segment == "":
		return fmt.Errorf("empty segment")
	case segment[0] == '.':
		return fmt.Errorf("segment %q begins with a dot", segment)
	case len(segment) > maxSegmentBytes:
		return fmt.Errorf("segment of %d bytes, at most %d", len(segment), maxSegmentBytes)
	}
	for i := range len(segment) {
		c := segment[i]
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-') {
			return fmt.Errorf("byte %q", c)
		}
	}
	return nil
}
