package cfntest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// scope describes the place of a value in its template.
type scope struct {
	path      string
	condition bool              // within Conditions, which cannot refer to resources
	certain   map[string]bool   // conditions whose outcome is known here
	locals    map[string]bool   // variables of a Sub
	needs     func(name string) // is called with each resource that the value refers to
}

func (s scope) given(condition string, holds bool) scope {
	certain := maps.Clone(s.certain)
	if certain == nil {
		certain = map[string]bool{}
	}
	certain[condition] = holds
	s.certain = certain
	return s
}

func (s scope) at(step string) scope {
	s.path += step
	return s
}

var pseudoParameters = []string{
	"AWS::AccountId", "AWS::NoValue", "AWS::NotificationARNs", "AWS::Partition", "AWS::Region", "AWS::StackId",
	"AWS::StackName", "AWS::URLSuffix",
}

// arity is the number of arguments of a function; 0 stands for a single argument that is not a list, or for any number.
var arity = map[string]int{
	"Ref": 0, "GetAtt": 0, "Sub": 0, "Condition": 0, "Not": 1, "Equals": 2, "And": 0, "Or": 0, "If": 3, "FindInMap": 3,
	"Join": 2, "Select": 2, "Split": 2, "Cidr": 3, "GetAZs": 0, "Base64": 0, "ImportValue": 0, "ToJsonString": 0,
}

// references checks everything that v refers to.
func (c *checker) references(t *template, v *value, s scope) {
	if v == nil {
		return
	}
	switch v.kind {
	case scalar:
		if strings.Contains(v.text, "${") && variable.MatchString(v.text) {
			c.report(t, v.line, s.path, "contains a variable without Sub")
		}
	case list:
		for i, item := range v.items {
			c.references(t, item, s.at(fmt.Sprintf("[%d]", i)))
		}
	case object:
		for _, f := range v.fields {
			c.references(t, f.value, s.at("."+f.name))
		}
	case call:
		c.function(t, v, s)
	}
}

func (c *checker) function(t *template, v *value, s scope) {
	count, known := arity[v.fn]
	if !known {
		c.report(t, v.line, s.path, "there is no function %s", v.fn)
		return
	}
	if count > 0 && (v.arg.kind != list || len(v.arg.items) != count) {
		c.report(t, v.line, s.path, "%s needs %d arguments", v.fn, count)
		return
	}
	switch v.fn {
	case "Ref":
		c.ref(t, v.line, v.arg.text, s)
	case "GetAtt":
		logical, attribute := splitGetAtt(v.arg)
		c.getAtt(t, v.line, logical, attribute, s)
	case "Sub":
		c.sub(t, v, s)
	case "Condition":
		c.useCondition(t, v.line, s.path, v.arg.text)
	case "If":
		condition := v.arg.items[0].text
		c.useCondition(t, v.line, s.path, condition)
		c.references(t, v.arg.items[1], s.given(condition, true))
		c.references(t, v.arg.items[2], s.given(condition, false))
	case "FindInMap":
		c.findInMap(t, v, s)
	case "ImportValue":
		c.imports[exportPattern(v.arg)] = true
		if _, exported := c.exportNamed(exportPattern(v.arg)); !exported {
			c.report(t, v.line, s.path, "no template exports %s", exportPattern(v.arg))
		}
		c.references(t, v.arg, s)
	default:
		c.references(t, v.arg, s)
	}
}

func (c *checker) ref(t *template, line int, name string, s scope) {
	switch {
	case s.locals[name], slices.Contains(pseudoParameters, name):
	case t.parameters.get(name) != nil:
		c.markUsed(t, "Parameters", name)
	case t.resources.get(name) != nil:
		c.resource(t, line, name, s)
	default:
		c.report(t, line, s.path, "there is neither a parameter nor a resource %s", name)
	}
}

// resource checks a reference to a resource, which must exist whenever the reference does.
func (c *checker) resource(t *template, line int, name string, s scope) {
	if s.condition {
		c.report(t, line, s.path, "refers to the resource %s, but conditions cannot refer to resources", name)
	}
	if condition := t.resources.get(name).get("Condition"); condition != nil && !s.certain[condition.text] {
		c.report(t, line, s.path, "%s exists only if %s", name, condition.text)
	}
	if s.needs != nil {
		s.needs(name)
	}
}

func (c *checker) getAtt(t *template, line int, logical, attribute string, s scope) {
	resource := t.resources.get(logical)
	if resource == nil {
		c.report(t, line, s.path, "there is no resource %s", logical)
		return
	}
	c.resource(t, line, logical, s)
	typeName := resource.get("Type").textOr("")
	if name, ok := strings.CutPrefix(attribute, "Outputs."); ok && typeName == stackType {
		child := c.templates[resource.get("Properties").get("TemplateURL").textOr("")]
		if child == nil {
			return // checkNested reports it
		}
		output := child.outputs.get(name)
		if output == nil {
			c.report(t, line, s.path, "%s has no output %s", child.file, name)
			return
		}
		c.markUsed(child, "Outputs", name)
		if condition := output.get("Condition"); condition != nil {
			c.report(t, line, s.path, "%s has the output %s only if %s", child.file, name, condition.text)
		}
		return
	}
	r, err := c.registry.resource(typeName)
	if err != nil {
		return // checkResources reports it
	}
	if r.attribute(attribute) == nil {
		c.report(t, line, s.path, "%s has no attribute %s", typeName, attribute)
	}
}

func (c *checker) sub(t *template, v *value, s scope) {
	text := v.arg
	if v.arg.kind == list {
		if len(v.arg.items) != 2 || v.arg.items[1].kind != object {
			c.report(t, v.line, s.path, "Sub accepts a text, or a text and its variables")
			return
		}
		text = v.arg.items[0]
		locals := map[string]bool{}
		for _, f := range v.arg.items[1].fields {
			c.references(t, f.value, s)
			locals[f.name] = true
			if !strings.Contains(text.text, "${"+f.name+"}") {
				c.report(t, f.line, s.path, "the variable %s is never used", f.name)
			}
		}
		s.locals = locals
	}
	found := variable.FindAllStringSubmatch(text.text, -1)
	if len(found) == 0 {
		c.report(t, v.line, s.path, "is a Sub without variables")
	}
	for _, match := range found {
		if logical, attribute, ok := strings.Cut(match[1], "."); ok {
			c.getAtt(t, v.line, logical, attribute, s)
			continue
		}
		c.ref(t, v.line, match[1], s)
	}
}

// findInMap checks that the mapping has every key that the arguments may be.
func (c *checker) findInMap(t *template, v *value, s scope) {
	name := v.arg.items[0].text
	mapping := t.mappings.get(name)
	if mapping == nil {
		c.report(t, v.line, s.path, "there is no mapping %s", name)
		return
	}
	c.markUsed(t, "Mappings", name)
	c.references(t, v.arg, s)
	keys, _ := c.candidates(t, v.arg.items[1], 0)
	names, _ := c.candidates(t, v.arg.items[2], 0)
	for _, key := range keys {
		for _, second := range names {
			if mapping.get(key.text).get(second.text) == nil {
				c.report(t, v.line, s.path, "the mapping %s has no %s.%s", name, key.text, second.text)
			}
		}
	}
}

func (c *checker) useCondition(t *template, line int, path, name string) {
	c.markUsed(t, "Conditions", name)
	if t.conditions.get(name) == nil {
		c.report(t, line, path, "there is no condition %s", name)
	}
}

// exportPattern returns the name of an export with * for every variable, because the exporting template writes its own
// stack's name where the importing one writes a parameter.
func exportPattern(v *value) string {
	text := v.text
	if v.kind == call {
		text = v.arg.text
	}
	return variable.ReplaceAllString(text, "*")
}

func (c *checker) exportNamed(name string) (file string, found bool) {
	for _, t := range c.templates {
		for _, f := range t.outputs.allFields() {
			if export := f.value.get("Export").get("Name"); export != nil && exportPattern(export) == name {
				return t.file, true
			}
		}
	}
	return "", false
}
