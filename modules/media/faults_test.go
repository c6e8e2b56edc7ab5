package media

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// The owner of a rejected clip reads a text, whatever the code.
func TestEveryRejectionCodeHasAText(t *testing.T) {
	t.Parallel()
	codes := constants(t, "internal/ffmpeg/reject.go", "Code")
	if len(codes) < 9 {
		t.Errorf("only %d codes were found", len(codes))
	}
	for _, code := range codes {
		if text := failureTexts[code]; text.ES == "" || text.EN == "" {
			t.Errorf("%s has the texts %+v", code, text)
		}
	}
}

// constants returns the values of the string constants of a file whose names begin with the prefix.
func constants(t *testing.T, path, prefix string) (values []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, prefix) {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, value)
		return true
	})
	return values
}

// Clients see the same code for these faults; the module must tell them apart.
func TestFaultsWithTheSameCodeDiffer(t *testing.T) {
	t.Parallel()
	faults := map[string]error{
		"errNotFound": errNotFound.With(errClaimLost),
		"errNoUpload": errNoUpload.With(errClaimLost),
		"errNoMock":   errNoMock,
	}
	targets := map[string]error{"errNotFound": errNotFound, "errNoUpload": errNoUpload, "errNoMock": errNoMock}
	for name, err := range faults {
		for other, target := range targets {
			if got, want := errors.Is(err, target), name == other; got != want {
				t.Errorf("%s is %s: %v, want %v", name, other, got, want)
			}
		}
	}
}

func TestAnUnknownUploadIsNotAnUnknownVideo(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, id := range []string{newID(), "not an id"} {
		for name, c := range map[string]struct {
			do        func() error
			want, not error
		}{
			"the video": {func() error {
				_, err := s.Owned(t.Context(), "ana", id)
				return err
			}, errNotFound, errNoUpload},
			"the upload": {func() error {
				_, err := s.direct.owned(t.Context(), "ana", id)
				return err
			}, errNoUpload, errNotFound},
			"its completion": {func() error {
				_, err := s.direct.complete(t.Context(), "ana", id, nil)
				return err
			}, errNoUpload, errNotFound},
		} {
			if err := c.do(); !errors.Is(err, c.want) || errors.Is(err, c.not) {
				t.Errorf("%s of id %q: %v, want %v alone", name, id, err, c.want)
			}
		}
	}
}
