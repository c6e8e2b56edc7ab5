package ffmpeg

import (
	"os/exec"
	"slices"
	"testing"
)

func TestTheCommandThatInstallsFFmpegIsThatOfTheSystem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		managers []string
		user     int
		want     string
	}{
		{[]string{"apt-get"}, 0, "install it with: apt-get install -y ffmpeg"},
		{[]string{"apt-get", "brew"}, 1000, "install it with: sudo apt-get install -y ffmpeg"},
		{[]string{"dnf"}, 0, "install it with: dnf install -y ffmpeg; the system's own package lacks H.264, so first " +
			"add https://rpmfusion.org/Configuration"},
		{[]string{"apk"}, 0, "install it with: apk add ffmpeg"},
		{[]string{"pacman"}, 1000, "install it with: sudo pacman -S --noconfirm ffmpeg"},
		{[]string{"brew"}, 501, "install it with: brew install ffmpeg"},
		{nil, 0, "install it with this system's package manager, or from https://ffmpeg.org/download.html"},
	} {
		look := func(program string) (string, error) {
			if slices.Contains(c.managers, program) {
				return "/usr/bin/" + program, nil
			}
			return "", exec.ErrNotFound
		}
		if got := howToInstall(look, c.user); got != c.want {
			t.Errorf("%v, user %d: %q", c.managers, c.user, got)
		}
	}
}
