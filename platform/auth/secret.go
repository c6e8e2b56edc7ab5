package auth

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"risingstars/platform/disk"
)

// LoadOrCreateSecret returns the secret in the file at path. The first call creates it: 32 random bytes in hex, in a
// file that only its owner can read. Processes that start at the same time get the same secret.
func LoadOrCreateSecret(path string) ([]byte, error) {
	secret, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key := make([]byte, 32)
		rand.Read(key) // documented to never fail
		if err := putSecret(path, hex.EncodeToString(key)); err != nil {
			return nil, fmt.Errorf("create the secret at %s: %w", path, err)
		}
		secret, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the secret: %w", err)
	}
	secret = []byte(strings.TrimSpace(string(secret)))
	if len(secret) < 32 {
		return nil, fmt.Errorf("the secret at %s has %d bytes, but needs at least 32; remove the file to get a new one",
			path, len(secret))
	}
	return secret, nil
}

// RestoreSecret makes the file at path, with this secret. A file with another secret stays, and is an
// error.
func RestoreSecret(path string, secret []byte) error {
	if err := putSecret(path, string(secret)); err != nil {
		return fmt.Errorf("restore the secret at %s: %w", path, err)
	}
	return WantSecret(path, secret)
}

// WantSecret returns an error if the file at path has another secret, or is missing.
func WantSecret(path string, secret []byte) error {
	found, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the secret: %w", err)
	}
	if !bytes.Equal(bytes.TrimSpace(found), bytes.TrimSpace(secret)) {
		return fmt.Errorf("there is another secret at %s: move it away", path)
	}
	return nil
}

// putSecret writes a complete file beside path and links it to path, which succeeds only for the first of several
// processes. What it signs is worth nothing without it, so a power cut does not lose it.
func putSecret(path, secret string) error {
	if err := disk.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("create its folder: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // 0600 by definition
	if err != nil {
		return fmt.Errorf("create a temporary file: %w", err)
	}
	defer os.Remove(file.Name())
	_, err = file.WriteString(strings.TrimSpace(secret) + "\n")
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write it: %w", err)
	}
	if err := os.Link(file.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("put it in place: %w", err)
	}
	return disk.SyncFolder(filepath.Dir(path)) // even if another process has put it there
}
