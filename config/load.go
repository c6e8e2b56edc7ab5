package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"reflect"
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

// Flags declares the flags of the variables that have one.
func Flags(set *pflag.FlagSet) {
	eachLeaf(&Config{}, func(l leaf) {
		if l.Flag != "" {
			set.String(l.Flag, l.Default, l.Usage+" ($"+l.Name+")")
		}
	})
}

// Load reads the defaults, the file at dotenv (which may be missing), the environment, and the flags that were set; the
// later source wins. Unknown variables in the file are ignored, because other programs may read it too. The error is
// always of type Problems.
func Load(dotenv string, set *pflag.FlagSet) (*Config, error) {
	file, err := readDotenv(dotenv)
	if err != nil {
		return nil, Problems{err.Error()}
	}

	v := viper.New()
	var c Config
	var problems Problems
	eachLeaf(&c, func(l leaf) {
		v.SetDefault(l.Name, l.Default)
		if fromFile := file.GetString(l.Name); fromFile != "" {
			v.SetDefault(l.Name, fromFile)
		}
		err := v.BindEnv(l.Name, l.Name)
		if set != nil && l.Flag != "" && set.Lookup(l.Flag) != nil {
			err = errors.Join(err, v.BindPFlag(l.Name, set.Lookup(l.Flag)))
		}
		if err == nil {
			err = v.UnmarshalKey(l.Name, l.field.Addr().Interface(), viper.DecodeHook(decodeText))
		}
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: %q must be %s", l.Name, v.GetString(l.Name), l.format()))
		}
	})
	problems = append(problems, c.normalize()...)
	if len(problems) > 0 {
		return nil, problems
	}
	return &c, nil
}

func readDotenv(path string) (*viper.Viper, error) {
	file := viper.New()
	if path == "" {
		return file, nil
	}
	file.SetConfigFile(path)
	file.SetConfigType("dotenv")
	if err := file.ReadInConfig(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: the file must be readable and hold KEY=value lines: %w", path, err)
	}
	return file, nil
}

// Variable is one environment variable that the configuration reads.
type Variable struct {
	Name    string
	Default string // as text; "" where the variable has none
	Flag    string // the command-line flag that overrides it, without dashes; "" where there is none
	Usage   string // the flag's help text
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
			Variable: Variable{Name: name, Default: tag.Get("default"), Flag: tag.Get("flag"), Usage: tag.Get("usage")},
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

// DotenvPath returns the path in the variable ENV_FILE, or .env in the current folder.
func DotenvPath() string {
	if path := os.Getenv("ENV_FILE"); path != "" {
		return path
	}
	return ".env"
}
