package tracing_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"parley/tracing"
)

func TestOpenReadsTheStandardEnvironment(t *testing.T) {
	t.Parallel()
	const endpoint = "http://127.0.0.1:1"
	for name, tt := range map[string]struct {
		env   map[string]string
		on    bool
		wrong string
	}{
		"nothing":                 {},
		"an endpoint":             {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}, on: true},
		"an endpoint for traces":  {env: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint}, on: true},
		"disabled":                {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_SDK_DISABLED": "TRUE"}},
		"no exporter":             {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_TRACES_EXPORTER": "none"}},
		"another exporter":        {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_TRACES_EXPORTER": "zipkin"}, wrong: "zipkin"},
		"gRPC":                    {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, on: true},
		"another protocol":        {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"}, wrong: "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"},
		"no such authority":       {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_CERTIFICATE": "/none.pem"}, wrong: "OTEL_EXPORTER_OTLP_CERTIFICATE"},
		"an empty authority":      {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_CERTIFICATE": "/dev/null"}, wrong: "no certificate"},
		"a certificate, no key":   {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": "/none.pem"}, wrong: "CLIENT_KEY"},
		"no address":              {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, wrong: "OTEL_EXPORTER_OTLP_ENDPOINT"},
		"a wrong timeout":         {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_TIMEOUT": "1s"}, wrong: "OTEL_EXPORTER_OTLP_TIMEOUT"},
		"wrong headers":           {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_HEADERS": "token"}, wrong: "OTEL_EXPORTER_OTLP_HEADERS"},
		"a sampler, no collector": {env: map[string]string{"OTEL_TRACES_SAMPLER": "always_on"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracer, err := tracing.Open(t.Context(), func(key string) string { return tt.env[key] }, "1", slog.New(slog.DiscardHandler))
			if tt.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wrong) {
					t.Errorf("error %v, want one that names %s", err, tt.wrong)
				}
				return
			}
			if err != nil || (tracer != nil) != tt.on {
				t.Errorf("tracer %v, error %v", tracer, err)
			}
			if err := tracer.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// offTurn is what a turn asks of a tracer that is off.
func TestIDsAreThoseOfTheClientsTrace(t *testing.T) {
	t.Parallel()
	env := func(name string) string {
		if name == "OTEL_EXPORTER_OTLP_ENDPOINT" {
			return "http://127.0.0.1:1"
		}
		return ""
	}
	tracer, err := tracing.Open(t.Context(), env, "1", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tracer.Close(context.WithoutCancel(t.Context())) })
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	ctx := tracer.Accept(t.Context(), func(name string) string {
		if name == "traceparent" {
			return "00-" + trace + "-" + span + "-00"
		}
		return ""
	})
	if a, b := tracing.IDs(ctx); a != trace || b != span {
		t.Errorf("ids %s and %s", a, b)
	}
	ctx, s := tracer.Start(ctx, "a", tracing.Internal)
	defer s.End()
	if a, b := tracing.IDs(ctx); a != trace || b == span || b == "" {
		t.Errorf("ids %s and %s inside a span", a, b)
	}
	if a, b := tracing.IDs(t.Context()); a != "" || b != "" {
		t.Errorf("ids %s and %s without a trace", a, b)
	}
}

func offTurn(ctx context.Context, tracer *tracing.Tracer) {
	ctx = tracer.Accept(ctx, func(string) string { return "" })
	for range 7 {
		_, span := tracer.Start(ctx, "x", tracing.Internal)
		span.Set("a", "b")
		span.SetInt("n", 1)
		span.End()
	}
}

func TestATracerThatIsOffAllocatesNothing(t *testing.T) { //nolint:paralleltest // counts the allocations of the process
	tracer, err := tracing.Open(t.Context(), func(string) string { return "" }, "1", nil)
	if err != nil || tracer != nil {
		t.Fatal(tracer, err)
	}
	if n := testing.AllocsPerRun(100, func() { offTurn(t.Context(), tracer) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	h := http.Header{}
	if tracer.Pass(t.Context(), h); len(h) > 0 {
		t.Errorf("headers %v", h)
	}
}

func BenchmarkTracerOff(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		offTurn(b.Context(), nil)
	}
}
