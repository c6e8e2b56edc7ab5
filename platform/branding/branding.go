// Package branding reads a folder with an operator's own branding: a watermark, an intro, an outro, and what pages show
// and say of the organisation. It finds all that is wrong with the folder in one pass. What the folder lacks is left at
// its zero value, which stands for what is built into the service.
//
// It decodes pictures, within bounds. Of videos it checks the size alone: whoever renders them has the means to decode
// them safely. What it returns no longer depends on the folder, so a change there has no effect until the next start.
//
// The logo is checked for being served as an image, with the type image/svg+xml, and for nothing else: never write it
// into a page, where a browser reads it by the rules of HTML.
package branding

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"
)

// Brand is an operator's branding. The zero value is the built-in one.
type Brand struct {
	Name   string            // of the organisation; "" = the service's own
	Colors map[string]string // for pages, as #rrggbb, by one of ColorNames
	Logo   []byte            // for pages: an SVG without scripts and without references to other files

	// Pages are what the organisation has written in place of the site's own, by one of PageNames and by language.
	Pages map[string]map[string]Page

	Watermark Watermark
	Intro     Bumper
	Outro     Bumper
}

// The limits of bumpers.
const (
	LongestBumper  = 2500 * time.Millisecond
	shortestBumper = 500 * time.Millisecond
)

// BumperKind is what a bumper is made of.
type BumperKind int

// The kinds of a bumper.
const (
	BuiltIn BumperKind = iota
	None               // clips have none
	Picture            // a picture that is held
	Video
)

// Bumper is an intro or an outro.
type Bumper struct {
	Kind    BumperKind
	File    string        // its name in the folder
	Content []byte        // of a Video, as it is in the folder; of a Picture, an opaque PNG
	Length  time.Duration // of a Picture
	sum     string
}

// Hash tells the brandings of published clips apart: it covers whatever a clip shows, and not the name, the colours,
// the logo and the pages. builtIn is the identity of what is built in; it is part of the hash only where that is used.
func (b Brand) Hash(builtIn string) string {
	h := sha256.New()
	if w := b.Watermark; w.sum == "" {
		fmt.Fprintln(h, "watermark", builtIn)
	} else {
		fmt.Fprintln(h, "watermark", w.sum, w.Place, w.Width, w.Opacity, w.Margin)
	}
	for _, bumper := range []Bumper{b.Intro, b.Outro} {
		if bumper.Kind == BuiltIn {
			fmt.Fprintln(h, "bumper", builtIn)
		} else {
			fmt.Fprintln(h, "bumper", bumper.Kind, bumper.sum, bumper.Length)
		}
	}
	return shortSum(h.Sum(nil))
}

// Part is one thing of a branding, and where it comes from.
type Part struct {
	Name, From, Detail string
}

// Parts describes the branding for its operator.
func (b Brand) Parts() []Part {
	parts := []Part{b.Watermark.part(), b.Intro.part("intro"), b.Outro.part("outro")}
	for _, p := range []struct{ name, detail string }{
		{"name", b.Name}, {"colors", b.colors()}, {"logo", size(b.Logo)},
	} {
		from := "branding.yaml"
		switch {
		case p.detail == "":
			from = builtInName
		case p.name == "logo":
			from = logoFile
		}
		parts = append(parts, Part{p.name, from, p.detail})
	}
	for _, name := range PageNames() {
		parts = append(parts, partOf(name, b.Pages[name]))
	}
	return parts
}

const builtInName = "built in"

func (b Bumper) part(name string) Part {
	switch b.Kind {
	case None:
		return Part{name, settingsFile, "none"}
	case Picture:
		return Part{name, b.File, "a picture that is held for " + b.Length.String()}
	case Video:
		return Part{name, b.File, "a video, " + size(b.Content)}
	default:
		return Part{name, builtInName, ""}
	}
}

func (b Brand) colors() string {
	var all []string
	for _, name := range ColorNames() {
		if value, ok := b.Colors[name]; ok {
			all = append(all, name+" "+value)
		}
	}
	return strings.Join(all, ", ")
}

func size(content []byte) string {
	if content == nil {
		return ""
	}
	return fmt.Sprintf("%d KiB", (len(content)+1023)>>10)
}

// Problems lists what is wrong with a folder. Each item is one sentence for the operator: the file's name, a colon, and
// what to change.
type Problems []string

func (p Problems) Error() string {
	return "the branding has problems:\n  - " + strings.Join(p, "\n  - ")
}

func (p *Problems) add(file, format string, args ...any) {
	*p = append(*p, file+": "+fmt.Sprintf(format, args...))
}

func sum(content []byte) string {
	s := sha256.Sum256(content)
	return shortSum(s[:])
}

// Sum returns the identity of files, such as those that are built in. The order counts.
func Sum(files ...[]byte) string {
	h := sha256.New()
	for _, content := range files {
		_, _ = io.WriteString(h, sum(content)+"\n") // a hash never fails
	}
	return shortSum(h.Sum(nil))
}

func shortSum(sum []byte) string { return hex.EncodeToString(sum)[:16] }
