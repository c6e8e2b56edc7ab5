package archive

import (
	"archive/zip"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"risingstars/platform/storage"
)

// entryRoom is what an entry of a zip file has beside its content, at most, in bytes.
const entryRoom = 1 << 10

// readme says what the zip file has, and what it has not and why.
//
//go:embed README.txt
var readme []byte

// document is a small file of the zip file.
type document struct {
	name    string
	content []byte
}

func documentsOf(p Person) ([]document, error) {
	documents := []document{{"README.txt", readme}}
	for _, record := range p.Records {
		content, err := json.MarshalIndent(record.Data, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", record.Name, err)
		}
		documents = append(documents, document{record.Name + ".json", append(content, '\n')})
	}
	return documents, nil
}

// sizeOf returns the most that the zip file can have, in bytes: deflated text may grow a little.
func sizeOf(documents []document, files []File) (size int64) {
	for _, d := range documents {
		size += int64(len(d.content)) + int64(len(d.content))/100 + entryRoom
	}
	for _, f := range files {
		size += f.Size + 2*entryRoom // and its line in missing.json
	}
	return size + entryRoom
}

// write writes the zip file. Clips are compressed already, so they are stored as they are. Files that are gone are
// listed: their owner reads elsewhere why.
func (m *Module) write(ctx context.Context, w io.Writer, documents []document, files []File) error {
	z := zip.NewWriter(w)
	now := time.Now().UTC()
	for _, d := range documents {
		if err := add(z, d, now); err != nil {
			return err
		}
	}
	missing := []string{}
	for _, f := range files {
		err := m.addFile(ctx, z, f)
		if errors.Is(err, storage.ErrNotFound) {
			missing = append(missing, f.Name)
			continue
		}
		if err != nil {
			return fmt.Errorf("add %s: %w", f.Name, err)
		}
	}
	if len(missing) > 0 {
		content, err := json.MarshalIndent(missing, "", "  ")
		if err == nil {
			err = add(z, document{"missing.json", content}, now)
		}
		if err != nil {
			return err
		}
	}
	return z.Close()
}

func add(z *zip.Writer, d document, at time.Time) error {
	w, err := z.CreateHeader(&zip.FileHeader{Name: d.name, Method: zip.Deflate, Modified: at})
	if err == nil {
		_, err = w.Write(d.content)
	}
	if err != nil {
		return fmt.Errorf("add %s: %w", d.name, err)
	}
	return nil
}

// addFile returns storage.ErrNotFound, and adds nothing, if the file is gone.
func (m *Module) addFile(ctx context.Context, z *zip.Writer, f File) error {
	r, object, err := m.bucket.Open(ctx, f.Key)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := z.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Store, Modified: object.ModTime})
	if err == nil {
		_, err = io.Copy(w, r)
	}
	if errors.Is(err, storage.ErrNotFound) { // it went while it was read, so the entry is not whole
		err = fmt.Errorf("the file has gone: %s", err.Error())
	}
	return err
}
