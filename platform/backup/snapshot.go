package backup

import (
	"context"
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
	Program   string    `json:"program"` // the version that made it
	Encrypted bool      `json:"encrypted"`
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

// Snapshots returns what a place has, the latest first.
func Snapshots(ctx context.Context, p Place) ([]*Snapshot, error) {
	var names []string
	err := p.List(ctx, snapshots, func(name string, _ time.Time) error {
		if strings.HasSuffix(name, ".json") {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the backups: %w", err)
	}
	slices.Sort(names)
	slices.Reverse(names)
	var all []*Snapshot
	for _, name := range names {
		s, err := readSnapshot(ctx, p, name)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// Find returns the snapshot with a name, or the latest if that is "".
func Find(ctx context.Context, p Place, name string) (*Snapshot, error) {
	all, err := Snapshots(ctx, p)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		if name == "" || s.Name == name {
			return s, nil
		}
	}
	return nil, ErrNone
}

func readSnapshot(ctx context.Context, p Place, name string) (*Snapshot, error) {
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
	s.Name = strings.TrimSuffix(strings.TrimPrefix(name, snapshots), ".json")
	return s, nil
}
