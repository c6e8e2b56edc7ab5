package cfntest

import (
	"errors"
	"fmt"
	"slices"
)

// Container is the configuration of one container of a task.
type Container struct {
	File, Task, Name string
	StopTimeout      string // seconds
	Variables        []Variable
}

// Variable is one environment variable. Value is its value when every parameter has its default; Known is false if a
// part of it depends on an account. Parameter is set if the value is a numeric parameter and nothing else.
type Variable struct {
	Name, Value   string
	Known, Secret bool
	Optional      bool // it is there only if some condition holds
	Parameter     *Number
}

// Number is a parameter of the outermost template, of the type Number. A missing bound is empty.
type Number struct{ Name, Least, Most string }

// Containers returns the containers of every task definition, in the order of the templates' names.
func Containers(files Files) ([]Container, error) {
	var found []Container
	const taskType = "AWS::ECS::TaskDefinition"
	err := eachResource(files, taskType, func(c *checker, t *template, name string, properties *value) {
		for _, definition := range properties.get("ContainerDefinitions").allItems() {
			container := Container{
				File: t.file, Task: name, Name: definition.get("Name").textOr(""),
				StopTimeout: definition.get("StopTimeout").textOr(""),
			}
			for _, list := range []string{"Environment", "Secrets"} {
				entries, optional := optionals(definition.get(list))
				for i, entry := range entries {
					v := Variable{
						Name: entry.get("Name").textOr(""), Secret: list == "Secrets", Optional: optional[i],
					}
					if !v.Secret {
						v.Value, v.Known = c.evaluate(t, entry.get("Value"))
						v.Parameter = c.number(t, entry.get("Value"))
					}
					container.Variables = append(container.Variables, v)
				}
			}
			found = append(found, container)
		}
	})
	return found, err
}

// optionals returns all items of a list, and which of them depend on a condition.
func optionals(v *value) (items []*value, optional []bool) {
	for _, item := range v.allItems() {
		for _, found := range flatten(item) {
			items = append(items, found)
			optional = append(optional, item.kind == call)
		}
	}
	return items, optional
}

// number follows a Ref up to the outermost template, and returns its parameter if that is a number.
func (c *checker) number(t *template, v *value) *Number {
	for v != nil && v.kind == call && v.fn == "Ref" {
		name := v.arg.text
		if given := c.bound[t.file].parameters.get(name); given != nil {
			t, v = c.bound[t.file].parent, given
			continue
		}
		parameter := t.parameters.get(name)
		if parameter.get("Type").textOr("") != "Number" {
			return nil
		}
		least, most := parameter.get("MinValue").textOr(""), parameter.get("MaxValue").textOr("")
		return &Number{Name: name, Least: least, Most: most}
	}
	return nil
}

// Statement is one statement of a role's inline policy, or of a managed policy.
type Statement struct {
	File, Role         string // Role is the logical name of the role or of the managed policy
	Line               int
	Effect             string
	Actions, Resources []string
}

// Statements returns the statements of every role's inline policies and of every managed policy, including those that
// depend on a condition.
func Statements(files Files) ([]Statement, error) {
	var found []Statement
	collect := func(c *checker, t *template, name string, document *value) {
		for _, statement := range document.get("Statement").allItems() {
			s := Statement{
				File: t.file, Role: name, Line: statement.line, Effect: statement.get("Effect").textOr(""),
				Actions: statement.get("Action").texts(),
			}
			for _, resource := range flatten(statement.get("Resource")) {
				text, _ := c.evaluate(t, resource)
				s.Resources = append(s.Resources, text)
			}
			found = append(found, s)
		}
	}
	const roleType, policyType = "AWS::IAM::Role", "AWS::IAM::ManagedPolicy"
	err1 := eachResource(files, roleType, func(c *checker, t *template, name string, properties *value) {
		for _, policy := range flatten(properties.get("Policies")) {
			collect(c, t, name, policy.get("PolicyDocument"))
		}
	})
	err2 := eachResource(files, policyType, func(c *checker, t *template, name string, properties *value) {
		collect(c, t, name, properties.get("PolicyDocument"))
	})
	return found, errors.Join(err1, err2)
}

// flatten returns every value that may be in a list, through nested lists and both branches of an If. A value that is
// not a list counts as a list of one.
func flatten(v *value) []*value {
	switch {
	case v == nil || v.kind == call && v.isNoValue():
		return nil
	case v.kind == list:
		var found []*value
		for _, item := range v.items {
			found = append(found, flatten(item)...)
		}
		return found
	case v.kind == call && v.fn == "If":
		return append(flatten(v.arg.items[1]), flatten(v.arg.items[2])...)
	}
	return []*value{v}
}

// Text returns the property of a resource at a path of names, when every parameter has its default. Where that depends
// on an account, the text has a name in angle brackets.
func Text(files Files, file, resource string, path ...string) (string, error) {
	c, err := newChecker(nil, files)
	if err != nil {
		return "", err
	}
	t := c.templates[file]
	if t == nil {
		return "", fmt.Errorf("no template %s", file)
	}
	v := t.resources.get(resource).get("Properties")
	for _, step := range path {
		v = v.get(step)
	}
	if v == nil {
		return "", fmt.Errorf("%s: %s has no %v", file, resource, path)
	}
	text, _ := c.evaluate(t, v)
	return text, nil
}

// Parameters returns the names of a template's parameters.
func Parameters(files Files, file string) ([]string, error) {
	t, err := parse(file, files[file])
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range t.parameters.allFields() {
		names = append(names, f.name)
	}
	return names, nil
}

// eachResource visits the resources of one type, in the order of the templates' names.
func eachResource(
	files Files, typeName string, visit func(c *checker, t *template, name string, properties *value),
) error {
	c, err := newChecker(nil, files)
	if err != nil {
		return err
	}
	var names []string
	for file := range c.templates {
		names = append(names, file)
	}
	slices.Sort(names)
	for _, file := range names {
		t := c.templates[file]
		for _, f := range t.resources.allFields() {
			if f.value.get("Type").textOr("") == typeName {
				visit(c, t, f.name, f.value.get("Properties"))
			}
		}
	}
	return nil
}
