package aws_test

import (
	"testing"

	"risingstars/infra/aws/cfntest"
)

func TestTemplatesFitTheSchemas(t *testing.T) {
	t.Parallel()
	registry, files := setup(t)
	problems, err := cfntest.Check(registry, files)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
}

func setup(t *testing.T) (*cfntest.Registry, cfntest.Files) {
	t.Helper()
	registry, err := cfntest.OpenRegistry(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	files, err := cfntest.Read(".")
	if err != nil {
		t.Fatal(err)
	}
	return registry, files
}
