package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"risingstars/infra/contracttest"
)

// Clients that are generated from the document sign in, upload, follow and vote.
func TestGeneratedClientsGoFromASignUpToAVote(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := startSite(t)
	address := contracttest.Proxy(t, s.URL)
	cache := filepath.Join("..", "..", ".cache")
	for target, command := range map[string][]string{
		"client-go": {filepath.Join(cache, "client-go", "client")},
		"client-ts": {"node", filepath.Join(cache, "client-ts", "out", "main.js")},
	} {
		t.Run(target, func(t *testing.T) {
			if _, err := os.Stat(command[len(command)-1]); err != nil {
				t.Fatalf("the client is missing: make %s", target)
			}
			cmd := exec.CommandContext(t.Context(), command[0], append(command[1:], address, shortClip(t))...)
			if said, err := cmd.CombinedOutput(); err != nil || string(said) != "votes: 1\n" {
				t.Errorf("%v\n%s", err, said)
			}
		})
	}
}
