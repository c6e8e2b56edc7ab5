package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"risingstars/infra/contracttest"
)

// collectionItem is a folder of a Postman collection, or a request.
type collectionItem struct {
	Name string
	Item []collectionItem
}

// requests counts the requests of a collection.
func requests(items []collectionItem) (n int) {
	for _, item := range items {
		if len(item.Item) == 0 {
			n++
		}
		n += requests(item.Item)
	}
	return n
}

// The Postman collection goes from an empty system to a ranking.
func TestThePostmanCollectionPasses(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	newman := filepath.Join("..", "..", ".cache", "newman", "node_modules", ".bin", "newman")
	if _, err := os.Stat(newman); err != nil {
		t.Fatal("newman is missing: make .cache/newman/.installed")
	}
	s := startSite(t)
	work := t.TempDir()
	if err := os.WriteFile(filepath.Join(work, "clip.mp4"), []byte(shortClipContent(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	const folder = "../postman/"
	collection, report := folder+"showcase.postman_collection.json", filepath.Join(work, "report.json")
	cmd := exec.CommandContext(t.Context(), newman, "run", collection, "--environment",
		folder+"local.postman_environment.json", "--env-var", "baseUrl="+contracttest.Proxy(t, s.URL),
		"--working-dir", work, "--timeout-request", "60000", "--color", "off",
		"--reporters", "cli,json", "--reporter-json-export", report)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("newman: %v\n%s", err, out)
	}
	var wanted struct{ Item []collectionItem }
	var done struct {
		Run struct {
			Stats struct {
				Requests, Assertions struct{ Total, Failed int }
			}
		}
	}
	for name, into := range map[string]any{collection: &wanted, report: &done} {
		if err := json.Unmarshal([]byte(readFile(t, name)), into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	// Each request has a test at least. One is repeated until the video is processed.
	stats, want := done.Run.Stats, requests(wanted.Item)
	if want < 50 || stats.Requests.Total < want || stats.Assertions.Total < want || stats.Assertions.Failed > 0 {
		t.Errorf("%+v, want %d requests at least", stats, want)
	}
	t.Logf("%d requests, %d assertions", stats.Requests.Total, stats.Assertions.Total)
}
