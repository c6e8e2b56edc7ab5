package web

import (
	"mime"
	"strings"
)

// maxByHand is the longest header in bytes that is read as if written by hand, because that compares every quote with
// what follows it.
const maxByHand = 4 << 10

// headerParameter returns a parameter of a header such as Content-Disposition: form-data; name="file". Unlike
// mime.ParseMediaType, it also reads what tools write by hand: quotes within a quoted value, characters that need
// quotes without any, parameters that occur twice, of which the first counts.
func headerParameter(header, name string) string {
	if _, params, err := mime.ParseMediaType(header); err == nil {
		return params[name]
	}
	if len(header) > maxByHand {
		return ""
	}
	_, rest := cutMediaType(header)
	for rest != "" {
		key, value, found := strings.Cut(rest, "=")
		if !found {
			break
		}
		value, rest = cutValue(strings.TrimLeft(value, " \t"))
		if strings.EqualFold(strings.Trim(key, "; \t"), name) {
			return value
		}
	}
	return ""
}

// cutMediaType returns the type that a header begins with, in lower case, and what follows it.
func cutMediaType(header string) (mediaType, rest string) {
	header = strings.TrimSpace(header)
	end := strings.IndexAny(header, ";, \t")
	if end < 0 {
		end = len(header)
	}
	return strings.ToLower(header[:end]), strings.TrimLeft(header[end:], ";, \t")
}

// cutValue returns the value that s begins with, without its quotes, and what follows it. A quote ends a value only at
// the end of s or before another parameter.
func cutValue(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		value, rest, _ = strings.Cut(s, ";")
		return strings.TrimSpace(value), rest
	}
	for at := 1; at < len(s); at++ {
		if s[at] != '"' {
			continue
		}
		after := strings.TrimLeft(s[at+1:], " \t")
		if after == "" {
			return s[1:at], ""
		}
		if next, begins := strings.CutPrefix(after, ";"); begins {
			key, _, another := strings.Cut(next, "=")
			if strings.TrimSpace(next) == "" || another && !strings.ContainsAny(strings.TrimSpace(key), " \"\t") {
				return s[1:at], next
			}
		}
	}
	return s[1:], ""
}
