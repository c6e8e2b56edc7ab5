package app

import "risingstars/platform/limit"

// openLimits chooses where the use of budgets is counted: in Redis or else in PostgreSQL, so that all processes count
// together, or in this process if it has neither.
func (a *app) openLimits() error {
	o := limit.Options{RatesOff: !a.c.Limits.Rates || !a.c.Auth.RateLimit, Registerer: a.registry, Logger: a.log}
	switch {
	case a.c.Queue.RedisURL != "":
		shared, err := limit.OpenRedis(a.c.Queue.RedisURL)
		if err != nil {
			return withVariable("REDIS_URL", err)
		}
		o.Shared = shared
	case !a.c.Embedded():
		o.Shared = limit.NewPostgres(a.db)
	}
	a.limits = limit.New(o)
	a.closers = append(a.closers, a.limits.Close)
	return nil
}
