package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
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
	var say []string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask a running server whether it is alive",
		Long: "Asks a running server whether it is alive, and exits with 0 if it is, with 1 if not: the health check of a container. With --say " +
			"the URL is that of the rest channel, and the bot must answer each message.",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if timeout <= 0 {
				return &usageError{cmd, "argument --timeout: expected a positive time span"}
			}
			ctx, done := context.WithTimeout(cmd.Context(), timeout)
			defer done()
			if len(say) > 0 {
				return a.converse(ctx, cmp.Or(url, "http://127.0.0.1:5005/webhooks/rest/webhook"), say)
			}
			return a.checkHealth(ctx, cmp.Or(url, a.healthURL()))
		},
	}
	f := cmd.Flags()
	f.StringVar(&url, "url", "", "`URL` to ask; not given: /livez on 127.0.0.1 and the port of ADMIN_PORT, without one / on port 5005")
	list(f, &say, "say", "", "+", nil, "`MESSAGE`s to say to the bot, in one conversation")
	f.DurationVar(&timeout, "timeout", 3*time.Second, "how long it may take in all, a `SPAN` such as 3s")
	return cmd
}

// healthURL is where a server on this machine with this environment says whether it is alive.
func (a *app) healthURL() string {
	if port := a.env("ADMIN_PORT"); port != "" && port != "0" {
		return "http://" + net.JoinHostPort("127.0.0.1", port) + "/livez"
	}
	return "http://127.0.0.1:5005/"
}

// checkHealth succeeds if url answers with a status of success.
func (a *app) checkHealth(ctx context.Context, url string) error {
	if _, err := ask(ctx, http.MethodGet, url, nil); err != nil {
		return err
	}
	_, err := fmt.Fprintln(a.out, "ok")
	return err
}

// converse says one message after the other to the rest channel at url, as a sender of its own, and prints the answers. It
// fails if a message is not answered.
func (a *app) converse(ctx context.Context, url string, say []string) error {
	sender := "health-" + rand.Text()
	for _, message := range say {
		body, err := json.Marshal(map[string]string{"sender": sender, "message": message})
		if err != nil {
			return fmt.Errorf("encode a message: %w", err)
		}
		answer, err := ask(ctx, http.MethodPost, url, body)
		if err != nil {
			return err
		}
		var replies []struct {
			Text string `json:"text"`
		}
		if err := json.Unmarshal(answer, &replies); err != nil {
			return failure("%s is no rest channel: %s.", url, err)
		}
		if len(replies) == 0 {
			return failure("The bot did not answer %q.", message)
		}
		for _, reply := range replies {
			if _, err := fmt.Fprintf(a.out, "%s -> %s\n", message, reply.Text); err != nil {
				return err
			}
		}
	}
	return nil
}

// ask sends a request and returns the answer, at most a megabyte of it. Statuses other than success, redirects too, are
// failures.
func ask(ctx context.Context, method, url string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask for the server's health: %w", err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	client := http.Client{
		// Without the environment's proxy: it is this machine, or one beside it, that is asked.
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(r)
	if err != nil {
		return nil, failure("The server does not answer: %s.", err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, failure("The server broke its answer off: %s.", err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, failure("The server is not well: %s answered %s.", url, resp.Status)
	}
	return answer, nil
}
