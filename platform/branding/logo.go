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

const (
	svgNamespace  = "http://www.w3.org/2000/svg"
	htmlNamespace = "http://www.w3.org/1999/xhtml"
)

// logo reads logo.svg, if there is one. It refuses what could act or load something in a visitor's browser that shows
// it as an image.
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

	var style *strings.Builder // the text of the style that is being read; nil outside of one
	rooted := false
	for {
		start := in.InputOffset()
		token, err := in.Token()
		if errors.Is(err, io.EOF) && rooted {
			return ""
		}
		if err != nil {
			return "is no SVG in UTF-8; export it again as plain SVG"
		}
		complaint := ""
		switch t := token.(type) {
		case xml.StartElement:
			switch {
			case !rooted && (t.Name.Local != "svg" || t.Name.Space != svgNamespace):
				return "is no SVG: its first element must be svg"
			case style != nil:
				return "has the element " + t.Name.Local + " in a style; export it again as plain SVG"
			}
			rooted = true
			if t.Name.Local == "style" {
				style = new(strings.Builder)
			}
			complaint = elementComplaint(t)
		case xml.EndElement:
			if style != nil && reaches(style.String()) {
				complaint = "has a style that refers to another file; embed it, or export the logo as plain SVG"
			}
			style = nil
		case xml.CharData: // a comment or CDATA divides a text into several
			if style != nil {
				style.Write(t)
			}
		case xml.Directive, xml.ProcInst:
			complaint = declarationComplaint(token, content[start:in.InputOffset()])
		}
		if complaint != "" {
			return complaint
		}
	}
}

// declarationComplaint is about what stands between <! or <? and >, and is raw in the file. Readers disagree about the
// end of one that has another > in it.
func declarationComplaint(token xml.Token, raw []byte) string {
	if t, ok := token.(xml.ProcInst); ok && t.Target != "xml" {
		return "has the instruction " + t.Target + "; export it again as plain SVG"
	}
	if bytes.Contains(raw, []byte("[")) {
		return "declares entities in its DOCTYPE; export it again as plain SVG"
	}
	if bytes.Count(raw, []byte(">")) != 1 {
		return "has a > within its first lines; export it again as plain SVG"
	}
	return ""
}

// active are elements that act, load something, or change an attribute later on.
func active() []string {
	return []string{
		"script", "handler", "listener", "foreignobject", "iframe", "object", "embed", "audio", "video", "canvas",
		"animate", "animatemotion", "animatetransform", "animatecolor", "set", "discard", "link", "base", "meta",
	}
}

// references are attributes whose value is an address, beside those with several of them.
func references() []string {
	return []string{"href", "src", "base", "poster", "data", "action", "formaction", "background"}
}

func elementComplaint(e xml.StartElement) string {
	if slices.Contains(active(), strings.ToLower(e.Name.Local)) || e.Name.Space == htmlNamespace {
		return "has the element " + e.Name.Local + ", which a logo must not have; export it again as plain SVG"
	}
	for _, a := range e.Attr {
		key := strings.ToLower(a.Name.Local)
		switch {
		case strings.HasPrefix(key, "on"):
			return "has a script in the attribute " + a.Name.Local + "; export it again as plain SVG"
		case slices.Contains(references(), key) && !inside(a.Value), strings.HasSuffix(key, "srcset"), key == "ping":
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
