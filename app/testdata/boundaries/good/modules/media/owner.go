package media

type Module struct{}

func (m *Module) Retry() {}
