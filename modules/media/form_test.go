package media

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// byHand is a form as somebody's own program writes it. In its body, {clip} stands for the file, {file} and {title} for
// whole parts.
type byHand struct {
	head    string // content type; "" = multipart/form-data; boundary=b
	body    string
	status  int    // 0 = accepted
	code    string // of a refusal
	mention string // in the text of the refusal
	title   string // "" = Hola
}

const (
	filePart  = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp4\"\r\n\r\n{clip}\r\n"
	titlePart = "--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nHola\r\n"
	empty     = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\"\r\n" +
		"Content-Type: application/octet-stream\r\n\r\n\r\n"
)

// named is a form whose file has these parameters in its header.
func named(parameters string) byHand {
	return byHand{body: "{title}--b\r\nContent-Disposition: form-data; " + parameters + "\r\n\r\n{clip}\r\n--b--\r\n"}
}

// titled is a form whose title has these header lines and this content.
func titled(header, content, want string) byHand {
	head := "Content-Disposition: form-data; name=\"title\"\r\n" + header
	return byHand{title: want, body: "{file}--b\r\n" + head + "\r\n" + content + "\r\n--b--\r\n"}
}

// bounded is a form whose content type has these parameters.
func bounded(boundary, parameters string) byHand {
	body := strings.ReplaceAll(titlePart+filePart+"--b--\r\n", "--b", "--"+boundary)
	return byHand{head: "multipart/form-data" + parameters, body: body}
}

func handmade() map[string]byHand {
	inline := strings.ReplaceAll(titlePart+filePart, "form-data", "inline")
	inCodePage := strings.Replace(titlePart, "Hola", "Canci\xf3n", 1)
	const text = "Content-Type: text/plain; charset="
	refused := func(status int, code, mention string, f byHand) byHand {
		f.status, f.code, f.mention = status, code, mention
		return f
	}
	malformed := func(about string, f byHand) byHand { return refused(400, "malformed", about, f) }
	missing := func(f byHand) byHand { return refused(400, "missing_file", "video_file", f) }
	another := strings.Replace(filePart, `name="file"`, `name="video_file"`, 1)
	coded := func(encoding, content string) byHand {
		return byHand{body: "{title}--b\r\nContent-Disposition: form-data; name=file; filename=a.mp4\r\n" +
			"Content-Transfer-Encoding: " + encoding + "\r\n\r\n" + content + "\r\n--b--\r\n"}
	}
	return map[string]byHand{
		"as it should be": {body: "{title}{file}--b--\r\n"},

		"quotes in the file's name":          named(`name="file"; filename="my "cool" song.mp4"`),
		"quotes in it, before the name":      named(`filename="my "cool" song.mp4"; name="file"`),
		"a quote at its end":                 named(`name="video_file"; filename="12""`),
		"a semicolon after a quote in it":    named(`name="file"; filename="a "b"; c.mp4"`),
		"escaped quotes in it":               named(`name="file"; filename="my \"cool\" song.mp4"`),
		"backslashes in it":                  named(`name="file"; filename="C:\videos\"`),
		"no file name":                       named(`name="file"`),
		"file name without quotes":           named(`name=file; filename=my song (1).mp4`),
		"file name in UTF-8":                 named(`name="file"; filename="canción.mp4"`),
		"file name in Latin-1":               named("name=\"file\"; filename=\"canci\xf3n.mp4\""),
		"file name of RFC 5987":              named(`name="file"; filename="x"; filename*=UTF-8''canci%C3%B3n.mp4`),
		"file name of RFC 5987 in Latin-1":   named(`name="file"; filename*=ISO-8859-1'es'canci%F3n.mp4`),
		"file name of RFC 5987, broken":      named(`name="file"; filename*=UTF-8''%zz`),
		"file name of RFC 2231 in two parts": named(`name="file"; filename*0="my "; filename*1="song.mp4"`),
		"file name twice":                    named(`name="file"; filename="a.mp4"; filename="b.mp4"`),
		"field in capitals":                  named(`NAME="Video_File"; FILENAME="A.MP4"`),
		"field as of PHP":                    named(`name="file[]"; filename="a.mp4"`),
		"parts of another disposition":       {body: inline + "--b--"},

		"boundary with a slash":         bounded("a/b", "; boundary=a/b"),
		"boundary with a colon":         bounded("a:b", "; boundary=a:b; charset=utf-8"),
		"boundary with many signs":      bounded("a(b)?=,+'_@c", "; charset=utf-8; boundary=a(b)?=,+'_@c"),
		"boundary in quotes":            bounded("a b/c", `; boundary="a b/c"`),
		"boundary twice":                bounded("a", `; boundary=a; boundary=b`),
		"content type with a comma":     bounded("a/b", ", boundary=a/b"),
		"content type in capitals":      {head: "Multipart/Form-Data; BOUNDARY=b", body: "{title}{file}--b--\r\n"},
		"semicolon at the end":          bounded("a/b", "; boundary=a/b;"),
		"no boundary":                   malformed("boundary", bounded("a", "")),
		"an empty boundary":             malformed("boundary", bounded("a", "; boundary=")),
		"a boundary of 71 characters":   malformed("boundary", bounded("a", "; boundary="+strings.Repeat("a", 71))),
		"a boundary that does not come": malformed("incompleto", bounded("a", "; boundary=b")),
		"a form that is not one": refused(415, "unsupported_media_type", "multipart/form-data",
			byHand{head: "video/mp4", body: "{clip}"}),

		"an empty file before a good one": {body: "{title}" + empty + another + "--b--\r\n"},
		"an empty file after a good one":  {body: "{title}" + another + empty + "--b--\r\n"},
		"nothing but empty files": refused(400, "not_a_video", "vacío",
			byHand{body: "{title}" + empty + empty + "--b--"}),
		"two files": refused(422, "invalid", "",
			byHand{body: "{title}{file}" + another + "--b--"}),
		"no file":                 missing(byHand{body: "{title}--b--\r\n"}),
		"a file in another field": missing(named(`name="movie"; filename="a.mp4"`)),
		"a file without a field":  missing(named(`filename="a.mp4"`)),
		"a file that is another format": refused(400, "not_a_video", "MP4, MOV, 3GP, MKV o WebM",
			byHand{body: strings.Replace("{title}"+filePart, "{clip}", "RIFF\x24\x00\x00\x00AVI LIST", 1) + "--b--"}),

		"lines that end in LF":  {body: strings.ReplaceAll(titlePart+filePart+"--b--\n", "\r\n", "\n")},
		"a preamble":            {body: "This is a message in MIME format.\r\n\r\n{title}{file}--b--\r\nThe end."},
		"a byte order mark":     {body: "\ufeff{title}{file}--b--\r\n"},
		"no line after the end": {body: "{file}{title}--b--"},
		"no end":                malformed("incompleto", byHand{body: "{title}{file}"}),
		"nothing":               malformed("incompleto", byHand{}),

		"a file in base64":                        coded("base64", "{base64}"),
		"a file in base64, in capitals, in lines": coded("BASE64", "{base64 in lines}"),
		"a file in 8bit":                          coded("8bit", "{clip}"),
		"a file in broken base64":                 malformed("dañado", coded("base64", "{base64}!")),
		"a title in base64": titled("Content-Transfer-Encoding: base64\r\n",
			"Q2FuY2nDs24=", "Canción"),
		"a title in quoted-printable": titled("Content-Transfer-Encoding: quoted-printable\r\n", "Canci=C3=B3n",
			"Canción"),

		"a title in UTF-8":                titled(text+"\"UTF-8\"\r\n", "Canción", "Canción"),
		"a title in Latin-1":              titled(text+"ISO-8859-1\r\n", "Canci\xf3n", "Canción"),
		"a title in Latin-1 that is not":  titled(text+"ISO-8859-1\r\n", "Canción", "Canción"),
		"a title in US-ASCII that is not": titled(text+"US-ASCII\r\n", "Canción", "Canción"),
		"a title in UTF-16":               titled(text+"utf-16le\r\n", "A\x00\xf3\x00", "Aó"),
		"a title with a byte order mark":  titled("", "\ufeffHola", "Hola"),
		"an encoding for all": {title: "Canción", body: "--b\r\nContent-Disposition: form-data; " +
			"name=\"_charset_\"\r\n\r\nwindows-1252\r\n" + inCodePage + "{file}--b--"},
		"a title in no encoding": malformed("UTF-8", titled("", "Canci\xf3n", "")),
		"a title in false UTF-8": malformed("UTF-8",
			titled(text+"utf-8\r\n", "Canci\xf3n", "")),
		"an unknown encoding": malformed("UTF-8",
			titled(text+"klingon\r\n", "Hola", "")),
	}
}

// A form that a person wrote by hand is accepted, or refused by a sentence about exactly what is wrong with it. What is
// refused leaves nothing.
func TestFormsByHandAreReadOrExplained(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/api/videos/upload", "/api/videos/upload-mock"} {
		accepting, refusing := setup(t), setup(t)
		urls := map[bool]string{}
		for refuses, s := range map[bool]*studio{false: accepting, true: refusing} {
			s.o.MockUploads = true
			urls[refuses] = s.serve(t)
		}
		for name, form := range handmade() {
			status, body := form.send(t, urls[form.status != 0]+path, name)
			if form.status == 0 {
				var v uploadBody
				err := json.Unmarshal(body, &v)
				want := map[string]int{"/api/videos/upload": 201, "/api/videos/upload-mock": 202}[path]
				title := form.title
				if title == "" {
					title = "Hola"
				}
				if status != want || err != nil || v.Title != title {
					t.Errorf("%s, %s: %d %s, want %d with the title %q", path, name, status, body, want, title)
				} else if row := accepting.read(t, v.VideoID); row.OriginalSize != int64(len(notReallyAVideo())) {
					t.Errorf("%s, %s: the file has %d bytes", path, name, row.OriginalSize)
				}
				continue
			}
			var problem struct{ Code, Detail string }
			if err := json.Unmarshal(body, &problem); err != nil || status != form.status ||
				problem.Code != form.code || !strings.Contains(problem.Detail, form.mention) {
				t.Errorf("%s, %s: %d %s, want %d %s about %q",
					path, name, status, body, form.status, form.code, form.mention)
			}
			refusing.wantFiles(t)
			refusing.wantOrphans(t, 0)
		}
	}
}

// send posts the form as a caller of its own, whose budgets nobody else uses.
func (f byHand) send(t *testing.T, url, caller string) (status int, body []byte) {
	t.Helper()
	clip := string(notReallyAVideo())
	coded := base64.StdEncoding.EncodeToString([]byte(clip))
	lines := coded[:20] + "\r\n" + coded[20:]
	content := strings.NewReplacer("{title}", titlePart, "{file}", strings.Replace(filePart, "{clip}", clip, 1),
		"{clip}", clip, "{base64}", coded, "{base64 in lines}", lines).Replace(f.body)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+strings.ReplaceAll(caller, " ", "-"))
	request.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	if f.head != "" {
		request.Header.Set("Content-Type", f.head)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err = io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, body
}
