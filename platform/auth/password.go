package auth

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"github.com/alexedwards/argon2id"
	"github.com/trustelem/zxcvbn/frequency"
	"golang.org/x/text/unicode/norm"
)

// Passwords hashes and checks passwords with argon2id and the minimum parameters of OWASP's Password Storage Cheat
// Sheet (m=19 MiB, t=2, p=1). Each operation needs 19 MiB of memory, so there are no more turns at once than there are
// processors, and no more than mostTurns; the others wait. It is safe for concurrent use.
type Passwords struct {
	params *argon2id.Params
	line   line
	decoy  string
}

// mostTurns is how many passwords are hashed at once on a machine of any size: about fifty a second.
const mostTurns = 2

// NewPasswords also makes the decoy against which the passwords of unknown accounts are checked: a hash that no
// password has. To hash one would take each process, and each command, as long as a sign-in.
func NewPasswords() (*Passwords, error) {
	p := &Passwords{
		params: &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32},
		line:   line{slots: min(runtime.GOMAXPROCS(0), mostTurns)},
	}
	encoded := func(length uint32) string {
		random := make([]byte, length)
		rand.Read(random) // documented to never fail
		return base64.RawStdEncoding.EncodeToString(random)
	}
	p.decoy = fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", p.params.Memory, p.params.Iterations,
		p.params.Parallelism, encoded(p.params.SaltLength), encoded(p.params.KeyLength))
	if _, _, _, err := argon2id.DecodeHash(p.decoy); err != nil {
		return nil, fmt.Errorf("make a decoy: %w", err)
	}
	return p, nil
}

// Enter waits for a turn to hash or check passwords, which leave ends. Callers of all clients take turns; client is the
// network address. If too many wait, or if the wait takes 5 s, the error is limit.ErrBusy.
func (p *Passwords) Enter(ctx context.Context, client string) (leave func(), err error) {
	if err := p.line.enter(ctx, client); err != nil {
		return nil, err
	}
	return sync.OnceFunc(func() {
		// The collector would let the memory of several turns pile up, because it lets garbage grow to the size of what
		// is in use. A collection takes a tenth of the time of a hash.
		runtime.GC()
		p.line.leave()
	}), nil
}

// Hash returns the encoded hash of the password's normal form NFKC, which includes a random salt and the parameters.
// Call it within a turn.
func (p *Passwords) Hash(password string) (string, error) {
	hash, err := argon2id.CreateHash(norm.NFKC.String(password), p.params)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return hash, nil
}

// Check reports whether hash is the hash of password, in its normal form NFKC or, as older hashes are, as it was typed.
// An empty hash stands for an unknown account: then Check does the same work as for a known one and returns false. Call
// it within a turn.
func (p *Passwords) Check(password, hash string) (bool, error) {
	known := hash != ""
	if !known {
		hash = p.decoy
	}
	match := false
	forms := []string{norm.NFKC.String(password)}
	if forms[0] != password {
		forms = append(forms, password)
	}
	for _, form := range forms { // all of them, so that the work depends on nothing but what was typed
		same, err := argon2id.ComparePasswordAndHash(form, hash)
		if err != nil {
			return false, fmt.Errorf("check a password: %w", err)
		}
		match = match || same
	}
	return match && known, nil
}

// IsCommon reports whether the password is among the 30,000 commonest of zxcvbn's list
// (https://github.com/dropbox/zxcvbn#data), which leaked from other services. It ignores case.
func IsCommon(password string) bool {
	_, common := commonPasswords()[strings.ToLower(norm.NFKC.String(password))]
	return common
}

// commonPasswords are those of 8 characters or more. Shorter ones are refused anyway.
var commonPasswords = sync.OnceValue(func() map[string]struct{} {
	common := map[string]struct{}{}
	for _, password := range frequency.FrequencyLists["passwords"] {
		if len(password) >= 8 {
			common[password] = struct{}{}
		}
	}
	return common
})
