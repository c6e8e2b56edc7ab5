package auth

import (
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

// DeviceTTL is how long a device is known after a sign-in.
const DeviceTTL = 180 * 24 * time.Hour

// deviceAudience keeps the proofs of devices apart from access tokens, although their keys differ, too.
const deviceAudience = issuer + " device"

// Devices proves that a device was used to sign in to an account. A proof signs nobody in.
type Devices struct {
	keys []Key
}

// NewDevices returns Devices that are signed with the keys.
func NewDevices(keys *Keys) *Devices { return &Devices{keys.For("devices")} }

// Issue returns the proof for a new device of the account. It is valid for DeviceTTL.
func (d *Devices) Issue(accountID string) (string, error) {
	now := time.Now()
	proof, err := sign(d.keys[0], claims{RegisteredClaims: jwt.RegisteredClaims{
		ID: uuid.NewString(), Subject: accountID, Issuer: issuer, Audience: jwt.ClaimStrings{deviceAudience},
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(DeviceTTL)),
	}})
	if err != nil {
		return "", fmt.Errorf("sign the proof of a device: %w", err)
	}
	return proof, nil
}

// Verify returns the account and the id of the device that the proof is for, and when it was issued, to the second
// before; or ErrBadToken.
func (d *Devices) Verify(proof string) (accountID, deviceID string, issued time.Time, err error) {
	found, err := verify(proof, d.keys, nil, deviceAudience)
	if found.IssuedAt != nil {
		issued = found.IssuedAt.Time
	}
	return found.Subject, found.ID, issued, err
}
