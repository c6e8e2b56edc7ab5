package cfntest

import (
	"cmp"
	"fmt"
	"slices"
)

// Problem is one fault of a template.
type Problem struct {
	File string
	Line int
	Path string
	What string
}

func (p Problem) String() string { return fmt.Sprintf("%s:%d: %s: %s", p.File, p.Line, p.Path, p.What) }

// checker holds one set of templates and what has been found out about it.
type checker struct {
	registry  *Registry
	templates map[string]*template
	bound     map[string]binding         // by file of the nested template
	used      map[string]map[string]bool // by file; the keys are "Parameters.X", "Outputs.Y" …
	exports   map[string]Problem         // by export pattern; where the export is declared
	imports   map[string]bool            // by export pattern
	problems  []Problem
}

// Check returns every problem of the templates, within each of them and where one uses another. An error means that a
// template could not be parsed or a schema could not be read.
func Check(registry *Registry, files Files) ([]Problem, error) {
	c, err := newChecker(registry, files)
	if err != nil {
		return nil, err
	}
	for _, t := range c.templates {
		c.used[t.file] = map[string]bool{}
	}
	for _, t := range c.templates {
		c.checkSections(t)
		c.checkParameters(t)
		c.checkConditions(t)
		c.checkRules(t)
		if err := c.checkResources(t); err != nil {
			return nil, err
		}
		c.checkOutputs(t)
	}
	for _, t := range c.templates {
		c.checkUnused(t)
	}
	for name, where := range c.exports {
		if !c.imports[name] {
			where.What = "is exported but never imported"
			c.problems = append(c.problems, where)
		}
	}
	slices.SortFunc(c.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.String(), b.String()))
	})
	return slices.Compact(c.problems), nil
}

func newChecker(registry *Registry, files Files) (*checker, error) {
	c := &checker{
		registry: registry, templates: map[string]*template{}, bound: map[string]binding{},
		used: map[string]map[string]bool{}, exports: map[string]Problem{}, imports: map[string]bool{},
	}
	for file, text := range files {
		t, err := parse(file, text)
		if err != nil {
			return nil, err
		}
		c.templates[file] = t
	}
	for _, t := range c.templates {
		for _, f := range t.resources.allFields() {
			if f.value.get("Type").textOr("") != stackType {
				continue
			}
			properties := f.value.get("Properties")
			file := properties.get("TemplateURL").textOr("")
			c.bound[file] = binding{parent: t, parameters: properties.get("Parameters")}
		}
	}
	return c, nil
}

func (v *value) allFields() []field {
	if v == nil {
		return nil
	}
	return v.fields
}

func (c *checker) report(t *template, line int, path, format string, args ...any) {
	c.problems = append(c.problems, Problem{t.file, line, path, fmt.Sprintf(format, args...)})
}

func (c *checker) checkSections(t *template) {
	known := []string{
		"AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings", "Conditions",
		"Resources", "Outputs",
	}
	for _, f := range t.root.fields {
		if !slices.Contains(known, f.name) {
			c.report(t, f.line, f.name, "is not a section of a template")
		}
	}
	if t.root.get("AWSTemplateFormatVersion").textOr("") != "2010-09-09" {
		c.report(t, 1, "AWSTemplateFormatVersion", "is not 2010-09-09")
	}
	groups := t.root.get("Metadata").get("AWS::CloudFormation::Interface").get("ParameterGroups")
	for _, group := range groups.allItems() {
		for _, name := range group.get("Parameters").allItems() {
			if t.parameters.get(name.text) == nil {
				c.report(t, name.line, "Metadata", "there is no parameter %s", name.text)
			}
		}
	}
}

func (v *value) allItems() []*value {
	if v == nil {
		return nil
	}
	return v.items
}

func (c *checker) checkConditions(t *template) {
	for _, f := range t.conditions.allFields() {
		c.references(t, f.value, scope{path: "Conditions." + f.name, condition: true})
	}
}

func (c *checker) checkRules(t *template) {
	for _, f := range t.root.get("Rules").allFields() {
		path := "Rules." + f.name
		for _, part := range f.value.fields {
			switch part.name {
			case "RuleCondition":
				c.references(t, part.value, scope{path: path, condition: true})
			case "Assertions":
				for _, assertion := range part.value.items {
					c.references(t, assertion.get("Assert"), scope{path: path, condition: true})
				}
			default:
				c.report(t, part.line, path, "%s is not a key of a rule", part.name)
			}
		}
	}
}

func (c *checker) checkOutputs(t *template) {
	for _, f := range t.outputs.allFields() {
		path := "Outputs." + f.name
		sc := scope{path: path}
		if condition := f.value.get("Condition"); condition != nil {
			c.useCondition(t, condition.line, path, condition.text)
			sc = sc.given(condition.text, true)
		}
		for _, part := range f.value.fields {
			if !slices.Contains([]string{"Value", "Description", "Condition", "Export"}, part.name) {
				c.report(t, part.line, path, "%s is not a key of an output", part.name)
			}
		}
		output := f.value.get("Value")
		if output == nil {
			c.report(t, f.line, path, "lacks Value")
			continue
		}
		c.references(t, output, sc)
		if output.kind == list || output.kind == call && c.resultKind(t, output) == "list" {
			c.report(t, output.line, path, "is a list, but outputs are single values")
		}
		if name := f.value.get("Export").get("Name"); name != nil {
			c.references(t, name, sc)
			c.exports[exportPattern(name)] = Problem{File: t.file, Line: f.line, Path: path}
		}
	}
}

func (c *checker) checkUnused(t *template) {
	unused := func(section string, v *value) {
		for _, f := range v.allFields() {
			if !c.used[t.file][section+"."+f.name] {
				c.report(t, f.line, section+"."+f.name, "is never used")
			}
		}
	}
	unused("Parameters", t.parameters)
	unused("Conditions", t.conditions)
	unused("Mappings", t.mappings)
	if _, nested := c.bound[t.file]; nested {
		unused("Outputs", t.outputs)
	}
}

func (c *checker) markUsed(t *template, section, name string) {
	c.used[t.file][section+"."+name] = true
}
