package app

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// importLaw says which files may import what. Imports and files are globs: * matches within a path element, ** matches
// across them. The paths of files begin at the root of the repository. The laws apply to tests as well.
type importLaw struct {
	name         string
	imports      []*regexp.Regexp
	only         []*regexp.Regexp // the files that may import them; if empty, all files except those in never
	never        []*regexp.Regexp
	exceptInRoom bool // the packages of one room (a module, config) may import each other
	because      string
}

// importLaws returns the laws about imports.
func importLaws() []importLaw {
	return []importLaw{
		{
			name: "modules under app", imports: globs("risingstars/modules"), only: globs("app/**"), exceptInRoom: true,
			because: "only app knows the modules; what one needs from another is a port, which app/ports.go implements",
		},
		{
			name: "app at the top", imports: globs("risingstars/app"), only: globs("main.go", "app/**", "infra/e2e/**"),
			because: "app composes everything else, so only the program and its end-to-end tests need it",
		},
		{
			name: "config alone", imports: globs("risingstars"), never: globs("config/**"), exceptInRoom: true,
			because: "config imports none of our packages",
		},
		{
			name: "config at the top", imports: globs("risingstars/config"), only: globs("app/**", "config/**"),
			because: "only app imports config, and passes each package its own small Options",
		},
		{
			name: "gorm", imports: globs("gorm.io", "github.com/libtnb/sqlite"),
			only:    globs("platform/database/**", "modules/*/store*.go"),
			because: "gorm stays in platform/database and in the modules' stores",
		},
		{
			name: "otel", imports: globs("go.opentelemetry.io/**"), only: globs("platform/telemetry/**"),
			because: "what a span may tell is decided in one place",
		},
		{
			name: "acme", imports: globs("github.com/caddyserver", "github.com/mholt/acmez", "go.uber.org/zap"),
			only:    globs("platform/certificate/**"),
			because: "one package gets certificates",
		},
		{
			name: "asynq", imports: globs("github.com/hibiken/asynq"), only: globs("platform/queue/asynqueue/**"),
			because: "asynq stays in its driver",
		},
		{
			name: "aws", imports: globs("github.com/aws"),
			only:    globs("platform/storage/s3store/**", "platform/queue/sqsqueue/**"),
			because: "AWS stays in the drivers for S3 and SQS",
		},
		{
			name: "web", imports: globs("github.com/labstack/echo", "github.com/danielgtaylor/huma"),
			only:    globs("platform/web/**", "modules/*/http*.go"),
			because: "HTTP stays in platform/web and the modules' http files; app builds routes through platform/web",
		},
		{
			name: "pages", imports: globs("html/template"),
			only:    globs("app/site/**", "platform/web/**", "platform/mail/**"),
			because: "pages cross modules, so they are rendered in one room; letters in another",
		},
		{
			name: "ffmpeg", imports: globs("github.com/u2takey/ffmpeg-go"),
			only:    globs("modules/media/internal/ffmpeg/**"),
			because: "one package builds ffmpeg's arguments",
		},
		{
			name: "commands", imports: globs("github.com/spf13/cobra", "github.com/spf13/viper"),
			only:    globs("app/**", "config/**"),
			because: "the command line and the settings are read in app and config",
		},
		{
			name: "test helpers", imports: globs("risingstars/**/*test"), only: globs("**/*_test.go", "**/*test/*.go"),
			because: "helper packages for tests are not linked into the application",
		},
	}
}

// The laws that are not about imports.
const (
	modulesBuilt = "modules built" // app/app.go imports every folder of modules/
	ownTables    = "own tables"    // a module's SQL names only tables with the module's prefix

	handlersApart  = "handlers apart"  // handlers are methods of api in http*.go, use cases of Module elsewhere
	namesOnce      = "names once"      // no two names of a module differ in case alone
	faultsTogether = "faults together" // a module declares its faults in faults.go
	oneKind        = "one kind"        // a fault code has the same kind wherever it is declared
)

type breach struct {
	law, file, what string
}

func (b breach) String() string { return fmt.Sprintf("%s: %s: %s", b.law, b.file, b.what) }

func TestTheTreeKeepsItsBoundaries(t *testing.T) {
	t.Parallel()
	breaches, err := breachesIn("..")
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string]string{
		modulesBuilt: "a folder of modules/ that app/app.go does not import is not part of the application",
		ownTables:    "modules share no tables: a module uses only the tables with its own prefix",

		handlersApart:  "handlers are methods of api in http*.go, use cases of Module elsewhere; Routes connects them",
		namesOnce:      "a reader who searches for a name finds one thing",
		faultsTogether: "a module's faults stand together in faults.go",
		oneKind:        "clients know a fault by its code, so a code has one kind and one status",
	}
	for _, l := range importLaws() {
		reasons[l.name] = l.because
	}
	for _, b := range breaches {
		t.Errorf("%s (%s)", b, reasons[b.law])
	}
}

func TestAGoodTreeHasNoBreach(t *testing.T) {
	t.Parallel()
	breaches, err := breachesIn("testdata/boundaries/good")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range breaches {
		t.Error(b)
	}
}

// The bad tree breaks every law, and its breaches.txt lists all breaches.
func TestABadTreeIsRejected(t *testing.T) {
	t.Parallel()
	const root = "testdata/boundaries/bad"
	breaches, err := breachesIn(root)
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadFile(filepath.Join(root, "breaches.txt"))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSpace(string(list)), "\n")
	var got []string
	broken := map[string]bool{}
	for _, b := range breaches {
		got = append(got, b.String())
		broken[b.law] = true
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("breaches (-want +got):\n%s", diff)
	}
	laws := []string{modulesBuilt, ownTables, handlersApart, namesOnce, faultsTogether, oneKind}
	for _, l := range importLaws() {
		laws = append(laws, l.name)
	}
	for _, law := range laws {
		if !broken[law] {
			t.Errorf("no file under %s breaks the law %q: nothing shows that it is enforced", root, law)
		}
	}
}

// A folder without Go files means that the path is wrong, not that the tree has no breach.
func TestAnEmptyTreeIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := breachesIn(t.TempDir()); err == nil {
		t.Error("no error for an empty folder")
	}
}

// breachesIn checks the tree under root against all laws.
func breachesIn(root string) ([]breach, error) {
	var files []string
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !entry.IsDir():
			files = append(files, name)
		case name != root && isSkipped(name, entry.Name()):
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("walk %s: %w", root, err)
	}

	var breaches []breach
	laws := importLaws()
	imports := map[string][]string{} // by file
	modules := map[string]bool{}
	folders := map[string]bool{}
	for _, name := range files {
		file, err := filepath.Rel(root, name)
		if err != nil {
			return nil, err
		}
		file = filepath.ToSlash(file)
		if module, ok := strings.CutPrefix(roomOf(path.Dir(file)), "modules/"); ok {
			modules[module] = true
		}
		if strings.HasSuffix(file, ".go") {
			folders[path.Dir(file)] = true
			if imports[file], err = importsOf(name); err != nil {
				return nil, err
			}
			breaches = append(breaches, importBreaches(laws, file, imports[file])...)
		}
	}
	if len(imports) == 0 {
		return nil, fmt.Errorf("no Go files under %s", root)
	}
	for module := range modules {
		if !slices.Contains(imports["app/app.go"], "risingstars/modules/"+module) {
			breaches = append(breaches, breach{modulesBuilt, "app/app.go", "does not import modules/" + module})
		}
		foreign, err := tableBreaches(root, module, modules)
		if err != nil {
			return nil, err
		}
		breaches = append(breaches, foreign...)
	}
	named, err := namingBreaches(root, slices.Sorted(maps.Keys(folders)))
	return append(breaches, named...), err
}

// namingBreaches checks the handlers, names and faults that the folders declare against the laws about them.
func namingBreaches(root string, folders []string) ([]breach, error) {
	var breaches []breach
	var faults []faultDeclaration
	for _, dir := range folders {
		files, err := parseFolder(root, dir)
		if err != nil {
			return nil, err
		}
		faults = append(faults, faultsIn(files)...)
		if path.Dir(dir) == "modules" {
			breaches = append(breaches, handlerBreaches(files)...)
			breaches = append(breaches, nameBreaches(files)...)
		}
	}
	return append(breaches, faultBreaches(faults)...), nil
}

// isSkipped reports whether the walk leaves a folder out: the go command ignores it as well, or it is a Go module of
// its own, such as infra/tools.
func isSkipped(dir, base string) bool {
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" {
		return true
	}
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

func importsOf(name string) ([]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
	if err != nil {
		return nil, fmt.Errorf("parse the imports: %w", err)
	}
	var paths []string
	for _, spec := range file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("parse the imports of %s: %w", name, err)
		}
		paths = append(paths, p)
	}
	return paths, nil
}

func importBreaches(laws []importLaw, file string, paths []string) []breach {
	var breaches []breach
	for _, l := range laws {
		allowed := len(l.only) == 0 || matchesAny(l.only, file)
		if allowed && !matchesAny(l.never, file) {
			continue
		}
		for _, p := range paths {
			if l.exceptInRoom && roomOf(strings.TrimPrefix(p, "risingstars/")) == roomOf(path.Dir(file)) {
				continue
			}
			if matchesAny(l.imports, p) {
				breaches = append(breaches, breach{l.name, file, "imports " + p})
			}
		}
	}
	return breaches
}

// roomOf returns the room that a folder belongs to: modules/X as a whole, or the first folder of the path.
func roomOf(dir string) string {
	parts := strings.SplitN(dir, "/", 3)
	if parts[0] == "modules" && len(parts) > 1 {
		return parts[0] + "/" + parts[1]
	}
	return parts[0]
}

func matchesAny(globs []*regexp.Regexp, name string) bool {
	return slices.ContainsFunc(globs, func(glob *regexp.Regexp) bool { return glob.MatchString(name) })
}

// globs compiles globs to patterns, which also match everything below a match, such as the packages below an import.
func globs(texts ...string) []*regexp.Regexp {
	var patterns []*regexp.Regexp
	for _, text := range texts {
		pattern := strings.NewReplacer(`\*\*/`, `(.*/)?`, `\*\*`, `.*`, `\*`, `[^/]*`).Replace(regexp.QuoteMeta(text))
		patterns = append(patterns, regexp.MustCompile("^"+pattern+"(/.*)?$"))
	}
	return patterns
}
