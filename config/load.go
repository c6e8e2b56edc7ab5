package config

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// Problems lists everything that is wrong with a configuration. Each item is one sentence for the operator: the
// variable's name, a colon, and what to change. No item repeats a value that may hold a password.
type Problems []string

func (p Problems) Error() string {
	return "the configuration has problems:\n  - " + strings.Join(p, "\n  - ")
}

// add appends a problem of a variable, unless the variable has one already.
func (p *Problems) add(name, format string, args ...any) {
	of := func(problem string) bool { return strings.HasPrefix(problem, name+": ") }
	if !slices.ContainsFunc(*p, of) {
		*p = append(*p, name+": "+fmt.Sprintf(format, args...))
	}
}

// Flags declares the flags of the variables that have one.
func Flags(set *pflag.FlagSet) {
	about := meanings()
	eachLeaf(&Config{}, func(l leaf) {
		if l.Flag != "" {
			set.String(l.Flag, l.Default, about[l.Name]+" ($"+l.Name+")")
		}
	})
}

// Setting is a variable with the value in force.
type Setting struct {
	Name    string `json:"name"`
	Value   string `json:"value"`  // masked where nobody may see it
	Source  string `json:"source"` // default, FILE:LINE, environment, or --flag
	Meaning string `json:"meaning"`
}

// Report is what an operator may want to know of a configuration.
type Report struct {
	Settings []Setting
	Warnings Problems // of what can be meant, but hardly is
	// SDK are the variables of AWS's and OpenTelemetry's SDKs that only the file has. These read the environment alone,
	// so whoever uses one must put them there.
	SDK map[string]string
}

// Load reads the defaults, the file (none if the path is ""), the environment, and the flags that were set; the later
// source wins. A variable that is set to nothing has its default, whatever an earlier source says. Variables in the
// file that are not ours are ignored, because other programs may read it too. The error is always of type Problems; the
// report is complete even then.
func Load(file File, set *pflag.FlagSet) (*Config, Report, error) {
	lines, err := file.read()
	if err != nil {
		return nil, Report{}, Problems{err.Error()}
	}

	v := viper.New()
	var (
		c        Config
		problems Problems
		sources  = map[string]string{}
	)
	eachLeaf(&c, func(l leaf) {
		value, source := l.find(file, lines, set)
		sources[l.Name] = source
		if complaint := unprintable(value); complaint != "" {
			problems.add(l.Name, "%s", complaint)
			return
		}
		v.Set(l.Name, value)
		if err := v.UnmarshalKey(l.Name, l.field.Addr().Interface(), viper.DecodeHook(decodeText)); err != nil {
			problems.add(l.Name, "%q must be %s", value, l.format())
		}
	})
	c.normalize(&problems)
	report := Report{Settings: c.settings(sources), Warnings: c.warnings(lines), SDK: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(lines)) {
		if _, set := os.LookupEnv(name); !set && sdkOf(name) != "" {
			report.SDK[name] = lines[name].value
			if !isOurs(name) {
				report.Settings = append(report.Settings,
					Setting{name, masked(lines[name].value), lines[name].at(file), "for the SDK of " + sdkOf(name)})
			}
		}
	}
	if len(problems) > 0 {
		return nil, report, problems
	}
	return &c, report, nil
}

// sdkOf returns whose SDK reads a variable by itself; "" if none does.
func sdkOf(name string) string {
	switch {
	case strings.HasPrefix(name, "AWS_"):
		return "AWS"
	case strings.HasPrefix(name, "OTEL_"):
		return "OpenTelemetry"
	}
	return ""
}

// find returns the value of a variable and where it was found.
func (l leaf) find(file File, lines map[string]assignment, set *pflag.FlagSet) (value, source string) {
	value, source = l.Default, "default"
	take := func(text, from string) {
		if value, source = text, from; text == "" {
			value, source = l.Default, "default, because "+from+" is empty"
		}
	}
	if line, ok := lines[l.Name]; ok {
		take(line.value, line.at(file))
	}
	if text, ok := os.LookupEnv(l.Name); ok {
		take(text, "environment")
	}
	if set != nil && l.Flag != "" {
		if flag := set.Lookup(l.Flag); flag != nil && flag.Changed {
			take(flag.Value.String(), "--"+l.Flag)
		}
	}
	return value, source
}

// unprintable says what is wrong with a value that was copied with what is around it.
func unprintable(value string) string {
	switch {
	case strings.ContainsAny(value, "\r\n"):
		return "must not contain a line break: the file that it comes from may have Windows line ends"
	case len(value) > 1 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0]:
		return "must not be in quotes: nothing removes them there"
	case strings.TrimSpace(value) != value:
		return "must not begin or end with spaces"
	}
	return ""
}

// settings lists the values in force.
func (c *Config) settings(sources map[string]string) []Setting {
	var all []Setting
	about := meanings()
	eachLeaf(c, func(l leaf) {
		all = append(all, Setting{Name: l.Name, Value: l.shown(), Source: sources[l.Name], Meaning: about[l.Name]})
	})
	return all
}

// Variable is one environment variable that the configuration reads.
type Variable struct {
	Name    string
	Default string // as text; "" where the variable has none
	Flag    string // the command-line flag that overrides it, without dashes; "" where there is none
	Mask    string // what of the value nobody may see: all, or the password of a URL
}

// Variables returns every variable in the order of Config's fields.
func Variables() []Variable {
	var all []Variable
	eachLeaf(&Config{}, func(l leaf) { all = append(all, l.Variable) })
	return all
}

// leaf is one variable and the field that it fills.
type leaf struct {
	Variable
	field reflect.Value
}

func eachLeaf(c *Config, visit func(leaf)) { walk(reflect.ValueOf(c).Elem(), visit) }

func walk(group reflect.Value, visit func(leaf)) {
	for i := range group.NumField() {
		field, tag := group.Field(i), group.Type().Field(i).Tag
		name, ok := tag.Lookup("env")
		if !ok {
			walk(field, visit)
			continue
		}
		visit(leaf{
			Variable: Variable{Name: name, Default: tag.Get("default"), Flag: tag.Get("flag"), Mask: tag.Get("mask")},
			field:    field,
		})
	}
}

// format describes the values that the variable accepts.
func (l leaf) format() string {
	switch l.field.Interface().(type) {
	case bool:
		return "true or false"
	case int, int64:
		return "a whole number"
	case []netip.Prefix:
		return "a comma-separated list of networks, such as 10.0.0.0/8"
	}
	return "text"
}

// shown is the value as an operator may see it.
func (l leaf) shown() string {
	var text string
	switch value := l.field.Interface().(type) {
	case []netip.Prefix:
		items := make([]string, len(value))
		for i, prefix := range value {
			items[i] = prefix.String()
		}
		text = strings.Join(items, ",")
	case []string:
		text = strings.Join(value, ",")
	default:
		text = fmt.Sprint(value)
	}
	if text == "" {
		return ""
	}
	switch l.Mask {
	case "all":
		return masked(text)
	case "password":
		return maskPassword(text)
	}
	return text
}

func masked(text string) string { return fmt.Sprintf("(set, %d bytes)", len(text)) }

func isOurs(name string) bool {
	return slices.ContainsFunc(Variables(), func(v Variable) bool { return v.Name == name })
}

// decodeText turns text into lists of strings and of networks. All other types are left to mapstructure's weak
// decoding.
func decodeText(from, to reflect.Type, data any) (any, error) {
	text, ok := data.(string)
	if !ok || from.Kind() != reflect.String || to.Kind() != reflect.Slice {
		return data, nil
	}
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	if to != reflect.TypeFor[[]netip.Prefix]() {
		return items, nil
	}
	prefixes := make([]netip.Prefix, 0, len(items))
	for _, item := range items {
		if addr, err := netip.ParseAddr(item); err == nil {
			prefixes = append(prefixes, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		prefix, err := netip.ParsePrefix(item)
		if err != nil {
			return nil, fmt.Errorf("parse network %q: %w", item, err)
		}
		prefixes = append(prefixes, prefix)
	}
	return prefixes, nil
}
