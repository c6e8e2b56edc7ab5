package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestANameMakesTheSiteServeHTTPS(t *testing.T) {
	clean(t)
	t.Setenv("DOMAIN", "Contest.Example.org., www.example.org, münchen.example, contest.example.org")
	c, _, err := Load(File{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"contest.example.org", "www.example.org", "xn--mnchen-3ya.example"}
	if diff := cmp.Diff(want, c.HTTP.Domains); diff != "" {
		t.Error(diff)
	}
	got := []string{c.HTTP.Addr, c.HTTP.SecureAddr, c.HTTP.PublicURL, c.HTTP.ACMEURL}
	want = []string{
		":80", ":443", "https://contest.example.org", "https://acme-v02.api.letsencrypt.org/directory",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWithoutANameNothingOfHTTPSIsSaid(t *testing.T) {
	clean(t)
	c, report, err := Load(File{}, nil)
	if err != nil || c.HTTP.Addr != ":8080" || c.HTTP.PublicURL != "" || len(c.HTTP.Domains) != 0 {
		t.Errorf("%+v, %v", c.HTTP, err)
	}
	if len(report.Warnings) != 0 {
		t.Errorf("the warnings are %q", report.Warnings)
	}
	t.Setenv("ACME_EMAIL", "ana@example.org")
	if _, report, err = Load(File{}, nil); err != nil || len(report.Warnings) != 1 {
		t.Errorf("ACME_EMAIL without DOMAIN: %q, %v", report.Warnings, err)
	}
}

func TestWrongNamesAndWhatContradictsThemAreProblems(t *testing.T) {
	for _, wrong := range []struct{ set, problem string }{
		{"DOMAIN=https://contest.example.org", "DOMAIN"},
		{"DOMAIN=contest.example.org:443", "DOMAIN"},
		{"DOMAIN=contest.example.org/site", "DOMAIN"},
		{"DOMAIN=*.example.org", "DOMAIN"},
		{"DOMAIN=192.0.2.1", "DOMAIN"},
		{"DOMAIN=::1", "DOMAIN"},
		{"DOMAIN=localhost", "DOMAIN"},
		{"DOMAIN=con_test.example.org", "DOMAIN"},
		{"DOMAIN=good.example.org,bad", "DOMAIN"},
		{"DOMAIN=" + strings.Repeat("a", 64) + ".example.org", "DOMAIN"},
		{"DOMAIN=a.eu,b.eu,c.eu,d.eu,e.eu,f.eu,g.eu,h.eu,i.eu,j.eu,k.eu", "DOMAIN"},
		{"DOMAIN=a.example PUBLIC_URL=http://a.example", "PUBLIC_URL"},
		{"DOMAIN=a.example,b.example PUBLIC_URL=https://b.example", "PUBLIC_URL"},
		{"DOMAIN=a.example PUBLIC_URL=https://a.example/contest", "PUBLIC_URL"},
		{"DOMAIN=a.example HTTPS_ADDR=443", "HTTPS_ADDR"},
		{"DOMAIN=a.example HTTP_ADDR=:443", "HTTPS_ADDR"},
		{"DOMAIN=a.example ACME_URL=http://acme.example/directory", "ACME_URL"},
		{"DOMAIN=a.example ACME_EMAIL=ana", "ACME_EMAIL"},
		{"DOMAIN=a.example PUBLIC_URL=https://a.example:8443", ""},
		{"DOMAIN=a.example HTTP_ADDR=127.0.0.1:0 HTTPS_ADDR=127.0.0.1:0", ""},
	} {
		t.Run(wrong.set, func(t *testing.T) {
			clean(t)
			for pair := range strings.SplitSeq(wrong.set, " ") {
				name, value, _ := strings.Cut(pair, "=")
				t.Setenv(name, value)
			}
			_, _, err := Load(File{}, nil)
			switch {
			case wrong.problem == "" && err != nil:
				t.Error(err)
			case wrong.problem != "" && (err == nil || !strings.Contains(err.Error(), "- "+wrong.problem+": ")):
				t.Errorf("the problem is %v", err)
			}
		})
	}
}
