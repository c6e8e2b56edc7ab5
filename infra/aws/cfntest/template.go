// Package cfntest checks CloudFormation templates: their resources against the schemas of CloudFormation's registry,
// and every reference within and between them. It needs no AWS account, and so does not check what depends on one:
// quotas, names that are taken, and requests that a service rejects for reasons other than their form.
package cfntest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Files are the templates of one service, by file name.
type Files map[string][]byte

// Read returns the templates in dir.
func Read(dir string) (Files, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("no templates in %s", dir)
	}
	files := Files{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		files[filepath.Base(path)] = text
	}
	return files, nil
}

type kind int

const (
	scalar kind = iota
	list
	object
	call // an intrinsic function: fn and arg
)

func (k kind) String() string {
	return [...]string{"a single value", "a list", "an object", "a function"}[k]
}

// value is a node of a template. Both notations of an intrinsic function result in the same value.
type value struct {
	kind   kind
	line   int
	text   string // set for a scalar
	null   bool
	items  []*value
	fields []field
	fn     string // Ref, GetAtt, Sub …
	arg    *value
}

type field struct {
	name  string
	line  int
	value *value
}

func (v *value) get(name string) *value {
	if v == nil {
		return nil
	}
	for _, f := range v.fields {
		if f.name == name {
			return f.value
		}
	}
	return nil
}

// texts returns the scalars of a list. A scalar counts as a list of one.
func (v *value) texts() []string {
	if v == nil {
		return nil
	}
	if v.kind == scalar {
		return []string{v.text}
	}
	var texts []string
	for _, item := range v.items {
		texts = append(texts, item.text)
	}
	return texts
}

// isNoValue reports whether v is AWS::NoValue, which stands for a missing value.
func (v *value) isNoValue() bool {
	return v.kind == call && v.fn == "Ref" && v.arg.text == "AWS::NoValue"
}

// template is one parsed file.
type template struct {
	file string
	root *value

	parameters, mappings, conditions, resources, outputs *value
}

func parse(file string, text []byte) (*template, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(document.Content) != 1 {
		return nil, fmt.Errorf("%s: is empty", file)
	}
	root, err := convert(document.Content[0])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &template{
		file: file, root: root,
		parameters: root.get("Parameters"), mappings: root.get("Mappings"), conditions: root.get("Conditions"),
		resources: root.get("Resources"), outputs: root.get("Outputs"),
	}, nil
}

func convert(node *yaml.Node) (*value, error) {
	if node.Kind == yaml.AliasNode || node.Anchor != "" {
		return nil, fmt.Errorf("line %d: CloudFormation does not support anchors and aliases", node.Line)
	}
	if tag := node.Tag; strings.HasPrefix(tag, "!") && !strings.HasPrefix(tag, "!!") {
		plain := *node
		plain.Tag = ""
		arg, err := convert(&plain)
		return &value{kind: call, line: node.Line, fn: strings.TrimPrefix(tag, "!"), arg: arg}, err
	}
	v := &value{line: node.Line}
	switch node.Kind {
	case yaml.ScalarNode:
		v.kind, v.text, v.null = scalar, node.Value, node.ShortTag() == "!!null"
	case yaml.SequenceNode:
		v.kind = list
		for _, child := range node.Content {
			item, err := convert(child)
			if err != nil {
				return nil, err
			}
			v.items = append(v.items, item)
		}
	case yaml.MappingNode:
		v.kind = object
		for i := 0; i < len(node.Content); i += 2 {
			key := node.Content[i]
			if v.get(key.Value) != nil {
				return nil, fmt.Errorf("line %d: %s occurs twice", key.Line, key.Value)
			}
			child, err := convert(node.Content[i+1])
			if err != nil {
				return nil, err
			}
			v.fields = append(v.fields, field{name: key.Value, line: key.Line, value: child})
		}
		if len(v.fields) == 1 {
			only := v.fields[0]
			if name, long := strings.CutPrefix(only.name, "Fn::"); long || only.name == "Ref" {
				return &value{kind: call, line: node.Line, fn: name, arg: only.value}, nil
			}
		}
	}
	return v, nil
}
