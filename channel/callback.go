package channel

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"parley/dialogue"
)

// callbackTimeout bounds one post to the other side, as in the reference.
const callbackTimeout = 300 * time.Second

// Callback is the callback channel: a message comes in as on rest, each answer is posted to a URL.
type Callback struct {
	url    string // with the configured query
	header http.Header
	client *http.Client
	log    *slog.Logger
}

// newCallback reads the options of credentials.yml: url, params, headers, basic_auth, token, token_name, cafile.
func newCallback(o map[string]any, log *slog.Logger) (*Callback, error) {
	raw, _ := o["url"].(string)
	if raw == "" {
		return nil, errors.New("needs url in its credentials (pass them with --credentials)")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("url: %q is no http or https address", raw)
	}
	query := u.Query()
	for k, v := range object(o["params"]) {
		query.Set(k, dialogue.PyString(v))
	}
	if token := o["token"]; dialogue.Truthy(token) {
		name, _ := o["token_name"].(string)
		if name == "" {
			name = "token"
		}
		query.Set(name, dialogue.PyString(token))
	}
	u.RawQuery = query.Encode()
	c := &Callback{url: u.String(), header: http.Header{"Accept": {"*/*"}}, client: &http.Client{Timeout: callbackTimeout}, log: log}
	for k, v := range object(o["headers"]) {
		c.header.Set(k, dialogue.PyString(v))
	}
	c.header.Set("Content-Type", "application/json")
	if auth := object(o["basic_auth"]); auth != nil {
		r := http.Request{Header: c.header}
		r.SetBasicAuth(orEmpty(auth, "username"), orEmpty(auth, "password"))
	}
	if file, _ := o["cafile"].(string); file != "" {
		if c.client.Transport, err = trusting(file); err != nil {
			return nil, fmt.Errorf("cafile: %w", err)
		}
	}
	return c, nil
}

// trusting is a transport that trusts the certificates of a file.
func trusting(file string) (*http.Transport, error) {
	pem, err := os.ReadFile(file) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		t = &http.Transport{}
	}
	t = t.Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return t, nil
}

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

// Name implements Channel.
func (c *Callback) Name() string { return "callback" }

// Prefix implements Channel.
func (c *Callback) Prefix() string { return "callback" }

// Methods implements Channel.
func (c *Callback) Methods(path string) []string { return postWebhook(path) }

// Outbound implements Outbound. The output both posts its messages and keeps them.
func (c *Callback) Outbound() Output {
	return &Collector{name: c.Name(), emit: c.post}
}

// Serve implements Channel. When the other side cannot be reached the caller gets an error, as in the reference (golden
// http-callback), but the turn is kept; an answer of 400 and above does not disturb it.
func (c *Callback) Serve(ctx context.Context, r Request, handle Handler) (Reply, error) {
	msg, err := decodeMessage(r.Body, c.Name(), false)
	if err != nil {
		return Reply{}, err
	}
	out := c.Outbound()
	msg.OutputChannel = out.Name()
	var lost error // the turn goes on without it, but the caller has to know
	send := func(m dialogue.BotMessage) error {
		err := Dispatch(ctx, out, m)
		if lost == nil {
			lost = err
		}
		return err
	}
	if err := errors.Join(handle(ctx, msg, send), lost); err != nil {
		return Reply{}, err
	}
	return Reply{Status: http.StatusOK, ContentType: "text/plain; charset=utf-8", Body: []byte("success")}, nil
}

// post sends one message to the other side.
func (c *Callback) post(ctx context.Context, message []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(slices.Clone(message)))
	if err != nil {
		return fmt.Errorf("post to the callback: %w", err)
	}
	req.Header = c.header.Clone()
	res, err := c.client.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // its text has the URL, which may hold a token
		}
		return fmt.Errorf("post to the callback: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode >= http.StatusBadRequest {
		c.log.Warn("the callback refused a message", "status", res.StatusCode)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20)) // to the end, so that the connection can be used again
	return nil
}

// isPayload reports whether an error is about the body as a whole.
func isPayload(err error) bool { return errors.Is(err, ErrBadJSON) || errors.Is(err, ErrBadPayload) }
