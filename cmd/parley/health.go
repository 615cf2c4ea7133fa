package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// healthCommand asks a running server whether it is alive. An image without a shell has nothing else to ask with.
func (a *app) healthCommand() *cobra.Command {
	var url string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask a running server whether it is alive",
		Long:  "Asks a running server whether it is alive, and exits with 0 if it is, with 1 if not: the health check of a container.",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if timeout <= 0 {
				return &usageError{cmd, "argument --timeout: expected a positive time span"}
			}
			return a.checkHealth(cmd.Context(), cmp.Or(url, a.healthURL()), timeout)
		},
	}
	f := cmd.Flags()
	f.StringVar(&url, "url", "", "`URL` to ask; not given: /livez on 127.0.0.1 and the port of ADMIN_PORT, without one / on port 5005")
	f.DurationVar(&timeout, "timeout", 3*time.Second, "how long to wait for an answer, a `SPAN` such as 3s")
	return cmd
}

// healthURL is where a server on this machine with this environment says whether it is alive.
func (a *app) healthURL() string {
	if port := a.env("ADMIN_PORT"); port != "" && port != "0" {
		return "http://" + net.JoinHostPort("127.0.0.1", port) + "/livez"
	}
	return "http://127.0.0.1:5005/"
}

// checkHealth succeeds if url answers with a status of success within timeout. Redirects count as failures.
func (a *app) checkHealth(ctx context.Context, url string, timeout time.Duration) error {
	ctx, done := context.WithTimeout(ctx, timeout)
	defer done()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("ask for the server's health: %w", err)
	}
	client := http.Client{
		// Without the environment's proxy: it is this machine that is asked.
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(r)
	if err != nil {
		return failure("The server does not answer: %s.", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)); err != nil {
		return failure("The server broke its answer off: %s.", err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return failure("The server is not well: %s answered %s.", url, resp.Status)
	}
	_, err = fmt.Fprintln(a.out, "ok")
	return err
}
