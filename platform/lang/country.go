package lang

import (
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"risingstars/platform/text"
)

// spoken are names of countries that people type beside those in Spanish and in English.
var spoken = map[string]string{
	"eeuu": "US", "ee uu": "US", "estados unidos de america": "US", "united states of america": "US", "usa": "US",
	"u s a": "US", "america": "US", "mejico": "MX", "rep dominicana": "DO", "santo domingo": "DO", "inglaterra": "GB",
	"england": "GB", "uk": "GB", "gran bretana": "GB", "great britain": "GB", "holanda": "NL", "holland": "NL",
	"republica de colombia": "CO", "republica argentina": "AR", "republica bolivariana de venezuela": "VE",
	"estados unidos mexicanos": "MX", "corea": "KR", "corea del sur": "KR", "south korea": "KR", "rusia": "RU",
	"turquia": "TR", "turkey": "TR",
}

// codes are the countries of ISO 3166-1 by the folded forms of their names and codes.
var codes = sync.OnceValue(func() map[string]string {
	found := map[string]string{}
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code := string([]rune{a, b})
			region, err := language.ParseRegion(code)
			if err != nil || !region.IsCountry() || region.Canonicalize() != region || region.String() != code {
				continue
			}
			for _, name := range []string{
				CountryName(code, "es"), CountryName(code, "en"), code, region.ISO3(),
			} {
				if key := text.Fold(name); key != "" && found[key] == "" {
					found[key] = code
				}
			}
		}
	}
	for name, code := range spoken {
		if found[name] == "" {
			found[name] = code
		}
	}
	return found
})

// kept are the codes by the names in Spanish, as profiles keep them, so that these need not be folded.
var kept = sync.OnceValue(func() map[string]string {
	found := map[string]string{}
	for _, code := range codes() {
		name := CountryName(code, "es")
		found[name] = codes()[text.Fold(name)]
	}
	return found
})

// CountryCode returns the code of ISO 3166-1 for a country as people type it, in Spanish or English; "" for any other
// word.
func CountryCode(typed string) string {
	if code, ok := kept()[typed]; ok {
		return code
	}
	return codes()[text.Fold(typed)]
}

// CountryName returns the name of the country with a code, in English or, for any other language, in Spanish.
func CountryName(code, in string) string {
	region, err := language.ParseRegion(code)
	switch {
	case err != nil:
		return code
	case in == "en":
		return display.English.Regions().Name(region)
	}
	return display.Spanish.Regions().Name(region)
}

// Country returns a country's name in a language, whatever people have typed; another word stays as it is.
func Country(typed, in string) string {
	if code := CountryCode(typed); code != "" {
		return CountryName(code, in)
	}
	return typed
}
