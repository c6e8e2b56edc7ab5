package auth

import (
	"context"
	"fmt"
	"runtime"

	"github.com/alexedwards/argon2id"
)

// Passwords hashes and checks passwords with argon2id and the minimum parameters of OWASP's Password Storage Cheat
// Sheet (m=19 MiB, t=2, p=1). Each operation needs 19 MiB of memory, so no more run at once than there are processors;
// the others wait. It is safe for concurrent use.
type Passwords struct {
	params *argon2id.Params
	slots  chan struct{}
	decoy  string
}

// NewPasswords also computes the decoy hash against which the passwords of unknown accounts are checked.
func NewPasswords() (*Passwords, error) {
	p := &Passwords{
		params: &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32},
		slots:  make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
	var err error
	if p.decoy, err = p.Hash(context.Background(), "a password that nobody has"); err != nil {
		return nil, err
	}
	return p, nil
}

// Hash returns the encoded hash of password, which includes a random salt and the parameters.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	if err := p.acquire(ctx); err != nil {
		return "", err
	}
	defer p.release()
	hash, err := argon2id.CreateHash(password, p.params)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return hash, nil
}

// Check reports whether hash is the hash of password. An empty hash stands for an unknown account: then Check does the
// same work as for a known one and returns false.
func (p *Passwords) Check(ctx context.Context, password, hash string) (bool, error) {
	if err := p.acquire(ctx); err != nil {
		return false, err
	}
	defer p.release()
	known := hash != ""
	if !known {
		hash = p.decoy
	}
	match, err := argon2id.ComparePasswordAndHash(password, hash)
	if err != nil {
		return false, fmt.Errorf("check a password: %w", err)
	}
	return match && known, nil
}

// acquire waits until fewer operations run than there are processors.
func (p *Passwords) acquire(ctx context.Context) error {
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait to hash a password: %w", ctx.Err())
	}
}

func (p *Passwords) release() { <-p.slots }
