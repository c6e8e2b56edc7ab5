package mail_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"risingstars/assets"
	"risingstars/platform/database/databasetest"
)

// All letters have all their texts in both languages.
func TestEveryLetterCanBeWritten(t *testing.T) {
	t.Parallel()
	o := open(t, databasetest.Open(t, owners()...), nil)
	keys := map[string][]string{}
	for _, language := range []string{"es", "en"} {
		content, err := fs.ReadFile(assets.Mail(), language+".json")
		texts := map[string]string{}
		if err = errors.Join(err, json.Unmarshal(content, &texts)); err != nil {
			t.Fatal(err)
		}
		keys[language] = slices.Sorted(maps.Keys(texts))
	}
	if diff := cmp.Diff(keys["es"], keys["en"]); diff != "" {
		t.Errorf("the languages differ in their texts:\n%s", diff)
	}
	templates := 0
	for _, key := range keys["es"] {
		template, isSubject := strings.CutSuffix(key, ".subject")
		if !isSubject {
			continue
		}
		templates++
		for _, language := range []string{"es", "en"} {
			l := confirm(template+language, "ana@example.com")
			l.Template, l.Language = template, language
			o.send(l)
		}
	}
	if templates < 7 {
		t.Errorf("there are %d letters", templates)
	}
	wrong := confirm("wrong", "ana@example.com")
	wrong.Template = "nonsense"
	if err := o.post.Send(t.Context(), wrong); err == nil {
		t.Error("a letter without texts is kept")
	}
}
