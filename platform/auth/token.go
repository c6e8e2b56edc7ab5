// Package auth proves who is calling: access tokens, password hashes, the signing secret, and the caller in the
// context. It knows nothing about accounts or sessions: a token proves its caller until it expires, and for a minute
// longer, because the clocks of hosts may differ by so much. Whether its session has ended is for others to ask.
package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// issuer is both the issuer and the audience of our tokens: the service talks to itself.
const issuer = "rising-stars-showcase"

// skew is by how much the clocks of two hosts may differ: one of them issues a token, and the other verifies it.
const skew = time.Minute

// ErrBadToken is returned for a token that is forged, expired, or issued by another service.
var ErrBadToken = errors.New("bad token")

// Tokens issues and verifies access tokens: JWT, HS256 only.
type Tokens struct {
	keys      []Key
	undivided [][]byte // verify tokens without a key id
	ttl       time.Duration
}

// NewTokens returns Tokens that are signed with the keys and valid for ttl.
func NewTokens(keys *Keys, ttl time.Duration) *Tokens {
	return &Tokens{keys: keys.For("tokens"), undivided: keys.Undivided(), ttl: ttl}
}

// TTL returns how long tokens are valid.
func (t *Tokens) TTL() time.Duration { return t.ttl }

// Issue returns a new token for the user's session, and how long it is valid. An empty sessionID means that there is no
// session that could end before the token does.
func (t *Tokens) Issue(userID, sessionID string) (token string, ttl time.Duration, err error) {
	now := time.Now()
	token, err = sign(t.keys[0], claims{SessionID: sessionID, RegisteredClaims: jwt.RegisteredClaims{
		Subject:   userID,
		Issuer:    issuer,
		Audience:  jwt.ClaimStrings{issuer},
		IssuedAt:  jwt.NewNumericDate(now),
		ExpiresAt: jwt.NewNumericDate(now.Add(t.ttl)),
	}})
	if err != nil {
		return "", 0, fmt.Errorf("sign a token: %w", err)
	}
	return token, t.ttl, nil
}

// Verify returns the caller that the token proves, or ErrBadToken.
func (t *Tokens) Verify(token string) (Principal, error) {
	found, err := verify(token, t.keys, t.undivided, issuer)
	p := Principal{UserID: found.Subject, SessionID: found.SessionID}
	if found.IssuedAt != nil {
		p.IssuedAt = found.IssuedAt.Time
	}
	return p, err
}

// claims are what a token says (RFC 7519). The session is the claim sid of OpenID Connect.
type claims struct {
	SessionID string `json:"sid,omitempty"`
	jwt.RegisteredClaims
}

func sign(key Key, claims claims) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
	token.Header["kid"] = key.ID
	return token.SignedString(key.Bytes)
}

// verify returns the claims of a token that one of the keys signed, or one of undivided if the token has no key id.
func verify(token string, keys []Key, undivided [][]byte, audience string) (claims, error) {
	var found claims
	_, err := jwt.ParseWithClaims(token, &found,
		func(t *jwt.Token) (any, error) {
			var set jwt.VerificationKeySet
			id, named := t.Header["kid"]
			for _, key := range keys {
				if id == key.ID {
					set.Keys = append(set.Keys, key.Bytes)
				}
			}
			for _, secret := range undivided {
				if !named {
					set.Keys = append(set.Keys, secret)
				}
			}
			return set, nil
		},
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
		jwt.WithLeeway(skew),
	)
	if err != nil {
		return claims{}, fmt.Errorf("%w: %w", ErrBadToken, err)
	}
	if found.Subject == "" {
		return claims{}, fmt.Errorf("%w: no subject", ErrBadToken)
	}
	return found, nil
}

// Principal is the caller of a request.
type Principal struct {
	UserID    string
	SessionID string    // "" for a token of no session
	IssuedAt  time.Time // when the token was, to the second; the zero value for a browser
}

type principalKey struct{}

// WithPrincipal puts the caller into ctx.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// Caller returns the caller, or false if the request is anonymous.
func Caller(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}

// CallerID returns the id of the caller, or "" for an anonymous request.
func CallerID(ctx context.Context) string {
	p, _ := Caller(ctx)
	return p.UserID
}
