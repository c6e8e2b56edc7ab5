package backup

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

const (
	snapshots = "snapshots/"
	dumps     = "dumps/"
	files     = "files/"
	encrypted = ".age"

	format     = 1
	nameFormat = "20060102-150405" // UTC
)

// Item is something at a place.
type Item struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`   // bytes, as stored
	SHA256 string `json:"sha256"` // of the bytes as stored, in hexadecimal
}

// File is a file of the contest at a place.
type File struct {
	Item

	Key      string `json:"key"`      // in the contest's storage
	Original int64  `json:"original"` // bytes, as in the contest's storage
}

// Snapshot says what belongs to the copy of one moment.
type Snapshot struct {
	Format    int       `json:"format"`
	Name      string    `json:"-"`
	At        time.Time `json:"at"`
	Program   string    `json:"program"`             // the version that made it
	Recipient string    `json:"recipient,omitempty"` // for whom dump, secret and files are encrypted; "": they are not
	Key       string    `json:"key"`                 // KeyID of the key that signs tokens and links
	Rows      int64     `json:"rows"`
	Dump      Item      `json:"dump"`
	Secret    *Item     `json:"secret,omitempty"` // the key that signs tokens and links, if the contest made it itself
	Files     []File    `json:"files"`
}

// Bytes is what the snapshot's files had in the contest's storage.
func (s *Snapshot) Bytes() int64 {
	total := int64(0)
	for _, file := range s.Files {
		total += file.Original
	}
	return total
}

// ErrNone means that a place has no snapshot, or none of the name.
var ErrNone = errors.New("there is no such backup")

// KeyID tells keys apart without telling anything of them.
func KeyID(secret []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("backup"))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// Names returns the names of a place's snapshots, the latest first.
func Names(ctx context.Context, p Place) ([]string, error) {
	var names []string
	err := p.List(ctx, snapshots, func(e Entry) error {
		if name, ok := strings.CutSuffix(strings.TrimPrefix(e.Name, snapshots), ".json"); ok {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the backups: %w", err)
	}
	slices.Sort(names)
	slices.Reverse(names)
	return names, nil
}

// Find returns the snapshot with a name, or the latest if that is "".
func Find(ctx context.Context, p Place, name string) (*Snapshot, error) {
	names, err := Names(ctx, p)
	if err != nil {
		return nil, err
	}
	for _, known := range names {
		if name == "" || known == name {
			return readSnapshot(ctx, p, known)
		}
	}
	return nil, ErrNone
}

func readSnapshot(ctx context.Context, p Place, of string) (*Snapshot, error) {
	name := snapshots + of + ".json"
	r, err := p.Open(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	s := &Snapshot{}
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if s.Format != format {
		return nil, fmt.Errorf("%s has the format %d, which this program does not know", name, s.Format)
	}
	s.Name = of
	return s, nil
}
