package media

import "risingstars/platform/fault"

const codeTaken = "taken"

var errTaken = fault.New(fault.Malformed, codeTaken, "Ocupado.", "Taken.")
