package identity

import (
	"strings"

	"github.com/mileusna/useragent"

	"risingstars/platform/fault"
)

// maxDevice is the longest name of a browser or a program that is shown, in characters.
const maxDevice = 40

// Device returns what a session is signed in on, in words.
func (s SignedIn) Device() fault.Text {
	agent := useragent.Parse(s.Agent)
	name := []rune(strings.TrimSpace(agent.Name))
	known := string(name[:min(len(name), maxDevice)])
	switch {
	case known == "" && s.Browser:
		return fault.Text{ES: "Un navegador", EN: "A browser"}
	case known == "":
		return fault.Text{ES: "Un programa", EN: "A program"}
	case agent.OS == "" || strings.Contains(known, agent.OS):
		return fault.Text{ES: known, EN: known}
	}
	return fault.Text{ES: known + " en " + agent.OS, EN: known + " on " + agent.OS}
}
