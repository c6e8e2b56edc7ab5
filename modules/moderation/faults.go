package moderation

import "risingstars/platform/fault"

var (
	errAlreadyHidden = fault.New(fault.Conflict, "already_hidden",
		"Este video ya está oculto.",
		"This video is hidden already.")
	errNotHidden = fault.New(fault.Conflict, "not_hidden",
		"Este video no está oculto.",
		"This video is not hidden.")
	errAlreadyReported = fault.New(fault.Conflict, "already_reported",
		"Ya recibimos tu reporte de este video.",
		"We already have your report of this video.")
	errNoReport = fault.New(fault.NotFound, "not_found",
		"Este reporte no existe.",
		"This report does not exist.")
	errAlreadyDecided = fault.New(fault.Stale, "already_decided",
		"Otra persona ya decidió sobre este reporte.",
		"Somebody else has already decided on this report.")
)

// Faults returns the faults that this module declares, for the catalogue of errors.
func Faults() []*fault.Error {
	return []*fault.Error{errAlreadyHidden, errNotHidden, errAlreadyReported, errNoReport, errAlreadyDecided}
}
