package certificate

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/caddyserver/certmagic"
)

// Kept is what a folder has of a name.
type Kept struct {
	Name                string
	NotBefore, NotAfter time.Time // zero: there is no certificate yet
	Err                 error     // why that is unknown
}

// Valid reports whether browsers accept the certificate at a time.
func (k Kept) Valid(now time.Time) bool { return now.After(k.NotBefore) && now.Before(k.NotAfter) }

// Due reports whether the certificate should have been renewed by a time: it is renewed when a third of its life is
// left.
func (k Kept) Due(now time.Time) bool {
	return k.NotAfter.Sub(now) < k.NotAfter.Sub(k.NotBefore)/4
}

// Look reads the certificates that the folder has, without a manager. It creates nothing, asks nobody, and needs of the
// options only the folder, the names and the directory. It goes on after an error.
func Look(o Options) (all []Kept, err error) {
	o = o.withDefaults()
	cache := certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return nil, errors.New("none") },
		Logger:           bridge(o.Logger),
	})
	defer cache.Stop()
	config := certmagic.New(cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: o.Folder}, Logger: bridge(o.Logger),
	})
	authority := newIssuer(config, o).IssuerKey()
	for _, name := range o.Names {
		file := filepath.Join(o.Folder, filepath.FromSlash(certmagic.StorageKeys.SiteCert(authority, name)))
		kept := Kept{Name: name}
		leaf, readErr := readLeaf(file)
		switch {
		case readErr == nil:
			kept.NotBefore, kept.NotAfter = leaf.NotBefore, leaf.NotAfter
		case !errors.Is(readErr, fs.ErrNotExist):
			kept.Err = fmt.Errorf("read the certificate of %s: %w", name, readErr)
			err = errors.Join(err, kept.Err)
		}
		all = append(all, kept)
	}
	return all, err
}

func readLeaf(file string) (*x509.Certificate, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, fmt.Errorf("%s is no PEM file", file)
	}
	return x509.ParseCertificate(block.Bytes)
}
