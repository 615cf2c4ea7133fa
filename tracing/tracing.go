// Package tracing makes OpenTelemetry spans of what the server does, and passes W3C trace contexts on.
//
// It is off unless the standard environment of OpenTelemetry names a collector. A nil *Tracer is one that is off: its methods do nothing
// and cost a comparison. No text of users, no sender id and no slot value belongs into a span.
//
// Spans wait in a queue of bounded length (OTEL_BSP_MAX_QUEUE_SIZE, 2048) and are sent in the background: a collector that is slow or away
// costs spans, not turns.
package tracing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
)

// defaultRatio is the share of traces that is kept where neither the client nor OTEL_TRACES_SAMPLER decides.
const defaultRatio = 0.05

// Tracer makes spans. It is safe for concurrent use.
type Tracer struct {
	provider   *trace.TracerProvider
	tracer     oteltrace.Tracer
	propagator propagation.TextMapPropagator
}

// Open returns a tracer that sends to the collector of OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT; nil without
// one, or when OTEL_SDK_DISABLED is true or OTEL_TRACES_EXPORTER is none. The variables of the sampler, the resource and the queue are
// read where OpenTelemetry's library reads them: from the process's environment. Of those of OTLP, compression is not part of this
// version. What goes wrong in the background is logged, the first time and every hundredth.
func Open(ctx context.Context, env func(string) string, version string, log *slog.Logger) (*Tracer, error) {
	endpoint := cmp.Or(env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), env("OTEL_EXPORTER_OTLP_ENDPOINT"))
	if endpoint == "" || strings.EqualFold(env("OTEL_SDK_DISABLED"), "true") {
		return nil, nil //nolint:nilnil // a nil tracer is one that is off
	}
	switch exporter := env("OTEL_TRACES_EXPORTER"); exporter {
	case "", "otlp":
	case "none":
		return nil, nil //nolint:nilnil // as above
	default:
		return nil, fmt.Errorf("OTEL_TRACES_EXPORTER: %q is not part of this version; otlp and none are", exporter)
	}
	to, err := newUpload(env)
	if err != nil {
		return nil, err
	}
	exporter, err := otlptrace.New(ctx, to)
	if err != nil {
		return nil, fmt.Errorf("send traces to %s: %w", endpoint, err)
	}
	about, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "parley"), attribute.String("service.version", version)),
		resource.WithFromEnv(), // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES have the last word
	)
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	options := []trace.TracerProviderOption{trace.WithBatcher(exporter), trace.WithResource(about)}
	if env("OTEL_TRACES_SAMPLER") == "" {
		options = append(options, trace.WithSampler(trace.ParentBased(trace.TraceIDRatioBased(defaultRatio))))
	}
	var failed atomic.Uint64
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		if n := failed.Add(1); n%100 == 1 {
			log.Warn("traces are lost", "error", err, "failures", n)
		}
	}))
	provider := trace.NewTracerProvider(options...)
	return &Tracer{
		provider:   provider,
		tracer:     provider.Tracer("parley"),
		propagator: propagation.TraceContext{},
	}, nil
}

// Close sends the spans that wait, as far as ctx lets it, and ends.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	if err := t.provider.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("send the last traces: %w", err)
	}
	return nil
}

// Accept continues the trace of a request's headers, if they name one. header must not keep what it returns.
func (t *Tracer) Accept(ctx context.Context, header func(name string) string) context.Context {
	if t == nil {
		return ctx
	}
	carrier := propagation.MapCarrier{}
	for _, name := range t.propagator.Fields() {
		if value := header(name); value != "" {
			carrier[name] = strings.Clone(value)
		}
	}
	if len(carrier) == 0 {
		return ctx
	}
	return t.propagator.Extract(ctx, carrier)
}

// Pass gives a call of another service the headers that continue the trace of ctx.
func (t *Tracer) Pass(ctx context.Context, h http.Header) {
	if t != nil {
		t.propagator.Inject(ctx, propagation.HeaderCarrier(h))
	}
}

// IDs are those of the trace and the span that a context belongs to, in hexadecimal digits; empty if it belongs to none.
func IDs(ctx context.Context) (traceID, spanID string) {
	c := oteltrace.SpanContextFromContext(ctx)
	if !c.IsValid() {
		return "", ""
	}
	return c.TraceID().String(), c.SpanID().String()
}

// AppendIDs appends to the attributes of a log line what IDs has, if it has.
func AppendIDs(ctx context.Context, line []slog.Attr) []slog.Attr {
	if trace, span := IDs(ctx); trace != "" {
		line = append(line, slog.String("trace_id", trace), slog.String("span_id", span))
	}
	return line
}

// Kind is what a span is to other services.
type Kind int

// The kinds.
const (
	Internal Kind = iota // nothing
	Server               // it answers a request
	Client               // it makes one
)

// Start begins a span as a child of the one in ctx. Its End must be called once. Names are of a closed set: they must not hold
// anything that a user said.
func (t *Tracer) Start(ctx context.Context, name string, k Kind) (context.Context, Span) {
	if t == nil {
		return ctx, Span{}
	}
	kind := oteltrace.SpanKindInternal
	switch k {
	case Internal:
	case Server:
		kind = oteltrace.SpanKindServer
	case Client:
		kind = oteltrace.SpanKindClient
	}
	ctx, s := t.tracer.Start(ctx, name, oteltrace.WithSpanKind(kind))
	return ctx, Span{s}
}

// Span is a piece of work that is traced. The zero Span is not.
type Span struct{ s oteltrace.Span }

// Set gives the span an attribute.
func (s Span) Set(key, value string) {
	if s.s != nil && s.s.IsRecording() {
		s.s.SetAttributes(attribute.String(key, value))
	}
}

// SetInt gives the span a number.
func (s Span) SetInt(key string, value int) {
	if s.s != nil && s.s.IsRecording() {
		s.s.SetAttributes(attribute.Int(key, value))
	}
}

// Fail marks the span as failed. The reason is of a closed set: the text of an error may hold what a user said.
func (s Span) Fail(reason string) {
	if s.s != nil {
		s.s.SetStatus(codes.Error, reason)
	}
}

// End ends the span.
func (s Span) End() {
	if s.s != nil {
		s.s.End()
	}
}
