package app

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"risingstars/modules/media"
)

// build says which binary this is: its version, and the commit if the build recorded it.
func build() string {
	if commit := commit(); commit != "" {
		return version + " (" + commit + ")"
	}
	return version
}

// printVersion says all that a report of a fault needs. The first line is the version alone, for scripts.
func printVersion(ctx context.Context, w io.Writer) error {
	ffmpeg, err := media.ToolVersion(ctx)
	if err != nil {
		ffmpeg = "none: " + oneLine(err.Error())
	}
	_, err = fmt.Fprintf(w, "%s\ncommit %s\ngo     %s %s/%s\nffmpeg %s\n", version, cmp.Or(commit(), "unknown"),
		strings.TrimPrefix(runtime.Version(), "go"), runtime.GOOS, runtime.GOARCH, ffmpeg)
	return err
}

// commit returns the beginning of the commit's hash, with a + if files had been changed; "" if it is unknown.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	hash := cmp.Or(settings["vcs.revision"], revision)
	if len(hash) > 12 {
		hash = hash[:12]
	}
	if hash != "" && settings["vcs.modified"] == "true" {
		hash += "+"
	}
	return hash
}

// announce logs what this process is and what it works with.
func (a *app) announce(ctx context.Context, role string, workers int) {
	words := []any{
		"role", role, "version", version, "commit", commit(), "stage", a.stage(), "database", a.databaseName(),
		"queue", a.c.Queue.Backend, "storage", a.storageName(),
	}
	if a.c.Embedded() {
		words = append(words, "data", absolute(a.c.Data.Dir))
	}
	if workers > 0 {
		words = append(words, "workers", workers, "ffmpeg", a.ffmpeg, "branding", a.brand.hash)
	}
	a.log.InfoContext(ctx, "starting", words...)
}

// siteAddress is what whoever starts the site in a terminal opens; terminals make a link of it. listening is where it
// listens.
func (a *app) siteAddress(listening string) string {
	if a.c.HTTP.PublicURL != "" {
		return a.c.HTTP.PublicURL
	}
	host, port, err := net.SplitHostPort(listening)
	if ip := net.ParseIP(host); err != nil || ip == nil || ip.IsUnspecified() || ip.IsLoopback() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// stage names the way in which this is deployed, by what it uses.
func (a *app) stage() string {
	switch {
	case a.c.Storage.Backend == "s3" || a.c.Queue.Backend == "sqs":
		return "aws"
	case a.c.Embedded():
		return "embedded"
	default:
		return "one host"
	}
}

// databaseName names the database without its password.
func (a *app) databaseName() string {
	if a.c.Embedded() {
		return "SQLite " + absolute(a.c.DatabasePath())
	}
	if address, err := url.Parse(a.c.Data.DatabaseURL); err == nil {
		return "PostgreSQL " + address.Host + address.Path
	}
	return "PostgreSQL"
}

func (a *app) storageName() string {
	if a.c.Storage.Backend == "s3" {
		return "s3 " + a.c.AWS.Bucket
	}
	return "local " + absolute(a.c.FilesPath())
}

// absolute returns the whole path, because a start in another folder is a common mistake.
func absolute(path string) string {
	if whole, err := filepath.Abs(path); err == nil {
		return whole
	}
	return path
}

// concurrency returns how many jobs this process runs at once.
func (a *app) concurrency() int {
	return cmp.Or(a.c.Worker.Concurrency, max(1, runtime.GOMAXPROCS(0)/2)) // not NumCPU: a container may have fewer
}
