package webhooks

import "risingstars/platform/fault"

var (
	errNoEndpoint = fault.New(fault.NotFound, "not_found",
		"Este webhook no existe.",
		"This webhook does not exist.")
	errNoDelivery = fault.New(fault.NotFound, "not_found",
		"Esta entrega no existe.",
		"This delivery does not exist.")
	errTooMany = fault.New(fault.Conflict, "too_many_webhooks",
		"Ya hay 20 webhooks. Borra uno que no uses.",
		"There are 20 webhooks already. Delete one that you do not use.")
	errIsOff = fault.New(fault.Conflict, "webhook_off",
		"Este webhook está apagado. Enciéndelo primero.",
		"This webhook is off. Switch it on first.")
)

// Faults returns the faults that this module declares, for the catalogue of errors.
func Faults() []*fault.Error {
	return []*fault.Error{errNoEndpoint, errNoDelivery, errTooMany, errIsOff}
}

// reject returns the fault for a field that breaks a rule.
func reject(field, es, en string) error {
	return fault.ErrInvalid.WithFields(fault.Field{
		Location: "body." + field, Message: fault.Text{ES: es, EN: en},
	})
}
