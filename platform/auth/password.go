package auth

import (
	"context"
	"fmt"
	"runtime"

	"github.com/alexedwards/argon2id"
)

// Passwords hashes and checks passwords with argon2id, in the parameters that OWASP's Password Storage Cheat Sheet gives
// first (m=19 MiB, t=2, p=1). Each check takes 19 MiB, so no more run at once than there are processors to run them.
type Passwords struct {
	params *argon2id.Params
	slots  chan struct{}
	decoy  string
}

// NewPasswords prepares a decoy hash for unknown accounts.
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

// Hash returns the encoded hash of password, with its salt and parameters.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	if err := p.enter(ctx); err != nil {
		return "", err
	}
	defer p.leave()
	hash, err := argon2id.CreateHash(password, p.params)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return hash, nil
}

// Check tells whether password belongs to hash. An empty hash stands for an unknown account: the answer is false, after
// the same work as for a known one.
func (p *Passwords) Check(ctx context.Context, password, hash string) (bool, error) {
	if err := p.enter(ctx); err != nil {
		return false, err
	}
	defer p.leave()
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

func (p *Passwords) enter(ctx context.Context) error {
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait to hash a password: %w", ctx.Err())
	}
}

func (p *Passwords) leave() { <-p.slots }
