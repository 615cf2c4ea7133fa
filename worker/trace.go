package worker

import (
	"net/http"

	"parley/tracing"
)

// trace traces a request from here on, as part of the client's trace if it names one. What it returns ends that. A stream, which is
// written later, is part of the trace, too. The probes are not traced.
func (w *Worker) trace(c *call, e *endpoint) func() {
	if w.cfg.Tracer == nil || e.alive {
		return func() {}
	}
	ctx := w.cfg.Tracer.Accept(c.base, func(name string) string { return string(c.Context().Request.Header.Peek(name)) })
	ctx, span := w.cfg.Tracer.Start(ctx, "HTTP "+c.route.template, tracing.Server)
	c.base = ctx
	span.Set("http.request.method", e.method)
	span.Set("http.route", c.route.template)
	span.Set("parley.request_id", c.request.ID())
	return func() {
		status := c.Context().Response.StatusCode()
		span.SetInt("http.response.status_code", status)
		if status >= http.StatusInternalServerError {
			span.Fail("error")
		}
		span.End()
	}
}
