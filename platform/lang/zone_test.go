package lang_test

import (
	"testing"
	"testing/fstest"
	"time"

	"risingstars/platform/lang"
)

func speakers(t *testing.T, region string) *lang.Texts {
	t.Helper()
	texts, err := lang.Load(fstest.MapFS{
		"es.json": {Data: []byte(`{"zone": "hora de {{.Place}}", "zone.utc": "UTC"}`)},
		"en.json": {Data: []byte(`{"zone": "{{.Place}} time", "zone.utc": "UTC"}`)},
	}, region)
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// A zone is called by its city as people write it.
func TestZonesAreCalledByTheirCities(t *testing.T) {
	t.Parallel()
	texts := speakers(t, "")
	for name, want := range map[string][2]string{
		"America/Bogota":      {"hora de Bogotá", "Bogotá time"},
		"America/Mexico_City": {"hora de Ciudad de México", "Mexico City time"},
		"America/Buenos_Aires": {
			"hora de Buenos Aires", "Buenos Aires time",
		},
		"UTC": {"UTC", "UTC"},
	} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		es, err1 := texts.In("es").Zone(zone)
		en, err2 := texts.In("en").Zone(zone)
		if es != want[0] || en != want[1] || err1 != nil || err2 != nil {
			t.Errorf("%s is %q and %q (%v, %v), want %q", name, es, en, err1, err2, want)
		}
	}
}

// Numbers are written as the country of the contest does.
func TestNumbersFollowTheRegion(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]string{"CO": "12.345", "MX": "12,345", "": "12.345"} {
		if got := speakers(t, region).In("es").Number(12345); got != want {
			t.Errorf("in %q it is %s, want %s", region, got, want)
		}
	}
	if got := speakers(t, "CO").In("en").Number(12345); got != "12,345" {
		t.Errorf("in English it is %s", got)
	}
}
