package cfntest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// The schemas come from CloudFormation's public registry, as contained in this release of AWS's template tool. They are
// read from the module cache, and the tool is not a dependency of ours.
const (
	schemaModule  = "github.com/aws-cloudformation/rain@v1.23.1"
	schemaSum     = "h1:LuLtLdH2f1frdbSyPQmyN2m3NAu7RoFrTtTLhIpMFaA="
	schemaFolders = "internal/aws/cfn/schemas"
)

// Registry holds the schema of every resource type. It is safe for concurrent use.
type Registry struct {
	dir     string
	mu      sync.Mutex
	schemas map[string]*resourceSchema
}

// OpenRegistry finds the schemas in the module cache, and downloads them if they are missing.
func OpenRegistry(ctx context.Context) (*Registry, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", schemaModule)
	// Outside any module, so that no go.sum is changed; the checksum is compared below.
	cmd.Dir = os.TempDir()
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GONOSUMDB=github.com/aws-cloudformation/*")
	output, err := cmd.Output()
	var module struct{ Dir, Sum, Error string }
	if jsonErr := json.Unmarshal(output, &module); jsonErr != nil || module.Error != "" || err != nil {
		return nil, fmt.Errorf("go mod download %s: %s: %w", schemaModule, module.Error, errors.Join(err, jsonErr))
	}
	if module.Sum != schemaSum {
		return nil, fmt.Errorf("%s has the checksum %s, not %s", schemaModule, module.Sum, schemaSum)
	}
	return &Registry{dir: filepath.Join(module.Dir, schemaFolders), schemas: map[string]*resourceSchema{}}, nil
}

// schema is a JSON schema: the part of draft 7 that the registry uses.
type schema map[string]any

// resourceSchema is the schema of one resource type.
type resourceSchema struct {
	root     schema
	readOnly map[string]bool // the attributes that GetAtt returns, such as "Endpoint.Address"
}

// errUnknownType means that the registry does not have this resource type.
var errUnknownType = errors.New("no such resource type")

func (r *Registry) resource(typeName string) (*resourceSchema, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if found := r.schemas[typeName]; found != nil {
		return found, nil
	}
	path := filepath.Join(r.dir, filepath.Join(strings.Split(strings.ToLower(typeName), "::")...)+".json")
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, errUnknownType
	}
	if err != nil {
		return nil, err
	}
	found := &resourceSchema{readOnly: map[string]bool{}}
	if err := json.Unmarshal(text, &found.root); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if found.root["typeName"] != typeName { // file names are in lower case
		return nil, errUnknownType
	}
	for _, pointer := range found.root.strings("readOnlyProperties") {
		name := strings.TrimPrefix(pointer, "/properties/")
		found.readOnly[strings.ReplaceAll(name, "/", ".")] = true
	}
	r.schemas[typeName] = found
	return found, nil
}

func (s schema) child(name string) schema {
	m, _ := s[name].(map[string]any)
	return m
}

func (s schema) children(name string) []schema {
	values, _ := s[name].([]any)
	var found []schema
	for _, value := range values {
		if m, ok := value.(map[string]any); ok {
			found = append(found, m)
		}
	}
	return found
}

func (s schema) strings(name string) []string {
	values, _ := s[name].([]any)
	var found []string
	for _, value := range values {
		if number, ok := value.(float64); ok {
			found = append(found, strconv.FormatFloat(number, 'f', -1, 64))
			continue
		}
		found = append(found, fmt.Sprint(value))
	}
	return found
}

func (s schema) number(name string) (float64, bool) {
	n, ok := s[name].(float64)
	return n, ok
}

// types returns the JSON types that the schema allows; none means any.
func (s schema) types() []string {
	switch t := s["type"].(type) {
	case string:
		return []string{t}
	case []any:
		return s.strings("type")
	}
	switch {
	case s["properties"] != nil || s["patternProperties"] != nil:
		return []string{"object"}
	case s["items"] != nil:
		return []string{"array"}
	}
	return nil
}

// follow resolves a reference.
func (r *resourceSchema) follow(s schema) schema {
	for {
		pointer, ok := s["$ref"].(string)
		if !ok {
			return s
		}
		next := r.root
		for step := range strings.SplitSeq(strings.TrimPrefix(pointer, "#/"), "/") {
			next = next.child(step)
		}
		s = next
	}
}

// documentedAttribute reports whether the user guide documents an attribute that the schema does not list as read-only.
func documentedAttribute(typeName, name string) bool {
	return typeName == "AWS::SQS::Queue" && name == "QueueName"
}

// attribute returns the schema of what GetAtt returns, or nil if there is no such attribute.
func (r *resourceSchema) attribute(name string) schema {
	typeName, _ := r.root["typeName"].(string)
	if !r.readOnly[name] && !documentedAttribute(typeName, name) {
		return nil
	}
	s := r.root
	for step := range strings.SplitSeq(name, ".") {
		s = r.follow(s.child("properties").child(step))
	}
	if s == nil {
		s = schema{}
	}
	return s
}
