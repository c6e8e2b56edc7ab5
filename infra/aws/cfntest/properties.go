package cfntest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// match returns the problems of a property's value according to its schema. CloudFormation converts between text and
// numbers, so only the text of single values counts, not how YAML types them.
func (c *checker) match(t *template, r *resourceSchema, v *value, s schema, path string) []Problem {
	s = r.follow(s)
	if v.kind == call {
		return c.matchCall(t, r, v, s, path)
	}
	var problems []Problem
	add := func(line int, where, format string, args ...any) {
		problems = append(problems, Problem{t.file, line, where, fmt.Sprintf(format, args...)})
	}
	types := s.types()
	switch v.kind {
	case scalar:
		if v.null {
			add(v.line, path, "has no value")
			break
		}
		if complaint := matchScalar(v.text, s, types); complaint != "" {
			add(v.line, path, "%s", complaint)
		}
	case list:
		if len(types) > 0 && !slices.Contains(types, "array") {
			add(v.line, path, "is a list, want %s", strings.Join(types, " or "))
			break
		}
		if least, ok := s.number("minItems"); ok && len(v.items) < int(least) {
			add(v.line, path, "has %d items, want at least %v", len(v.items), least)
		}
		if most, ok := s.number("maxItems"); ok && len(v.items) > int(most) {
			add(v.line, path, "has %d items, want at most %v", len(v.items), most)
		}
		for i, item := range v.items {
			if items := s.child("items"); items != nil {
				problems = append(problems, c.match(t, r, item, items, fmt.Sprintf("%s[%d]", path, i))...)
			}
		}
	case object:
		if len(types) > 0 && !slices.Contains(types, "object") {
			add(v.line, path, "is an object, want %s", strings.Join(types, " or "))
			break
		}
		problems = append(problems, c.matchObject(t, r, v, s, path)...)
	}
	for _, part := range s.children("allOf") {
		problems = append(problems, c.match(t, r, v, part, path)...)
	}
	for _, choice := range []string{"anyOf", "oneOf"} {
		problems = append(problems, c.matchAny(t, r, v, s.children(choice), path)...)
	}
	return problems
}

// matchAny returns nothing if one of the alternatives fits, and otherwise the problems of the one that has the fewest.
func (c *checker) matchAny(t *template, r *resourceSchema, v *value, alternatives []schema, path string) []Problem {
	var closest []Problem
	for i, alternative := range alternatives {
		problems := c.match(t, r, v, alternative, path)
		if len(problems) == 0 {
			return nil
		}
		if i == 0 || len(problems) < len(closest) {
			closest = problems
		}
	}
	return closest
}

func (c *checker) matchObject(t *template, r *resourceSchema, v *value, s schema, path string) []Problem {
	var problems []Problem
	add := func(line int, where, format string, args ...any) {
		problems = append(problems, Problem{t.file, line, where, fmt.Sprintf(format, args...)})
	}
	for _, name := range s.strings("required") {
		if given := v.get(name); given == nil || given.isNoValue() {
			add(v.line, path, "lacks %s", name)
		}
	}
	properties := s.child("properties")
	for _, f := range v.fields {
		where := path + "." + f.name
		if property := properties.child(f.name); property != nil {
			problems = append(problems, c.match(t, r, f.value, property, where)...)
			continue
		}
		if pattern := matchingPattern(s.child("patternProperties"), f.name); pattern != nil {
			problems = append(problems, c.match(t, r, f.value, pattern, where)...)
			continue
		}
		switch additional := s["additionalProperties"].(type) {
		case bool:
			if !additional {
				add(f.line, where, "is not a property here")
			}
		case map[string]any:
			problems = append(problems, c.match(t, r, f.value, additional, where)...)
		}
	}
	return problems
}

func matchingPattern(patterns schema, name string) schema {
	for pattern := range patterns {
		if compiled, err := regexp.Compile(pattern); err == nil && compiled.MatchString(name) {
			return patterns.child(pattern)
		}
	}
	return nil
}

// matchCall compares the result of a function: each value that it may have, or at least whether it is a list.
func (c *checker) matchCall(t *template, r *resourceSchema, v *value, s schema, path string) []Problem {
	if v.isNoValue() {
		return nil
	}
	if v.fn == "If" {
		if len(v.arg.items) != 3 {
			return nil // c.function reports it
		}
		return append(c.match(t, r, v.arg.items[1], s, path), c.match(t, r, v.arg.items[2], s, path)...)
	}
	problem := func(format string, args ...any) []Problem {
		return []Problem{{t.file, v.line, path, fmt.Sprintf(format, args...)}}
	}
	types := s.types()
	if len(types) == 0 {
		return nil
	}
	result := c.resultKind(t, v)
	isList, isSingle := slices.Contains(types, "array"), allowsScalar(types)
	switch {
	case result == "list" && !isList:
		return problem("%s returns a list, want %s", v.fn, strings.Join(types, " or "))
	case result == "single" && !isSingle:
		return problem("%s returns a single value, want %s", v.fn, strings.Join(types, " or "))
	case result != "single":
		return nil
	}
	candidates, _ := c.candidates(t, v, 0)
	for _, candidate := range candidates {
		if complaint := matchScalar(candidate.text, s, types); complaint != "" {
			return problem("may be %q: %s", candidate.text, complaint)
		}
	}
	return nil
}

func allowsScalar(types []string) bool {
	return slices.ContainsFunc(types, func(t string) bool { return t != "array" && t != "object" })
}

// resultKind returns "list" or "single" for the result of a function, or "" if that is unknown.
func (c *checker) resultKind(t *template, v *value) string {
	switch v.fn {
	case "Ref":
		if parameter := t.parameters.get(v.arg.text); parameter != nil {
			kind := parameter.get("Type").textOr("")
			if strings.HasPrefix(kind, "List<") || kind == "CommaDelimitedList" {
				return "list"
			}
		}
		return "single"
	case "GetAtt":
		logical, attribute := splitGetAtt(v.arg)
		r, err := c.registry.resource(t.resources.get(logical).get("Type").textOr(""))
		if err != nil || strings.HasPrefix(attribute, "Outputs.") {
			return "single"
		}
		switch types := r.attribute(attribute).types(); {
		case slices.Contains(types, "array"):
			return "list"
		case len(types) > 0 && !allowsScalar(types):
			return ""
		}
		return "single"
	case "Sub", "Join", "Base64", "ImportValue", "ToJsonString", "FindInMap":
		return "single"
	case "Split", "GetAZs", "Cidr":
		return "list"
	}
	return ""
}

// matchScalar returns the problem of a single value, or "".
func matchScalar(text string, s schema, types []string) string {
	if len(types) > 0 && !slices.ContainsFunc(types, func(t string) bool { return hasType(text, t) }) {
		return fmt.Sprintf("%q is not of type %s", text, strings.Join(types, " or "))
	}
	if allowed := s.strings("enum"); len(allowed) > 0 && !slices.Contains(allowed, text) {
		return fmt.Sprintf("%q is not one of %s", text, strings.Join(allowed, ", "))
	}
	if fixed, ok := s["const"]; ok && fmt.Sprint(fixed) != text {
		return fmt.Sprintf("%q is not %v", text, fixed)
	}
	if slices.Contains(types, "string") || len(types) == 0 {
		return matchText(text, s)
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return ""
	}
	if least, ok := s.number("minimum"); ok && number < least {
		return fmt.Sprintf("%s is below %v", text, least)
	}
	if most, ok := s.number("maximum"); ok && number > most {
		return fmt.Sprintf("%s is above %v", text, most)
	}
	return ""
}

func matchText(text string, s schema) string {
	if least, ok := s.number("minLength"); ok && len(text) < int(least) {
		return fmt.Sprintf("%q is shorter than %v", text, least)
	}
	if most, ok := s.number("maxLength"); ok && len(text) > int(most) {
		return fmt.Sprintf("%q is longer than %v", text, most)
	}
	pattern, _ := s["pattern"].(string)
	// Go does not support all of JavaScript's regular expressions; CloudFormation itself checks the others.
	if compiled, err := regexp.Compile(pattern); err == nil && !compiled.MatchString(text) {
		return fmt.Sprintf("%q does not match %s", text, pattern)
	}
	return ""
}

func hasType(text, jsonType string) bool {
	switch jsonType {
	case "integer":
		_, err := strconv.ParseInt(text, 10, 64)
		return err == nil
	case "number":
		_, err := strconv.ParseFloat(text, 64)
		return err == nil
	case "boolean":
		return text == "true" || text == "false"
	case "string":
		return true
	}
	return false
}
