package ffmpeg

// howToInstall says which command installs ffmpeg on this system. look is exec.LookPath, user the id of the user.
func howToInstall(look func(program string) (string, error), user int) string {
	const free = "; the system's own package lacks H.264, so first add "
	for _, m := range []struct {
		program, command, note string
		everybody              bool // who may run it
	}{
		{program: "apt-get", command: "apt-get install -y ffmpeg"},
		{program: "dnf", command: "dnf install -y ffmpeg", note: free + "https://rpmfusion.org/Configuration"},
		{program: "apk", command: "apk add ffmpeg"},
		{program: "pacman", command: "pacman -S --noconfirm ffmpeg"},
		{program: "zypper", command: "zypper install -y ffmpeg", note: free + "http://packman.links2linux.org"},
		{program: "brew", command: "brew install ffmpeg", everybody: true},
		{program: "port", command: "port install ffmpeg"},
	} {
		if _, err := look(m.program); err != nil {
			continue
		}
		if user != 0 && !m.everybody {
			m.command = "sudo " + m.command
		}
		return "install it with: " + m.command + m.note
	}
	return "install it with this system's package manager, or from https://ffmpeg.org/download.html"
}
