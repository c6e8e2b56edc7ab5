package auth

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// LoadOrCreateSecret returns the secret kept at path, made on the first call: 32 random bytes in hex, readable by the
// owner only. Processes that start at once agree on one secret.
func LoadOrCreateSecret(path string) ([]byte, error) {
	secret, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := createSecret(path); err != nil {
			return nil, fmt.Errorf("make the secret at %s: %w", path, err)
		}
		secret, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the secret: %w", err)
	}
	secret = []byte(strings.TrimSpace(string(secret)))
	if len(secret) < 32 {
		return nil, fmt.Errorf("the secret at %s has %d bytes, needs 32: remove the file to have it made again", path, len(secret))
	}
	return secret, nil
}

// createSecret writes a whole file beside path and links it into place, which only the first of several can do.
func createSecret(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("make its folder: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // 0600 by definition
	if err != nil {
		return fmt.Errorf("make a temporary file: %w", err)
	}
	defer os.Remove(file.Name())
	key := make([]byte, 32)
	rand.Read(key) // never fails, by its documentation
	_, err = file.WriteString(hex.EncodeToString(key) + "\n")
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write it: %w", err)
	}
	if err := os.Link(file.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("put it in place: %w", err)
	}
	return nil
}
