package tracing

import (
	"encoding/binary"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector answers calls of gRPC with a status and keeps the names of the spans that it got.
type collector struct {
	status, message string
	bare            bool // nothing but the outcome, among the headers
	names           chan string
	wrong           chan string
}

func (c *collector) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var got tracev1.TracesData
	switch {
	case err != nil || len(body) < 5 || body[0] != 0 || int(binary.BigEndian.Uint32(body[1:])) != len(body)-5:
		c.wrong <- "the message is not framed"
	case r.ProtoMajor != 2 || r.Header.Get("Te") != "trailers" || r.Header.Get("Content-Type") != "application/grpc" || r.URL.Path != exportMethod:
		c.wrong <- "no call of gRPC: " + r.Proto + " " + r.URL.Path
	case r.Header.Get("Api-Key") != "a b":
		c.wrong <- "the header is missing"
	case proto.Unmarshal(body[5:], &got) != nil:
		c.wrong <- "no spans"
	default:
		c.names <- got.GetResourceSpans()[0].GetScopeSpans()[0].GetSpans()[0].GetName()
	}
	rw.Header().Set("Content-Type", "application/grpc")
	if c.bare {
		rw.Header().Set("Grpc-Status", c.status)
		rw.Header().Set("Grpc-Message", c.message)
		return
	}
	_, _ = rw.Write([]byte{0, 0, 0, 0, 0}) // an empty ExportTraceServiceResponse
	rw.Header().Set(http.TrailerPrefix+"Grpc-Status", c.status)
	rw.Header().Set(http.TrailerPrefix+"Grpc-Message", c.message)
}

func TestSpansGoToACollectorByGRPC(t *testing.T) {
	t.Parallel()
	spans := []*tracev1.ResourceSpans{{ScopeSpans: []*tracev1.ScopeSpans{{Spans: []*tracev1.Span{{Name: "turn"}}}}}}
	for name, tt := range map[string]struct {
		collector collector
		secure    bool
		wrong     string // what the error says
	}{
		"well":             {collector: collector{status: "0"}},
		"with TLS":         {collector: collector{status: "0"}, secure: true},
		"refused":          {collector: collector{status: "14", message: "away%20for lunch"}, wrong: "gRPC status 14: away for lunch"},
		"refused at once":  {collector: collector{status: "16", message: "no key", bare: true}, wrong: "gRPC status 16: no key"},
		"no outcome":       {collector: collector{}, wrong: "not one of gRPC"},
		"no outcome, bare": {collector: collector{bare: true}, wrong: "not one of gRPC"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := tt.collector
			c.names, c.wrong = make(chan string, 1), make(chan string, 1)
			server := httptest.NewUnstartedServer(&c)
			server.Config.Protocols = new(http.Protocols)
			server.Config.Protocols.SetUnencryptedHTTP2(!tt.secure)
			server.Config.Protocols.SetHTTP2(tt.secure)
			env := map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20b"}
			if tt.secure {
				server.EnableHTTP2 = true
				server.StartTLS()
				ca := filepath.Join(t.TempDir(), "ca.pem")
				if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
					t.Fatal(err)
				}
				env["OTEL_EXPORTER_OTLP_CERTIFICATE"] = ca
			} else {
				server.Start()
			}
			defer server.Close()
			env["OTEL_EXPORTER_OTLP_ENDPOINT"] = server.URL + "/v1/traces" // gRPC has no path of its own
			to, err := newUpload(func(key string) string { return env[key] })
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = to.Stop(t.Context()) }()
			err = to.UploadTraces(t.Context(), spans)
			if (err != nil) != (tt.wrong != "") || err != nil && !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("error %v, want one that says %q", err, tt.wrong)
			}
			select {
			case got := <-c.names:
				if got != "turn" {
					t.Errorf("span %q", got)
				}
			case wrong := <-c.wrong:
				t.Error(wrong)
			default:
				t.Error("nothing came")
			}
		})
	}
}

func TestACollectorOfPlainHTTPIsNoneOfGRPC(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	env := map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": server.URL}
	to, err := newUpload(func(key string) string { return env[key] })
	if err != nil {
		t.Fatal(err)
	}
	if err := to.UploadTraces(t.Context(), nil); err == nil {
		t.Error("no error")
	}
}
