package cfntest

import (
	"errors"
	"slices"
	"strings"
)

// keeps are the types whose loss cannot be undone: what happens to them is said, not left to the default.
var keeps = []string{"AWS::ECR::Repository", "AWS::RDS::DBInstance", "AWS::S3::Bucket"}

var resourceParts = []string{
	"Type", "Properties", "Condition", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "Metadata", "CreationPolicy", "UpdatePolicy",
}

func (c *checker) checkResources(t *template) error {
	needs := map[string][]string{}
	for _, f := range t.resources.allFields() {
		typeName := f.value.get("Type").textOr("")
		for _, part := range f.value.fields {
			if !slices.Contains(resourceParts, part.name) {
				c.say(t, part.line, f.name, "%s is no part of a resource", part.name)
			}
		}
		c.checkPolicies(t, f, typeName)
		for _, name := range f.value.get("DependsOn").texts() {
			needs[f.name] = append(needs[f.name], name)
			if t.resources.get(name) == nil {
				c.say(t, f.line, f.name, "DependsOn names %s, which is no resource", name)
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
			c.say(t, f.line, f.name, "%s is no type of resource", typeName)
			continue
		}
		if err != nil {
			return err
		}
		c.problems = append(c.problems, c.match(t, r, properties, r.root, f.name)...)
		for _, given := range properties.allFields() {
			if r.readOnly[given.name] {
				c.say(t, given.line, f.name+"."+given.name, "is read-only")
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
			if slices.Contains(keeps, typeName) {
				c.say(t, f.line, f.name, "holds data and lacks %s", part)
			}
			continue
		}
		allowed := []string{"Delete", "Retain", "Snapshot"}
		if part == "DeletionPolicy" {
			allowed = append(allowed, "RetainExceptOnCreate")
		}
		if !slices.Contains(allowed, policy.text) {
			c.say(t, policy.line, f.name, "%s %q is none of %s", part, policy.text, strings.Join(allowed, ", "))
		}
	}
}

// checkCycles finds resources that wait for each other.
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
			c.say(t, 1, name, "waits for itself: %s", strings.Join(append(path, name), " → "))
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
