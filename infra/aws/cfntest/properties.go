package cfntest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// match returns what is wrong with a property's value by its schema. CloudFormation turns text into numbers and back, so
// single values are compared by what they say.
func (c *checker) match(t *template, r *resourceSchema, v *value, s schema, path string) []Problem {
	s = r.follow(s)
	if v.kind == call {
		return c.matchCall(t, r, v, s, path)
	}
	var problems []Problem
	say := func(line int, where, format string, args ...any) {
		problems = append(problems, Problem{t.file, line, where, fmt.Sprintf(format, args...)})
	}
	types := s.types()
	switch v.kind {
	case scalar:
		if v.null {
			say(v.line, path, "has no value")
			break
		}
		if complaint := matchScalar(v.text, s, types); complaint != "" {
			say(v.line, path, "%s", complaint)
		}
	case list:
		if len(types) > 0 && !slices.Contains(types, "array") {
			say(v.line, path, "is a list, wants %s", strings.Join(types, " or "))
			break
		}
		if least, ok := s.number("minItems"); ok && len(v.items) < int(least) {
			say(v.line, path, "has %d items, wants at least %v", len(v.items), least)
		}
		if most, ok := s.number("maxItems"); ok && len(v.items) > int(most) {
			say(v.line, path, "has %d items, wants at most %v", len(v.items), most)
		}
		for i, item := range v.items {
			if items := s.child("items"); items != nil {
				problems = append(problems, c.match(t, r, item, items, fmt.Sprintf("%s[%d]", path, i))...)
			}
		}
	case object:
		if len(types) > 0 && !slices.Contains(types, "object") {
			say(v.line, path, "is an object, wants %s", strings.Join(types, " or "))
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

// matchAny wants one of the alternatives to fit, and else tells what the closest one lacks.
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
	say := func(line int, where, format string, args ...any) {
		problems = append(problems, Problem{t.file, line, where, fmt.Sprintf(format, args...)})
	}
	for _, name := range s.strings("required") {
		if given := v.get(name); given == nil || given.isNoValue() {
			say(v.line, path, "lacks %s", name)
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
				say(f.line, where, "is no property here")
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

// matchCall compares what a function gives: each value that it may have, or at least its kind.
func (c *checker) matchCall(t *template, r *resourceSchema, v *value, s schema, path string) []Problem {
	if v.isNoValue() {
		return nil
	}
	if v.fn == "If" {
		if len(v.arg.items) != 3 {
			return nil // said elsewhere
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
	gives := c.gives(t, v)
	isList, isSingle := slices.Contains(types, "array"), hasSingle(types)
	switch {
	case gives == "list" && !isList:
		return problem("%s gives a list, wants %s", v.fn, strings.Join(types, " or "))
	case gives == "single" && !isSingle:
		return problem("%s gives a single value, wants %s", v.fn, strings.Join(types, " or "))
	case gives != "single":
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

func hasSingle(types []string) bool {
	return slices.ContainsFunc(types, func(t string) bool { return t != "array" && t != "object" })
}

// gives is "list", "single", or "" when it cannot be told.
func (c *checker) gives(t *template, v *value) string {
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
		case len(types) > 0 && !hasSingle(types):
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

// matchScalar returns a complaint, or nothing.
func matchScalar(text string, s schema, types []string) string {
	if len(types) > 0 && !slices.ContainsFunc(types, func(t string) bool { return isOf(text, t) }) {
		return fmt.Sprintf("%q is no %s", text, strings.Join(types, " or "))
	}
	if allowed := s.strings("enum"); len(allowed) > 0 && !slices.Contains(allowed, text) {
		return fmt.Sprintf("%q is none of %s", text, strings.Join(allowed, ", "))
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
	// Go's expressions lack a few of JavaScript's forms; such patterns are left to CloudFormation.
	if compiled, err := regexp.Compile(pattern); err == nil && !compiled.MatchString(text) {
		return fmt.Sprintf("%q does not match %s", text, pattern)
	}
	return ""
}

func isOf(text, jsonType string) bool {
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
