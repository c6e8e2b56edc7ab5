package app

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// healthcheckCommand is the health check of containers, which have no curl.
func healthcheckCommand() *cobra.Command {
	live := false
	command := &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask the app that runs with this configuration whether it is ready; exit with 1 if not",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path := "/readyz"
			if live {
				path = "/livez"
			}
			c, _, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			addr := c.HTTP.Addr
			if c.Worker.HTTPAddr != "" {
				addr = c.Worker.HTTPAddr
			}
			return askHealth(cmd, addr, path)
		},
	}
	command.Flags().BoolVar(&live, "live", false,
		"ask only whether the process answers, for supervisors that replace it when it does not")
	return command
}

func askHealth(cmd *cobra.Command, addr, path string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("read the address %q: %w", addr, err)
	}
	if host == "" || net.ParseIP(host).IsUnspecified() {
		host = "127.0.0.1"
	}
	url := "http://" + net.JoinHostPort(host, port) + path
	request, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	request.Header.Set("Accept-Language", "en")
	client := http.Client{Timeout: 4 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s: %s", path, response.Status, causes(body))
	}
	return nil
}

// causes returns what a problem document says that is wrong, or the document itself if it says nothing.
func causes(document []byte) string {
	var problem struct {
		Errors []struct{ Location, Message string }
	}
	if json.Unmarshal(document, &problem) != nil || len(problem.Errors) == 0 {
		return string(document)
	}
	said := make([]string, len(problem.Errors))
	for i, e := range problem.Errors {
		said[i] = e.Location + ": " + e.Message
	}
	return strings.Join(said, "; ")
}
