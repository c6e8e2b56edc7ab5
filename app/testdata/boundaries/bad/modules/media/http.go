package media

import "risingstars/platform/fault"

type Module struct{}

type api struct{ *Module }

var errGone = fault.New(fault.NotFound, "gone", "No está.", "It is gone.")

func (m *Module) Routes() {}

func (m *Module) Retry() {}

func (a api) retry() {}
