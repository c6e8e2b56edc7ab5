package site_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"risingstars/modules/identity"
)

// ready is there once the script has arranged the page.
const ready = "[data-upload] > .field:first-child #file"

// signIn signs the browser in, and watches for what its scripts throw.
func (p person) signIn(at string, user identity.User) {
	p.t.Helper()
	chromedp.ListenTarget(p.ctx, func(event any) {
		if thrown, ok := event.(*runtime.EventExceptionThrown); ok {
			p.t.Errorf("a script of the page fails: %v", thrown.ExceptionDetails)
		}
	})
	p.do(chromedp.Navigate(at+"/login?next=/upload"),
		chromedp.SendKeys("#email", user.Email, chromedp.ByQuery),
		chromedp.SendKeys("#password", password, chromedp.ByQuery),
		chromedp.Click("form button[type=submit]", chromedp.ByQuery), chromedp.WaitReady(ready, chromedp.ByQuery))
}

func (p person) choose(file string) {
	p.t.Helper()
	p.do(chromedp.SetUploadFiles("#file", []string{file}, chromedp.ByQuery))
}

// paused chooses a file, and pauses once bytes go.
func (p person) paused(file string) {
	p.t.Helper()
	p.choose(file)
	p.sees("En pausa. resume", `
		await until(() => parseInt(one("[data-line]").textContent) > 0);
		one("[data-pause]").click();
		return one("[data-state]").textContent + " " + (document.activeElement.matches("[data-resume]") && "resume");`)
}

// saver makes the browser save data, so that parts go one by one.
func (p person) saver() {
	p.begins(`Object.defineProperty(navigator, "connection", {value: {saveData: true}})`)
}

func (p person) withoutLocks() {
	p.begins(`delete Navigator.prototype.locks`)
}

// makeClip writes a clip of so many seconds; noise makes it large.
func makeClip(t *testing.T, name string, seconds int, filter string, arguments ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	arguments = append([]string{
		"-v", "error", "-f", "lavfi", "-i", filter, "-f", "lavfi", "-i", "sine=440", "-t", fmt.Sprint(seconds),
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac",
	}, append(arguments, file)...)
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return file
}

// pad lengthens a clip to so many bytes by a box that players skip.
func pad(t *testing.T, file string, size int64) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	free := size - int64(len(content))
	box := make([]byte, free)
	copy(box, []byte{byte(free >> 24), byte(free >> 16), byte(free >> 8), byte(free), 'f', 'r', 'e', 'e'})
	for i := 8; i < len(box); i += 7 {
		box[i] = byte(i >> 3)
	}
	padded := filepath.Join(t.TempDir(), filepath.Base(file))
	if err := os.WriteFile(padded, append(content, box...), 0o600); err != nil {
		t.Fatal(err)
	}
	return padded
}

// sumOf is the checksum of a file's content.
func sumOf(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(content))
}

// wantOriginal fails the test unless the only original of a person has the content of a file.
func (h *house) wantOriginal(t *testing.T, user identity.User, file, title string, start string) {
	t.Helper()
	videos, _, err := h.media.List(t.Context(), user.ID, "", 0, 10)
	if err != nil || len(videos) != 1 {
		t.Fatalf("%d videos, %v", len(videos), err)
	}
	v := videos[0]
	if v.Title != title || v.Start.String() != start {
		t.Errorf("the video is %q from %s, want %q from %s", v.Title, v.Start, title, start)
	}
	stored, _, err := h.bucket.Open(t.Context(), v.OriginalKey)
	if err != nil {
		t.Fatal(err)
	}
	defer stored.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, stored); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%x", hash.Sum(nil)); got != sumOf(t, file) {
		t.Errorf("other bytes arrived")
	}
}
