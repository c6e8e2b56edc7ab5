// Package racetest divides the tests of slow packages between a run under the race detector and one without, because
// the detector watches one process and makes it several times as slow: it finds nothing in ffmpeg, in a browser, or in
// an app that the test starts only to read its configuration. The environment variable TEST_RACED chooses: "watched"
// runs only the tests that are to be watched, "others" only the others. Without it, and with an own -test.run, all run.
package racetest

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

const variable = "TEST_RACED"

// Watch says that the detector is to watch these tests of a package. TestMain calls it before it runs them.
func Watch(tests ...func(*testing.T)) { divide(tests, "test.run", "test.skip") }

// WatchAllBut says that the detector is to watch all tests of a package but these. TestMain calls it before it runs
// them.
func WatchAllBut(tests ...func(*testing.T)) { divide(tests, "test.skip", "test.run") }

// divide gives the names of the tests to the one flag if the watched ones are to run, and to the other if the others
// are. Flags on the command line are parsed later, and win.
func divide(tests []func(*testing.T), watched, others string) {
	name := map[string]string{"": "", "watched": watched, "others": others}
	chosen, known := name[os.Getenv(variable)]
	if !known {
		panic(fmt.Sprintf("%s is %q, want watched or others", variable, os.Getenv(variable)))
	}
	if chosen == "" {
		return
	}
	if err := flag.Set(chosen, "^("+strings.Join(namesOf(tests), "|")+")$"); err != nil {
		panic(err)
	}
}

func namesOf(tests []func(*testing.T)) []string {
	names := make([]string, len(tests))
	for i, test := range tests {
		full := runtime.FuncForPC(reflect.ValueOf(test).Pointer()).Name()
		names[i] = regexp.QuoteMeta(full[strings.LastIndexByte(full, '.')+1:])
	}
	return names
}
