package lang_test

import (
	"testing"

	"risingstars/platform/lang"
)

// Whatever somebody calls a country, it is one, and has its name in each language. Other words stay.
func TestCountriesHaveOneCode(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string][3]string{
		"Colombia": {"CO", "Colombia", "Colombia"}, " colombia ": {"CO", "Colombia", "Colombia"},
		"CO": {"CO", "Colombia", "Colombia"}, "col": {"CO", "Colombia", "Colombia"},
		"Mexico": {"MX", "México", "Mexico"}, "MÉXICO": {"MX", "México", "Mexico"},
		"Méjico": {"MX", "México", "Mexico"},
		"España": {"ES", "España", "Spain"}, "Spain": {"ES", "España", "Spain"},
		"EE. UU.": {"US", "Estados Unidos", "United States"}, "USA": {"US", "Estados Unidos", "United States"},
		"Estados Unidos": {"US", "Estados Unidos", "United States"}, "Brasil": {"BR", "Brasil", "Brazil"},
		"Rep. Dominicana":     {"DO", "República Dominicana", "Dominican Republic"},
		"Macondo":             {"", "Macondo", "Macondo"},
		"Antioquia, Colombia": {"", "Antioquia, Colombia", "Antioquia, Colombia"},
		"":                    {"", "", ""}, "zz": {"", "zz", "zz"}, "EU": {"", "EU", "EU"},
	} {
		if again := lang.CountryCode(lang.Country(typed, "es")); again != want[0] {
			t.Errorf("what is kept of %q has the code %q", typed, again)
		}
		got := [3]string{lang.CountryCode(typed), lang.Country(typed, "es"), lang.Country(typed, "en")}
		if got != want {
			t.Errorf("%q is %q, want %q", typed, got, want)
		}
	}
}
