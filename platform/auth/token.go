// Package auth proves who is calling: access tokens, password hashes, the signing secret, and the caller in the
// context. It knows nothing about accounts. Tokens cannot be revoked: each is valid until it expires.
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

// ErrBadToken is returned for a token that is forged, expired, or issued by another service.
var ErrBadToken = errors.New("bad token")

// Tokens issues and verifies access tokens: JWT, HS256 only.
type Tokens struct {
	secret []byte
	ttl    time.Duration
}

// NewTokens returns Tokens that are signed with secret, which must have at least 32 bytes, and that are valid for ttl.
func NewTokens(secret []byte, ttl time.Duration) *Tokens {
	return &Tokens{secret: secret, ttl: ttl}
}

// Issue returns a new token for the user, and how long it is valid.
func (t *Tokens) Issue(userID string) (token string, ttl time.Duration, err error) {
	now := time.Now()
	token, err = jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Subject:   userID,
		Issuer:    issuer,
		Audience:  jwt.ClaimStrings{issuer},
		IssuedAt:  jwt.NewNumericDate(now),
		ExpiresAt: jwt.NewNumericDate(now.Add(t.ttl)),
	}).SignedString(t.secret)
	if err != nil {
		return "", 0, fmt.Errorf("sign a token: %w", err)
	}
	return token, t.ttl, nil
}

// Verify returns the caller that the token proves, or ErrBadToken.
func (t *Tokens) Verify(token string) (Principal, error) {
	var claims jwt.RegisteredClaims
	_, err := jwt.ParseWithClaims(token, &claims,
		func(*jwt.Token) (any, error) { return t.secret, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithIssuer(issuer), jwt.WithAudience(issuer), jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
	)
	if err != nil {
		return Principal{}, fmt.Errorf("%w: %w", ErrBadToken, err)
	}
	if claims.Subject == "" {
		return Principal{}, fmt.Errorf("%w: no subject", ErrBadToken)
	}
	return Principal{UserID: claims.Subject}, nil
}

// Principal is the caller of a request.
type Principal struct {
	UserID string
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
