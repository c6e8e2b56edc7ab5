package lang

import (
	"path"
	"strings"
	"time"
)

// spelled are the cities of zones whose names in the tz database lack accents, or that Spanish calls otherwise.
var spelled = map[string]struct{ es, en string }{
	"America/Asuncion":      {"Asunción", "Asunción"},
	"America/Bogota":        {"Bogotá", "Bogotá"},
	"America/Cancun":        {"Cancún", "Cancún"},
	"America/Ciudad_Juarez": {"Ciudad Juárez", "Ciudad Juárez"},
	"America/Havana":        {"La Habana", "Havana"},
	"America/Mazatlan":      {"Mazatlán", "Mazatlán"},
	"America/Merida":        {"Mérida", "Mérida"},
	"America/Mexico_City":   {"Ciudad de México", "Mexico City"},
	"America/New_York":      {"Nueva York", "New York"},
	"America/Panama":        {"Panamá", "Panamá"},
	"America/Sao_Paulo":     {"São Paulo", "São Paulo"},
}

// Zone names a zone by its city, as in "Bogotá time". The text zone has the placeholder Place; zone.utc is UTC.
func (s *Speaker) Zone(zone *time.Location) (string, error) {
	name := zone.String()
	if name == "UTC" || name == "Etc/UTC" {
		return s.Say("zone.utc")
	}
	place := strings.ReplaceAll(path.Base(name), "_", " ")
	if known, ok := spelled[name]; ok {
		place = known.es
		if s.name == "en" {
			place = known.en
		}
	}
	return s.Say("zone", "Place", place)
}
