package branding

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
)

const svgNamespace = "http://www.w3.org/2000/svg"

// logo reads logo.svg, if there is one. It refuses what could act or load something in a visitor's browser.
func (f *folder) logo() []byte {
	if !f.has(logoFile) {
		return nil
	}
	content := f.content(logoFile, mostLogo)
	if content == nil {
		return nil
	}
	if complaint := svgComplaint(content); complaint != "" {
		f.problems.add(logoFile, "%s", complaint)
		return nil
	}
	return content
}

// svgComplaint says what is wrong with an SVG; "" means nothing.
func svgComplaint(content []byte) string {
	in := xml.NewDecoder(bytes.NewReader(content))
	in.CharsetReader = nil // UTF-8 alone: a browser and this reader must see the same
	styles, rooted := 0, false
	for {
		token, err := in.Token()
		if errors.Is(err, io.EOF) && rooted {
			return ""
		}
		if err != nil {
			return "is no SVG in UTF-8; export it again as plain SVG"
		}
		switch t := token.(type) {
		case xml.StartElement:
			if !rooted && (t.Name.Local != "svg" || t.Name.Space != svgNamespace) {
				return "is no SVG: its first element must be svg"
			}
			rooted = true
			if complaint := elementComplaint(t); complaint != "" {
				return complaint
			}
			if t.Name.Local == "style" {
				styles++
			}
		case xml.EndElement:
			if t.Name.Local == "style" {
				styles--
			}
		case xml.CharData:
			if styles > 0 && reaches(string(t)) {
				return "has a style that refers to another file; embed it, or export the logo as plain SVG"
			}
		case xml.Directive:
			if bytes.ContainsAny(t, "[") {
				return "declares entities in its DOCTYPE; export it again as plain SVG"
			}
		case xml.ProcInst:
			if t.Target != "xml" {
				return "has the instruction " + t.Target + "; export it again as plain SVG"
			}
		}
	}
}

// active are elements that act, load something, or change an attribute later on.
func active() []string {
	return []string{
		"script", "handler", "listener", "foreignobject", "iframe", "object", "embed", "audio", "video", "canvas",
		"animate", "animatemotion", "animatetransform", "animatecolor", "set", "discard", "link", "base", "meta",
	}
}

func elementComplaint(e xml.StartElement) string {
	name := strings.ToLower(e.Name.Local)
	if slices.Contains(active(), name) {
		return "has the element " + e.Name.Local + ", which a logo must not have; export it again as plain SVG"
	}
	for _, a := range e.Attr {
		key := strings.ToLower(a.Name.Local)
		switch {
		case strings.HasPrefix(key, "on"):
			return "has a script in the attribute " + a.Name.Local + "; export it again as plain SVG"
		case (key == "href" || key == "src" || key == "base") && !inside(a.Value):
			return "refers to another file or address in " + a.Name.Local + "; embed it, or remove the link"
		case a.Name.Space != "xmlns" && key != "xmlns" && reaches(a.Value):
			return "refers to another file or address in " + a.Name.Local + "; embed it, or remove the link"
		}
	}
	return ""
}

var embeddedPicture = regexp.MustCompile(`^data:image/(png|jpeg|gif|webp)[;,]`)

// inside reports whether a reference stays within the file.
func inside(reference string) bool {
	reference = strings.ToLower(strings.TrimSpace(reference))
	return strings.HasPrefix(reference, "#") || embeddedPicture.MatchString(reference)
}

var cssReference = regexp.MustCompile(`(?i)url\(\s*["']?([^)]*)`)

// reaches reports whether a style refers to something outside the file. An escaped letter could hide that.
func reaches(style string) bool {
	lower := strings.ToLower(style)
	if strings.Contains(lower, `\`) || strings.Contains(lower, "@import") || strings.Contains(lower, "image-set") {
		return true
	}
	for _, match := range cssReference.FindAllStringSubmatch(style, -1) {
		if !inside(match[1]) {
			return true
		}
	}
	return false
}
