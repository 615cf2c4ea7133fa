package tracing

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// upload sends spans to a collector by OTLP over HTTP, in protobuf. OpenTelemetry's own client does that, too, with the modules of gRPC
// in the program. A batch that fails is not sent again.
type upload struct {
	url    string
	header http.Header
	client http.Client
}

// newUpload reads the variables of the OTLP exporter; those that are for traces alone win.
func newUpload(env func(string) string) (*upload, error) {
	setting := func(name string) (value, variable string) {
		for _, variable := range []string{"OTEL_EXPORTER_OTLP_TRACES_" + name, "OTEL_EXPORTER_OTLP_" + name} {
			if v := env(variable); v != "" {
				return v, variable
			}
		}
		return "", ""
	}
	if protocol, variable := setting("PROTOCOL"); protocol != "" && protocol != "http/protobuf" {
		return nil, fmt.Errorf("%s: %q is not part of this version; http/protobuf is", variable, protocol)
	}
	endpoint, variable := setting("ENDPOINT")
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%s: %q is not an address that begins with http:// or https://", variable, endpoint)
	}
	if variable == "OTEL_EXPORTER_OTLP_ENDPOINT" { // of a collector for all signals
		u = u.JoinPath("v1", "traces")
	}
	to := &upload{url: u.String(), header: http.Header{"Content-Type": {"application/x-protobuf"}, "User-Agent": {"parley"}}}
	to.client.Timeout = 10 * time.Second
	if value, variable := setting("TIMEOUT"); value != "" {
		ms, err := strconv.Atoi(value)
		if err != nil || ms <= 0 {
			return nil, fmt.Errorf("%s: %q is not a positive number of milliseconds", variable, value)
		}
		to.client.Timeout = time.Duration(ms) * time.Millisecond
	}
	headers, variable := setting("HEADERS")
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
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // the connection is used again
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("send spans: the collector answers %s", res.Status)
	}
	return nil
}
