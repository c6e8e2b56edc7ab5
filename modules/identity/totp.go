package identity

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"risingstars/platform/limit"
)

const (
	factorPeriod  = 30 // seconds of a step (RFC 6238 §5.2), which every authenticator knows
	factorSteps   = 1  // by how many steps clocks may differ, to either side
	factorIssuer  = "Rising Stars Showcase"
	codeLength    = 6
	recoveryCount = 10
	recoverySize  = 16 // characters of 5 bits each
	recoveryGroup = 4  // characters between two hyphens
)

// Factor is the state of an account's second factor.
type Factor struct {
	Enabled       bool
	Required      bool // for what the account's roles may do
	RecoveryCodes int  // how many are left
}

// FactorOffer is what an authenticator needs. It is shown once.
type FactorOffer struct {
	Secret string // base32
	URL    string // otpauth://, which is what the QR code has
}

// FactorOf returns the state of the account's second factor.
func (m *Module) FactorOf(ctx context.Context, userID string) (f Factor, err error) {
	row, err := m.store.factor(ctx, userID)
	if err != nil {
		return Factor{}, err
	}
	if f.Required, err = m.needsFactor(ctx, userID); err != nil {
		return Factor{}, err
	}
	if f.Enabled = row.holds(); f.Enabled {
		f.RecoveryCodes, err = m.store.recoveryCodes(ctx, userID)
	}
	return f, err
}

// RequireFactor returns errFactorRequired if an act of the account by its roles needs a second factor that it does not
// have. Whoever checks a role calls it.
func (m *Module) RequireFactor(ctx context.Context, userID string) error {
	needs, err := m.needsFactor(ctx, userID)
	if err != nil || !needs {
		return err
	}
	row, err := m.store.factor(ctx, userID)
	if err == nil && !row.holds() {
		err = errFactorRequired
	}
	return err
}

func (m *Module) needsFactor(ctx context.Context, userID string) (bool, error) {
	if !m.adminFactor {
		return false, nil
	}
	roles, err := m.RolesOf(ctx, userID)
	return slices.Contains(roles, Admin), err
}

// OfferFactor begins to set up a second factor for who knows the account's password. It holds once a code of it was
// confirmed; until then it can be offered anew. client is the caller's network address.
func (m *Module) OfferFactor(ctx context.Context, userID, password, client string) (FactorOffer, error) {
	user, err := m.checkOwner(ctx, userID, password, client)
	if err != nil {
		return FactorOffer{}, err
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: factorIssuer, AccountName: user.Email})
	if err != nil {
		return FactorOffer{}, fmt.Errorf("make a second factor: %w", err)
	}
	offered := false
	err = m.store.db.InTx(ctx, func(ctx context.Context) error {
		if err := m.store.stillHas(ctx, userID, user.PasswordHash); err != nil {
			return err
		}
		offered, err = m.store.offerFactor(ctx, userID, m.vault.Close(key.Secret(), userID), time.Now())
		return err
	})
	switch {
	case err != nil:
		return FactorOffer{}, err
	case !offered:
		return FactorOffer{}, errFactorOn
	}
	return FactorOffer{Secret: key.Secret(), URL: key.URL()}, nil
}

// ConfirmFactor makes the offered factor hold, by a code of it, and returns the recovery codes, which nobody can read
// again. All sessions end but the one kept, because they began without it.
func (m *Module) ConfirmFactor(ctx context.Context, userID, code, kept string) (recovery []string, err error) {
	row, err := m.store.factor(ctx, userID)
	switch {
	case err != nil:
		return nil, err
	case row.holds():
		return nil, errFactorOn
	case row.Secret == "":
		return nil, errNoFactor
	}
	if err := m.limits.Take(ctx, codeGuesses, userID); err != nil {
		return nil, err
	}
	if right, err := m.useCode(ctx, row, code); err != nil || !right {
		return nil, cmp.Or(err, error(errNotTheCode))
	}
	hashes := make([]string, recoveryCount)
	for i := range hashes {
		code := rand.Text()[:recoverySize]
		hashes[i] = recoveryHash(userID, code)
		recovery = append(recovery, grouped(code))
	}
	err = m.store.db.InTx(ctx, func(ctx context.Context) error {
		confirmed, err := m.store.confirmFactor(ctx, userID, hashes)
		if err == nil && !confirmed {
			err = errFactorOn // another click was first
		}
		if err != nil {
			return err
		}
		return m.EndAll(ctx, userID, kept)
	})
	if err != nil {
		return nil, err
	}
	m.learnAll(ctx)
	m.log.InfoContext(ctx, "a second factor was set up", "user_id", userID)
	return recovery, m.limits.Reset(ctx, codeGuesses, userID)
}

// RemoveFactor removes the second factor for who knows the password and has a code. client is the caller's network
// address.
func (m *Module) RemoveFactor(ctx context.Context, userID, password, code, client string) error {
	user, err := m.checkOwner(ctx, userID, password, client)
	if err != nil {
		return err
	}
	row, err := m.store.factor(ctx, userID)
	switch {
	case err != nil:
		return err
	case !row.holds():
		return errNoFactor
	}
	if err := m.checkCode(ctx, row, code, ""); errors.Is(err, errWrongCode) {
		return errNotTheCode
	} else if err != nil {
		return err
	}
	err = m.store.db.InTx(ctx, func(ctx context.Context) error {
		if err := m.store.stillHas(ctx, userID, user.PasswordHash); err != nil {
			return err
		}
		return m.store.deleteFactor(ctx, userID)
	})
	if err != nil {
		return err
	}
	m.log.InfoContext(ctx, "a second factor was removed", "user_id", userID)
	return nil
}

// TakeFactor removes the second factor of an account whose owner has lost both it and the recovery codes. It reports
// false, and changes nothing, if the account has none. It stands in the log, with the reason.
func (m *Module) TakeFactor(ctx context.Context, by Actor, email string) (taken bool, err error) {
	if err := by.explained(); err != nil {
		return false, err
	}
	user, err := m.store.byEmail(ctx, email)
	if err != nil {
		return false, err
	}
	err = m.store.db.InTx(ctx, func(ctx context.Context) error {
		if err := m.store.lockAccount(ctx, user.ID); err != nil {
			return err
		}
		row, err := m.store.factor(ctx, user.ID)
		if taken = row.holds(); err != nil || !taken {
			return err
		}
		if err := m.store.deleteFactor(ctx, user.ID); err != nil {
			return err
		}
		return m.AddRecord(ctx, by.did("totp.remove", "user:"+user.ID, "on", "off"))
	})
	return taken, err
}

// checkOwner returns the account if the password is its. Guesses are limited as those of sign-ins are.
func (m *Module) checkOwner(ctx context.Context, userID, password, client string) (User, error) {
	user, err := m.store.byID(ctx, userID)
	if err != nil {
		return User{}, err
	}
	return user, m.checkPresent(ctx, Caller{UserID: userID, Client: client}, user, password)
}

// checkCode returns errWrongCode unless the code is one of the factor, or a recovery code; either is good for once. A
// device that signed in before has guesses of its own, so that nobody can use up the owner's.
func (m *Module) checkCode(ctx context.Context, row factorRow, code, device string) error {
	key := row.UserID
	if device != "" {
		key += "\n" + device
	}
	budgets := []limit.Budget{codeGuesses, moreCodeGuesses}
	for _, b := range budgets {
		if err := m.limits.Take(ctx, b, key); err != nil {
			return err
		}
	}
	right, err := m.useCode(ctx, row, code)
	if err == nil && !right {
		right, err = m.useRecoveryCode(ctx, row.UserID, code)
	}
	if err != nil {
		return err
	}
	if !right {
		return errWrongCode
	}
	for _, b := range budgets {
		if err := m.limits.Reset(ctx, b, key); err != nil {
			return err
		}
	}
	return nil
}

// useCode reports whether the code is that of the present step, or of one beside it, and has not been used.
func (m *Module) useCode(ctx context.Context, row factorRow, code string) (bool, error) {
	code = strings.Join(strings.Fields(code), "")
	if len(code) != codeLength {
		return false, nil
	}
	secret, err := m.vault.Open(row.Secret, row.UserID)
	if err != nil { // SECRET_KEY was lost; the recovery codes do not depend on it
		m.log.ErrorContext(ctx, "a second factor cannot be read", "user_id", row.UserID, "error", err)
		return false, nil
	}
	present, right := time.Now().Unix()/factorPeriod, int64(-1)
	for step := present - factorSteps; step <= present+factorSteps; step++ {
		want, err := hotp.GenerateCode(secret, uint64(step))
		if err != nil {
			return false, fmt.Errorf("compute a code: %w", err)
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			right = step
		}
	}
	if right < 0 {
		return false, nil
	}
	return m.store.useStep(ctx, row.UserID, m.vault.Close(secret, row.UserID), right, present)
}

func (m *Module) useRecoveryCode(ctx context.Context, userID, code string) (bool, error) {
	code = strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(code))
	if len(code) != recoverySize {
		return false, nil
	}
	used, err := m.store.useRecovery(ctx, userID, recoveryHash(userID, code))
	if used {
		m.log.WarnContext(ctx, "a recovery code was used", "user_id", userID)
	}
	return used, err
}

func recoveryHash(userID, code string) string { return tokenHash(userID + " " + code) }

// grouped writes a recovery code so that it can be copied by hand.
func grouped(code string) string {
	var groups []string
	for ; len(code) > 0; code = code[recoveryGroup:] {
		groups = append(groups, code[:recoveryGroup])
	}
	return strings.Join(groups, "-")
}
