package storage

import (
	"fmt"
	"strings"
)

const (
	maxKeyBytes     = 512
	maxSegmentBytes = 255 // the longest file name of common file systems
)

// CheckKey returns an error that wraps ErrInvalidKey unless key is relative, separated by slashes, and made of segments
// of [a-z0-9._-] that are not empty and do not begin with a dot. Capitals are not allowed because some file systems
// ignore case; a leading dot is not allowed because of ".." and because it hides files, including the drivers' own.
// Valid keys need no escaping in paths or URLs.
func CheckKey(key string) error {
	if key == "" {
		return fmt.Errorf("%w: empty", ErrInvalidKey)
	}
	if len(key) > maxKeyBytes {
		return fmt.Errorf("%w: %d bytes, want at most %d", ErrInvalidKey, len(key), maxKeyBytes)
	}
	for segment := range strings.SplitSeq(key, "/") {
		if err := checkSegment(segment); err != nil {
			return fmt.Errorf("%w %q: %w", ErrInvalidKey, key, err)
		}
	}
	return nil
}

// CheckPrefix returns an error that wraps ErrInvalidKey unless prefix is empty or a valid key can begin with it.
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
		return fmt.Errorf("segment of %d bytes, want at most %d", len(segment), maxSegmentBytes)
	}
	for i := range len(segment) {
		c := segment[i]
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-') {
			return fmt.Errorf("byte %q is not allowed", c)
		}
	}
	return nil
}
