package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"risingstars/platform/fault"
)

const (
	mostFindings = 20  // in a problem
	mostTokens   = 500 // in a JSON document, which are its values, names, brackets and braces
	maxLocation  = 200 // bytes; clients choose the names of unknown fields
)

// boundedJSON is the format of requests and answers. Huma validates a document without end: it notes a finding for each
// wrong value. So this refuses a document that has too many values.
var boundedJSON = huma.Format{
	Marshal: huma.DefaultJSONFormat.Marshal,
	Unmarshal: func(data []byte, v any) error {
		if err := countTokens(data); err != nil {
			return err
		}
		return huma.DefaultJSONFormat.Unmarshal(data, v)
	},
}

var errManyTokens = errors.New("the document has too many values")

func countTokens(document []byte) error {
	tokens := json.NewDecoder(bytes.NewReader(document))
	for range mostTokens {
		if _, err := tokens.Token(); err != nil {
			return nil //nolint:nilerr // the document ends or is broken, which unmarshaling it tells
		}
	}
	return errManyTokens
}

// spanish translates huma's messages, which are English format strings. Messages that are missing here stay English.
var spanish = []struct {
	english *regexp.Regexp
	spanish string
}{
	translation(validation.MsgExpectedRequiredProperty, "falta el campo %s"),
	translation(validation.MsgUnexpectedProperty, "este campo no existe"),
	translation(validation.MsgExpectedMinLength, "debe tener al menos %s caracteres"),
	translation(validation.MsgExpectedMaxLength, "debe tener como máximo %s caracteres"),
	translation(validation.MsgExpectedMinimumNumber, "debe ser %s o más"),
	translation(validation.MsgExpectedMaximumNumber, "debe ser %s o menos"),
	translation(validation.MsgExpectedOneOf, `debe ser uno de "%s"`),
	translation(validation.MsgExpectedRFC5322Email, "no es un correo electrónico válido"),
	translation(validation.MsgExpectedString, "debe ser un texto"),
	translation(validation.MsgExpectedInteger, "debe ser un número entero"),
	translation(validation.MsgExpectedNumber, "debe ser un número"),
	translation(validation.MsgExpectedBoolean, "debe ser verdadero o falso"),
	translation(validation.MsgExpectedObject, "debe ser un objeto"),
	translation(validation.MsgExpectedArray, "debe ser una lista"),
	translation("invalid integer", "debe ser un número entero"),
	translation("invalid float", "debe ser un número"),
	translation("invalid boolean", "debe ser verdadero o falso"),
	translation("required query parameter is missing", "falta este parámetro"),
}

var verb = regexp.MustCompile(`%[a-z]`)

func translation(english, to string) struct {
	english *regexp.Regexp
	spanish string
} {
	pattern := verb.ReplaceAllString(regexp.QuoteMeta(english), "(.+)")
	return struct {
		english *regexp.Regexp
		spanish string
	}{regexp.MustCompile("^" + pattern + "$"), strings.Replace(to, "%s", "$1", 1)}
}

var (
	// unmarshalError matches encoding/json's error for a value that passes validation and does not fit the Go type,
	// such as the integer 1e30. The group is the field's name.
	unmarshalError = regexp.MustCompile(`^json: cannot unmarshal .* into Go struct field \S*?\.?([^. ]+) of type`)
	invalidValue   = fault.Text{ES: "no es un valor válido", EN: "is not a valid value"}
)

// fieldsOf returns the location and the message of the first validation errors. It leaves out the values: one may be a
// password.
func fieldsOf(errs []error) []fault.Field {
	var fields []fault.Field
	for _, err := range errs {
		if len(fields) == mostFindings {
			break
		}
		var detailer huma.ErrorDetailer
		if !errors.As(err, &detailer) {
			continue
		}
		detail := detailer.ErrorDetail()
		location := detail.Location
		if len(location) > maxLocation {
			location = strings.ToValidUTF8(location[:maxLocation], "") + "…"
		}
		if field := unmarshalError.FindStringSubmatch(detail.Message); field != nil {
			fields = append(fields, fault.Field{Location: location + "." + field[1], Message: invalidValue})
			continue
		}
		fields = append(fields, fault.Field{Location: location, Message: translate(detail.Message)})
	}
	return fields
}

func translate(english string) fault.Text {
	for _, t := range spanish {
		if t.english.MatchString(english) {
			return fault.Text{ES: t.english.ReplaceAllString(english, t.spanish), EN: english}
		}
	}
	return fault.Text{ES: english, EN: english}
}
