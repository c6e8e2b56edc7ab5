package media

import "risingstars/platform/fault"

var (
	errNotFound = fault.New(fault.NotFound, "not_found", "Este video no existe.", "This video does not exist.")
	errNoUpload = fault.New(fault.NotFound, "not_found", "Esta subida no existe.", "This upload does not exist.")
)
