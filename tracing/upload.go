package tracing

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// upload sends spans to a collector by OTLP, in protobuf, over plain HTTP or as calls of gRPC. OpenTelemetry's own clients do that, too, with
// the modules of gRPC in the program. A batch that fails is not sent again.
type upload struct {
	url    string
	grpc   bool
	header http.Header
	client http.Client
}

// settings reads variables of the OTLP exporter; those that are for traces alone win.
type settings func(string) string

// get is the value of a setting, and the variable that it comes from.
func (env settings) get(name string) (value, variable string) {
	for _, variable := range []string{"OTEL_EXPORTER_OTLP_TRACES_" + name, "OTEL_EXPORTER_OTLP_" + name} {
		if v := env(variable); v != "" {
			return v, variable
		}
	}
	return "", ""
}

func newUpload(env settings) (*upload, error) {
	to := &upload{header: http.Header{"Content-Type": {"application/x-protobuf"}, "User-Agent": {"parley"}}}
	switch protocol, variable := env.get("PROTOCOL"); protocol {
	case "", "http/protobuf":
	case "grpc":
		to.grpc = true
		to.header.Set("Content-Type", "application/grpc")
		to.header.Set("Te", "trailers")
	default:
		return nil, fmt.Errorf("%s: %q is not part of this version; http/protobuf and grpc are", variable, protocol)
	}
	endpoint, variable := env.get("ENDPOINT")
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%s: %q is not an address that begins with http:// or https://", variable, endpoint)
	}
	switch {
	case to.grpc:
		u = &url.URL{Scheme: u.Scheme, Host: u.Host, Path: exportMethod}
	case variable == "OTEL_EXPORTER_OTLP_ENDPOINT": // of a collector for all signals
		u = u.JoinPath("v1", "traces")
	}
	to.url = u.String()
	to.client.Timeout = 10 * time.Second
	if value, variable := env.get("TIMEOUT"); value != "" {
		ms, err := strconv.Atoi(value)
		if err != nil || ms <= 0 {
			return nil, fmt.Errorf("%s: %q is not a positive number of milliseconds", variable, value)
		}
		to.client.Timeout = time.Duration(ms) * time.Millisecond
	}
	if to.client.Transport, err = newTransport(env, to.grpc); err != nil {
		return nil, err
	}
	headers, variable := env.get("HEADERS")
	for pair := range strings.SplitSeq(headers, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		if value, err = url.PathUnescape(strings.TrimSpace(value)); !ok || err != nil {
			return nil, fmt.Errorf("%s: has to be name=value, separated by commas", variable)
		}
		to.header.Set(strings.TrimSpace(name), value)
	}
	return to, nil
}

// newTransport makes the connections, with the authority and the certificate that the environment names. For gRPC they speak
// HTTP/2 from the first byte on, with TLS or without.
func newTransport(env settings, grpc bool) (*http.Transport, error) {
	secure := &tls.Config{MinVersion: tls.VersionTLS12}
	if file, variable := env.get("CERTIFICATE"); file != "" {
		text, err := os.ReadFile(file) //nolint:gosec // the operator names it
		if err != nil {
			return nil, fmt.Errorf("%s: %w", variable, err)
		}
		secure.RootCAs = x509.NewCertPool()
		if !secure.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s: there is no certificate in %s", variable, file)
		}
	}
	certificate, variable := env.get("CLIENT_CERTIFICATE")
	key, _ := env.get("CLIENT_KEY")
	if certificate != "" || key != "" {
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and _CLIENT_KEY (%s): %w", variable, err)
		}
		secure.Certificates = []tls.Certificate{pair}
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!grpc)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(grpc)
	return &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: secure, Protocols: protocols, IdleConnTimeout: 90 * time.Second}, nil
}

// Start is for the exporter.
func (*upload) Start(context.Context) error { return nil }

// Stop is for the exporter.
func (u *upload) Stop(context.Context) error {
	u.client.CloseIdleConnections()
	return nil
}

// UploadTraces is for the exporter.
func (u *upload) UploadTraces(ctx context.Context, spans []*tracev1.ResourceSpans) error {
	body, err := proto.Marshal(&tracev1.TracesData{ResourceSpans: spans}) // on the wire the same as an ExportTraceServiceRequest
	if err != nil {
		return fmt.Errorf("encode spans: %w", err)
	}
	if u.grpc {
		body = framed(body)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("send spans: %w", err)
	}
	req.Header = u.header.Clone()
	res, err := u.client.Do(req)
	if err != nil {
		return fmt.Errorf("send spans: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // the connection is used again, and what follows the answer is read
	switch {
	case res.StatusCode/100 != 2:
		return fmt.Errorf("send spans: the collector answers %s", res.Status)
	case u.grpc:
		return errors.Join(callError(res), err)
	}
	return nil
}
