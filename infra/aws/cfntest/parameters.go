package cfntest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// stackType is the type of a nested stack. The registry's schema of this type describes separate stacks, so the
// properties of a nested one are listed here.
const stackType = "AWS::CloudFormation::Stack"

var stackProperties = []string{"NotificationARNs", "Parameters", "Tags", "TemplateURL", "TimeoutInMinutes"}

var parameterParts = []string{
	"Type", "Default", "Description", "AllowedValues", "AllowedPattern", "ConstraintDescription", "MinValue",
	"MaxValue", "MinLength", "MaxLength", "NoEcho",
}

var parameterType = regexp.MustCompile(`^(String|Number|CommaDelimitedList|List<Number>|` +
	`(List<)?AWS::[A-Za-z0-9]+::[A-Za-z0-9]+(::[A-Za-z]+)?>?)$`)

func (c *checker) checkParameters(t *template) {
	for _, f := range t.parameters.allFields() {
		path := "Parameters." + f.name
		for _, part := range f.value.fields {
			if !slices.Contains(parameterParts, part.name) {
				c.report(t, part.line, path, "%s is not a key of a parameter", part.name)
			}
		}
		if kind := f.value.get("Type").textOr(""); !parameterType.MatchString(kind) {
			c.report(t, f.line, path, "%q is not a parameter type", kind)
		}
		if fallback := f.value.get("Default"); fallback != nil {
			if complaint := violation(f.value, fallback.text); complaint != "" {
				c.report(t, fallback.line, path, "its default %q %s", fallback.text, complaint)
			}
		}
	}
}

// violation returns which of a parameter's constraints a value violates, or "".
func violation(parameter *value, text string) string {
	if allowed := parameter.get("AllowedValues"); allowed != nil && !slices.Contains(allowed.texts(), text) {
		return "is not one of " + strings.Join(allowed.texts(), ", ")
	}
	if pattern := parameter.get("AllowedPattern"); pattern != nil {
		compiled, err := regexp.Compile("^(?:" + pattern.text + ")$")
		if err != nil {
			return "cannot be compared with an invalid pattern: " + err.Error()
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
		return "is not a number"
	}
	if least, err := strconv.ParseFloat(parameter.get("MinValue").textOr(""), 64); err == nil && number < least {
		return "is below MinValue"
	}
	if most, err := strconv.ParseFloat(parameter.get("MaxValue").textOr(""), 64); err == nil && number > most {
		return "is above MaxValue"
	}
	return ""
}

// checkNested compares the parameters that are passed to a nested stack with those of its template.
func (c *checker) checkNested(t *template, f field) {
	properties := f.value.get("Properties")
	for _, given := range properties.allFields() {
		if !slices.Contains(stackProperties, given.name) {
			c.report(t, given.line, f.name+"."+given.name, "is not a property here")
		}
	}
	file := properties.get("TemplateURL").textOr("")
	child := c.templates[file]
	if child == nil {
		c.report(t, f.line, f.name+".TemplateURL", "there is no template %q", file)
		return
	}
	given := properties.get("Parameters")
	for _, g := range given.allFields() {
		path := f.name + ".Parameters." + g.name
		parameter := child.parameters.get(g.name)
		if parameter == nil {
			c.report(t, g.line, path, "%s has no such parameter", file)
			continue
		}
		isList := g.value.kind == list || g.value.kind == call && c.resultKind(t, g.value) == "list"
		if isList || g.value.kind == object {
			c.report(t, g.line, path, "is %s, but parameters of nested stacks are single values: join it", g.value.kind)
			continue
		}
		candidates, _ := c.candidates(t, g.value, 0)
		for _, candidate := range candidates {
			if complaint := violation(parameter, candidate.text); complaint != "" {
				c.report(t, g.line, path, "may be %q, which %s", candidate.text, complaint)
			}
		}
	}
	for _, p := range child.parameters.allFields() {
		if p.value.get("Default") == nil && given.get(p.name) == nil {
			c.report(t, f.line, f.name, "lacks the parameter %s of %s", p.name, file)
		}
	}
}
