package app

import (
	"errors"

	"risingstars/modules/identity"
	"risingstars/platform/ratelimit"
)

// The limits on signing up and signing in. A school class behind one address must be able to sign up within a few
// minutes, but guessing the passwords of an account must be slow.
var (
	signupByClient = ratelimit.Quota{PerMinute: 60, Burst: 120}
	loginByClient  = ratelimit.Quota{PerMinute: 120, Burst: 240}
	loginByAccount = ratelimit.Quota{PerMinute: 10, Burst: 20}
)

// limits returns the limiters. If the deployment has Redis, they count there, so that all processes count together.
func (a *app) limits() (limits identity.Limits, err error) {
	if !a.c.Auth.RateLimit {
		none := (*ratelimit.Limiter)(nil)
		return identity.Limits{SignUpByClient: none, SignInByClient: none, SignInByAccount: none}, nil
	}
	limiter := func(_ string, q ratelimit.Quota) (*ratelimit.Limiter, error) { return ratelimit.New(q) }
	if a.c.Queue.Backend == "redis" {
		shared, err := ratelimit.OpenShared(ratelimit.SharedOptions{URL: a.c.Queue.RedisURL, Logger: a.log})
		if err != nil {
			return limits, withVariable("REDIS_URL", err)
		}
		a.closers = append(a.closers, shared.Close)
		limiter = func(name string, q ratelimit.Quota) (*ratelimit.Limiter, error) {
			return ratelimit.NewShared(shared, name, q), nil
		}
	}
	signupByClient, err1 := limiter("signup-client", signupByClient)
	loginByClient, err2 := limiter("login-client", loginByClient)
	loginByAccount, err3 := limiter("login-account", loginByAccount)
	return identity.Limits{
		SignUpByClient: signupByClient, SignInByClient: loginByClient, SignInByAccount: loginByAccount,
	}, errors.Join(err1, err2, err3)
}
