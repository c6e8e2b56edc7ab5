package media

import (
	"errors"
	"strings"
	"testing"

	"risingstars/platform/fault"
)

func TestDetailsAreCleanedAndChecked(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		title, description         string
		wantTitle, wantDescription string
	}{
		{"  Mi\t canción \x01", "", "Mi canción", ""},
		{"Ｓａｌｓａ\u202e\u200b", "½ hora\r\n\r\n\r\n\u200bde salsa ", "Salsa", "½ hora\n\nde salsa"},
		{"🎸👨\u200d👩 2\u200d", "❤\ufe0f\u200d🔥\u2066", "🎸👨\u200d👩 2", "❤\ufe0f\u200d🔥"},
		{"1\u200b" + strings.Repeat("\u200b", 300), "", "1", ""},
		{"a" + strings.Repeat("\u0315", 300), "", "a" + strings.Repeat("\u0315", 4), ""},
	} {
		d, err := newDetails(test.title, test.description, "")
		if err != nil || d.Title != test.wantTitle || d.Description != test.wantDescription {
			t.Errorf("%+q, %+q (%v), want %+q, %+q", d.Title, d.Description, err, test.wantTitle, test.wantDescription)
		}
	}
	for _, title := range []string{
		"", " ", "\u200b", "\u3164", "…", "🎸", strings.Repeat("ñ", 201),
		strings.Repeat("ﷺ", 12), // each becomes 18 characters
	} {
		if _, err := newDetails(title, "", ""); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("the title %+q gives %v", title, err)
		}
	}
	if _, err := newDetails("a", strings.Repeat("ñ\n", 2501), ""); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("a description of 5,001 characters gives %v", err)
	}
}
