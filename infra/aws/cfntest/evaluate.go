package cfntest

import (
	"regexp"
	"strings"
)

// binding holds the parameters that a parent template passes to a nested one.
type binding struct {
	parent     *template
	parameters *value
}

// candidates returns the values that v may have according to the templates. known is false if there may be others.
func (c *checker) candidates(t *template, v *value, depth int) (found []*value, known bool) {
	if depth > 10 || v == nil {
		return nil, false
	}
	depth++
	if v.kind == scalar {
		return []*value{v}, true
	}
	if v.kind != call {
		return nil, false
	}
	switch v.fn {
	case "Ref":
		return c.parameterCandidates(t, v.arg.text, depth)
	case "If":
		if len(v.arg.items) != 3 {
			return nil, false
		}
		left, known1 := c.candidates(t, v.arg.items[1], depth)
		right, known2 := c.candidates(t, v.arg.items[2], depth)
		return append(left, right...), known1 && known2
	case "FindInMap":
		if len(v.arg.items) != 3 {
			return nil, false
		}
		keys, known1 := c.candidates(t, v.arg.items[1], depth)
		names, known2 := c.candidates(t, v.arg.items[2], depth)
		for _, key := range keys {
			for _, name := range names {
				if entry := t.mappings.get(v.arg.items[0].text).get(key.text).get(name.text); entry != nil {
					found = append(found, entry)
				}
			}
		}
		return found, known1 && known2
	case "GetAtt":
		if child, output := c.childOutput(t, v); output != nil {
			return c.candidates(child, output.get("Value"), depth)
		}
	}
	return nil, false
}

func (c *checker) parameterCandidates(t *template, name string, depth int) ([]*value, bool) {
	parameter := t.parameters.get(name)
	if parameter == nil {
		return nil, false
	}
	if bound, ok := c.bound[t.file]; ok {
		if given := bound.parameters.get(name); given != nil {
			return c.candidates(bound.parent, given, depth)
		}
	}
	if allowed := parameter.get("AllowedValues"); allowed != nil {
		return allowed.items, true
	}
	if fallback := parameter.get("Default"); fallback != nil {
		return []*value{fallback}, false
	}
	return nil, false
}

// childOutput returns the output of a nested stack that a GetAtt refers to, and the nested template; nil if v refers to
// anything else.
func (c *checker) childOutput(t *template, v *value) (*template, *value) {
	logical, attribute := splitGetAtt(v.arg)
	name, ok := strings.CutPrefix(attribute, "Outputs.")
	if !ok {
		return nil, nil
	}
	child := c.templates[t.resources.get(logical).get("Properties").get("TemplateURL").textOr("")]
	if child == nil {
		return nil, nil
	}
	return child, child.outputs.get(name)
}

func (v *value) textOr(fallback string) string {
	if v == nil || v.kind != scalar {
		return fallback
	}
	return v.text
}

func splitGetAtt(arg *value) (logical, attribute string) {
	if arg.kind == list {
		return arg.items[0].text, strings.Join(arg.texts()[1:], ".")
	}
	logical, attribute, _ = strings.Cut(arg.text, ".")
	return logical, attribute
}

// variable matches ${X} in a Sub, but not ${!X}, which stands for the text ${X}.
var variable = regexp.MustCompile(`\$\{([^!}][^}]*)\}`)

// evaluate returns the text of v when every parameter has its default. Where that depends on an account, the text has a
// name in angle brackets instead, and known is false.
func (c *checker) evaluate(t *template, v *value) (text string, known bool) {
	if v == nil {
		return "", false
	}
	if v.kind == scalar {
		return v.text, true
	}
	if v.kind != call {
		return "<" + v.kind.String() + ">", false
	}
	switch v.fn {
	case "Ref":
		if parameter := t.parameters.get(v.arg.text); parameter != nil {
			if bound, ok := c.bound[t.file]; ok && bound.parameters.get(v.arg.text) != nil {
				return c.evaluate(bound.parent, bound.parameters.get(v.arg.text))
			}
			if fallback := parameter.get("Default"); fallback != nil {
				return fallback.text, true
			}
		}
		return "<" + v.arg.text + ">", false
	case "GetAtt":
		if child, output := c.childOutput(t, v); output != nil {
			return c.evaluate(child, output.get("Value"))
		}
		logical, attribute := splitGetAtt(v.arg)
		return "<" + logical + "." + attribute + ">", false
	case "If":
		if c.holds(t, t.conditions.get(v.arg.items[0].text)) {
			return c.evaluate(t, v.arg.items[1])
		}
		return c.evaluate(t, v.arg.items[2])
	case "FindInMap":
		key, known1 := c.evaluate(t, v.arg.items[1])
		name, known2 := c.evaluate(t, v.arg.items[2])
		if entry := t.mappings.get(v.arg.items[0].text).get(key).get(name); entry != nil && known1 && known2 {
			return entry.text, true
		}
	case "Sub":
		return c.evaluateSub(t, v.arg)
	}
	return "<" + v.fn + ">", false
}

func (c *checker) evaluateSub(t *template, arg *value) (string, bool) {
	text, locals := arg.text, (*value)(nil)
	if arg.kind == list {
		text, locals = arg.items[0].text, arg.items[1]
	}
	known := true
	text = variable.ReplaceAllStringFunc(text, func(match string) string {
		name := match[2 : len(match)-1]
		v := locals.get(name)
		if v == nil {
			fn := "Ref"
			if strings.Contains(name, ".") {
				fn = "GetAtt"
			}
			v = &value{kind: call, fn: fn, arg: &value{text: name}}
		}
		part, ok := c.evaluate(t, v)
		known = known && ok
		return part
	})
	return strings.ReplaceAll(text, "${!", "${"), known
}

// holds reports whether a condition is true when every parameter has its default.
func (c *checker) holds(t *template, v *value) bool {
	if v == nil || v.kind != call {
		return false
	}
	switch v.fn {
	case "Equals":
		left, _ := c.evaluate(t, v.arg.items[0])
		right, _ := c.evaluate(t, v.arg.items[1])
		return left == right
	case "Not":
		return !c.holds(t, v.arg.items[0])
	case "And", "Or":
		for _, item := range v.arg.items {
			if c.holds(t, item) == (v.fn == "Or") {
				return v.fn == "Or"
			}
		}
		return v.fn == "And"
	case "Condition":
		return c.holds(t, t.conditions.get(v.arg.text))
	}
	return false
}
