package action

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Endpoint is a remote service as endpoints.yml describes it.
type Endpoint struct {
	URL                   string
	Token, TokenName      string // query parameter; TokenName "": token
	Headers, Params       map[string]string
	User, Password        string // basic auth
	CAFile                string
	EnableSelectiveDomain bool
}

// idleConn is how long a connection is kept for the next call. Action servers close idle connections after two to five seconds; a
// call that is sent on a connection just being closed is lost, since it must not be sent twice.
const idleConn = time.Second

// endpoint is a remote service and its connections.
type endpoint struct {
	url       string
	shown     string // the URL without secrets, for errors
	header    http.Header
	host      string // overrides the URL's
	client    *http.Client
	timeout   time.Duration
	maxReply  int64
	selective bool
	pass      func(ctx context.Context, h http.Header)
}

// newEndpoint prepares the client of a service, nil for none.
func newEndpoint(e *Endpoint, cfg *Config) (*endpoint, error) {
	if e == nil {
		return nil, nil
	}
	u, err := url.Parse(e.URL)
	if err != nil {
		return nil, errors.New("the url cannot be parsed") // not shown: it may hold a password
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("url %q: want http://host/path or https://host/path", u.Redacted())
	}
	params := maps.Clone(e.Params)
	if e.Token != "" {
		if params == nil {
			params = make(map[string]string, 1)
		}
		name := e.TokenName
		if name == "" {
			name = "token"
		}
		params[name] = e.Token
	}
	query := []string{u.RawQuery}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		query = append(query, url.QueryEscape(name)+"="+url.QueryEscape(params[name]))
	}
	if u.RawQuery == "" {
		query = query[1:]
	}
	u.RawQuery = strings.Join(query, "&")

	ep := &endpoint{
		url: u.String(), shown: (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String(),
		header:  http.Header{"Content-Type": {"application/json"}, "Accept": {"*/*"}},
		timeout: cfg.Timeout, maxReply: cfg.MaxReply, selective: e.EnableSelectiveDomain, pass: cfg.Pass,
	}
	ep.header.Set("User-Agent", "parley")
	for name, value := range e.Headers {
		if ep.header.Set(name, value); strings.EqualFold(name, "host") {
			ep.host = value
		}
	}
	if e.User != "" || e.Password != "" {
		r := http.Request{Header: ep.header}
		r.SetBasicAuth(e.User, e.Password)
	}
	transport := &http.Transport{ // without a proxy from the environment, as in the reference
		DialContext:         (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		IdleConnTimeout:     idleConn,
		MaxConnsPerHost:     cfg.MaxConns,
		MaxIdleConns:        cfg.MaxConns,
		MaxIdleConnsPerHost: cfg.MaxConns,
	}
	if e.CAFile != "" {
		pem, err := os.ReadFile(e.CAFile) //nolint:gosec // the operator names the file
		if err != nil {
			return nil, fmt.Errorf("cafile: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("cafile %s: no certificate in it", e.CAFile)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	ep.client = &http.Client{Transport: transport} // redirects are followed, those of 301 to 303 as GET
	return ep, nil
}

func (ep *endpoint) close() {
	if ep != nil {
		ep.client.CloseIdleConnections()
	}
}

// errAnswer means that a service answered with something that is no HTTP, or redirected to where nobody answers.
var errAnswer = errors.New("its answer is no HTTP, or leads to an address that cannot be used")

// httpReply is what a service answered.
type httpReply struct {
	status      int
	contentType string
	body        []byte
}

// post sends a JSON body once. It is never sent again: the call may have happened even when no answer came.
func (ep *endpoint) post(ctx context.Context, body []byte, deflate bool) (*httpReply, error) {
	ctx, cancel := context.WithTimeout(ctx, ep.timeout)
	defer cancel()
	var answered atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:              func(httptrace.GotConnInfo) { noteCall(ctx) },
		GotFirstResponseByte: func() { answered.Store(true) },
	})
	if deflate {
		body = deflated(body)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, ep.url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", ep.shown, err)
	}
	req.Header = ep.header.Clone()
	identifyCall(ctx, req.Header)
	if ep.pass != nil {
		ep.pass(ctx, req.Header)
	}
	req.Host = ep.host
	if deflate {
		req.Header.Set("Content-Encoding", "deflate")
	}
	resp, err := ep.client.Do(req)
	if err != nil {
		if ue, ok := errors.AsType[*url.Error](err); ok {
			err = ue.Err // its text has the URL, with the token
			if answered.Load() && !ue.Timeout() && ctx.Err() == nil {
				err = errAnswer // its text may have what was answered
			}
		}
		return nil, fmt.Errorf("call %s: %w", ep.shown, err)
	}
	defer func() { _ = resp.Body.Close() }()
	reply := &httpReply{status: resp.StatusCode, contentType: resp.Header.Get("Content-Type")}
	reply.body, err = io.ReadAll(io.LimitReader(resp.Body, ep.maxReply+1))
	if err != nil {
		return nil, fmt.Errorf("read the reply of %s: %w", ep.shown, err)
	}
	if int64(len(reply.body)) > ep.maxReply {
		return nil, fmt.Errorf("the reply of %s is larger than %d bytes", ep.shown, ep.maxReply)
	}
	return reply, nil
}

// isJSON reports whether the reply is typed application/json or application/*+json.
func (r *httpReply) isJSON() bool {
	kind, _, _ := strings.Cut(r.contentType, ";")
	kind, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(kind)), "application/")
	return ok && (kind == "json" || strings.HasSuffix(kind, "+json") && kind != "+json")
}

// deflated is a body in the zlib format, which HTTP calls deflate.
func deflated(body []byte) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write(body) // a buffer takes everything
	_ = w.Close()
	return b.Bytes()
}
