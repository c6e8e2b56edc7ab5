package cfntest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// stackType is a stack within a stack. Its schema in the registry is that of stacks of their own, so its properties are
// listed here.
const stackType = "AWS::CloudFormation::Stack"

var stackProperties = []string{"NotificationARNs", "Parameters", "Tags", "TemplateURL", "TimeoutInMinutes"}

var parameterParts = []string{
	"Type", "Default", "Description", "AllowedValues", "AllowedPattern", "ConstraintDescription", "MinValue", "MaxValue",
	"MinLength", "MaxLength", "NoEcho",
}

var parameterType = regexp.MustCompile(`^(String|Number|CommaDelimitedList|List<Number>|(List<)?AWS::[A-Za-z0-9]+::[A-Za-z0-9]+(::[A-Za-z]+)?>?)$`)

func (c *checker) checkParameters(t *template) {
	for _, f := range t.parameters.allFields() {
		path := "Parameters." + f.name
		for _, part := range f.value.fields {
			if !slices.Contains(parameterParts, part.name) {
				c.say(t, part.line, path, "%s is no part of a parameter", part.name)
			}
		}
		if kind := f.value.get("Type").textOr(""); !parameterType.MatchString(kind) {
			c.say(t, f.line, path, "%q is no type of a parameter", kind)
		}
		if fallback := f.value.get("Default"); fallback != nil {
			if complaint := refuses(f.value, fallback.text); complaint != "" {
				c.say(t, fallback.line, path, "its own default %q %s", fallback.text, complaint)
			}
		}
	}
}

// refuses tells why a parameter does not take a value, or nothing.
func refuses(parameter *value, text string) string {
	if allowed := parameter.get("AllowedValues"); allowed != nil && !slices.Contains(allowed.texts(), text) {
		return "is none of " + strings.Join(allowed.texts(), ", ")
	}
	if pattern := parameter.get("AllowedPattern"); pattern != nil {
		compiled, err := regexp.Compile("^(?:" + pattern.text + ")$")
		if err != nil {
			return "meets a pattern that is none: " + err.Error()
		}
		if !compiled.MatchString(text) {
			return "does not match " + pattern.text
		}
	}
	if parameter.get("Type").textOr("") != "Number" {
		return ""
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return "is no number"
	}
	if least, err := strconv.ParseFloat(parameter.get("MinValue").textOr(""), 64); err == nil && number < least {
		return "is below MinValue"
	}
	if most, err := strconv.ParseFloat(parameter.get("MaxValue").textOr(""), 64); err == nil && number > most {
		return "is above MaxValue"
	}
	return ""
}

// checkNested compares the parameters that a nested stack is given with those that its template has.
func (c *checker) checkNested(t *template, f field) {
	properties := f.value.get("Properties")
	for _, given := range properties.allFields() {
		if !slices.Contains(stackProperties, given.name) {
			c.say(t, given.line, f.name+"."+given.name, "is no property here")
		}
	}
	file := properties.get("TemplateURL").textOr("")
	child := c.templates[file]
	if child == nil {
		c.say(t, f.line, f.name+".TemplateURL", "there is no template %q here", file)
		return
	}
	given := properties.get("Parameters")
	for _, g := range given.allFields() {
		path := f.name + ".Parameters." + g.name
		parameter := child.parameters.get(g.name)
		if parameter == nil {
			c.say(t, g.line, path, "%s has no such parameter", file)
			continue
		}
		if g.value.kind == list || g.value.kind == object || g.value.kind == call && c.gives(t, g.value) == "list" {
			c.say(t, g.line, path, "is %s, and parameters of nested stacks are single values: join it", g.value.kind)
			continue
		}
		candidates, _ := c.candidates(t, g.value, 0)
		for _, candidate := range candidates {
			if complaint := refuses(parameter, candidate.text); complaint != "" {
				c.say(t, g.line, path, "may be %q, which %s", candidate.text, complaint)
			}
		}
	}
	for _, p := range child.parameters.allFields() {
		if p.value.get("Default") == nil && given.get(p.name) == nil {
			c.say(t, f.line, f.name, "lacks the parameter %s of %s", p.name, file)
		}
	}
}
