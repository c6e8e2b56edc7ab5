package cfntest

import (
	"errors"
	"slices"
	"strings"
)

// dataTypes are the resource types whose loss cannot be undone. Their templates must state what happens to them, and
// not leave it to the default.
var dataTypes = []string{"AWS::ECR::Repository", "AWS::RDS::DBInstance", "AWS::S3::Bucket"}

var resourceParts = []string{
	"Type", "Properties", "Condition", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "Metadata",
	"CreationPolicy", "UpdatePolicy",
}

func (c *checker) checkResources(t *template) error {
	needs := map[string][]string{}
	for _, f := range t.resources.allFields() {
		typeName := f.value.get("Type").textOr("")
		for _, part := range f.value.fields {
			if !slices.Contains(resourceParts, part.name) {
				c.report(t, part.line, f.name, "%s is not a key of a resource", part.name)
			}
		}
		c.checkPolicies(t, f, typeName)
		for _, name := range f.value.get("DependsOn").texts() {
			needs[f.name] = append(needs[f.name], name)
			if t.resources.get(name) == nil {
				c.report(t, f.line, f.name, "DependsOn names %s, which is not a resource", name)
			}
		}
		sc := scope{path: f.name, needs: func(name string) { needs[f.name] = append(needs[f.name], name) }}
		if condition := f.value.get("Condition"); condition != nil {
			c.useCondition(t, condition.line, f.name, condition.text)
			sc = sc.given(condition.text, true)
		}
		properties := f.value.get("Properties")
		if properties == nil {
			properties = &value{kind: object, line: f.line}
		}
		c.references(t, properties, sc)

		if typeName == stackType {
			c.checkNested(t, f)
			continue
		}
		r, err := c.registry.resource(typeName)
		if errors.Is(err, errUnknownType) {
			c.report(t, f.line, f.name, "%s is not a resource type", typeName)
			continue
		}
		if err != nil {
			return err
		}
		c.problems = append(c.problems, c.match(t, r, properties, r.root, f.name)...)
		for _, given := range properties.allFields() {
			if r.readOnly[given.name] {
				c.report(t, given.line, f.name+"."+given.name, "is read-only")
			}
		}
	}
	c.checkCycles(t, needs)
	return nil
}

func (c *checker) checkPolicies(t *template, f field, typeName string) {
	for _, part := range []string{"DeletionPolicy", "UpdateReplacePolicy"} {
		policy := f.value.get(part)
		if policy == nil {
			if slices.Contains(dataTypes, typeName) {
				c.report(t, f.line, f.name, "holds data but lacks %s", part)
			}
			continue
		}
		allowed := []string{"Delete", "Retain", "Snapshot"}
		if part == "DeletionPolicy" {
			allowed = append(allowed, "RetainExceptOnCreate")
		}
		if !slices.Contains(allowed, policy.text) {
			c.report(t, policy.line, f.name, "%s %q is not one of %s", part, policy.text, strings.Join(allowed, ", "))
		}
	}
}

// checkCycles reports resources that depend on themselves.
func (c *checker) checkCycles(t *template, needs map[string][]string) {
	const (
		entered = 1
		left    = 2
	)
	state := map[string]int{}
	var visit func(name string, path []string)
	visit = func(name string, path []string) {
		switch state[name] {
		case left:
			return
		case entered:
			c.report(t, 1, name, "depends on itself: %s", strings.Join(append(path, name), " → "))
			return
		}
		state[name] = entered
		for _, next := range needs[name] {
			visit(next, append(path, name))
		}
		state[name] = left
	}
	for _, f := range t.resources.allFields() {
		visit(f.name, nil)
	}
}
