package limit

import "risingstars/platform/fault"

// The faults of refused uses. Each says when to try again.
var (
	ErrTooMany = fault.New(fault.TooManyRequests, "too_many_requests",
		"Demasiadas peticiones seguidas.",
		"Too many requests in a row.")
	ErrTooManyAtOnce = fault.New(fault.TooManyRequests, "too_many_at_once",
		"Tienes demasiadas peticiones en curso. Espera a que termine alguna.",
		"Too many of your requests are under way. Wait until one of them ends.")
	ErrBusy = fault.New(fault.Unavailable, "busy",
		"Hay mucha gente en este momento.",
		"The service is busy at the moment.")
)

// Faults returns the faults that this package declares, for the catalogue of errors.
func Faults() []*fault.Error { return []*fault.Error{ErrTooMany, ErrTooManyAtOnce, ErrBusy} }
