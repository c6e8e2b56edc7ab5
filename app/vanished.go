package app

import (
	"context"
	"fmt"
	"os"

	"risingstars/platform/telemetry"
)

// stays returns a check that fails once the file or folder at path is gone or is another one: a process that holds it
// open would go on as if nothing had happened, and lose everything that it is given.
func stays(variable, path string) (telemetry.Check, error) {
	first, err := os.Stat(path)
	if err != nil {
		return telemetry.Check{}, withVariable(variable, err)
	}
	const failure = "the folder or its database is gone or has been replaced: put it back, or restart this process"
	return telemetry.Check{Name: variable, Failure: failure, Run: func(context.Context) error {
		now, err := os.Stat(path)
		if err != nil {
			return withVariable(variable, err)
		}
		if !os.SameFile(first, now) {
			return fmt.Errorf("%s: %s has been replaced; restart this process", variable, path)
		}
		return nil
	}}, nil
}

// watchFolders makes the process unready when its data vanishes.
func (a *app) watchFolders() error {
	paths := map[string]string{}
	if a.c.Embedded() {
		paths["DATA_DIR"] = a.c.DatabasePath()
	}
	if a.files != nil {
		paths[folderVariable("FILES_DIR", a.c.Data.FilesDir)+" (files)"] = a.c.FilesPath()
	}
	for variable, path := range paths {
		check, err := stays(variable, path)
		if err != nil {
			return err
		}
		a.checks = append(a.checks, check)
	}
	return nil
}
