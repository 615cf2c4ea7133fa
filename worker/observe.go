package worker

import (
	"cmp"
	"log/slog"
	"net/http"
	"time"

	"parley/logging"
	"parley/metrics"
	"parley/tracing"
)

// AccessLog is the log with lines for requests. The admin port's are not among them.
type AccessLog struct {
	Log    *slog.Logger // nil: there are no such lines
	Errors bool         // only those that were answered with 400 and above
}

// logAccess writes the line of a request that is answered. It names the route, not the path, which may hold who talks.
func (w *Worker) logAccess(c *call, took time.Duration) {
	log, status := w.cfg.Access.Log, c.Context().Response.StatusCode()
	failed := status >= http.StatusBadRequest
	if log == nil || w.cfg.Access.Errors && !failed || c.alive {
		return
	}
	level := slog.LevelInfo
	if failed {
		level = slog.LevelWarn // and so one of many that are alike
	}
	if !log.Enabled(c.base, level) {
		return
	}
	route := metrics.Unmatched
	if c.route != nil {
		route = c.route.template
	}
	line := []slog.Attr{
		slog.String("method", c.Method()),
		slog.String("route", route),
		slog.Int("code", status),
		slog.String("request_id", c.request.ID()),
		logging.Milliseconds("dur_ms", took),
	}
	if c.id != "" {
		line = append(line, slog.String("sender_id", c.id))
	}
	log.LogAttrs(c.base, level, "request", tracing.AppendIDs(c.base, line)...)
}

// What is recorded for an audit.
const (
	auditAuth          = "auth" // only if it failed
	auditAppend        = "tracker_append"
	auditReplace       = "tracker_replace"
	auditDelete        = "tracker_delete"
	auditModelLoad     = "model_load"
	auditModelDelete   = "model_delete"
	auditTrainingBegin = "training_begin"
	auditTrainingEnd   = "training_end"
)

// visitor is who asks for something, kept beyond the request.
type visitor struct {
	who     slog.Attr
	from    string
	request *logging.Request
}

// visitor is who sent the request. Who may only talk as themselves is a user, and hashed as such.
func (c *call) visitor() visitor {
	v := visitor{from: c.Context().RemoteIP().String(), request: c.request, who: slog.String("who", c.who)}
	if c.user.name != "" {
		v.who = slog.String("who", "jwt:"+shortened(c.user.name))
		if c.user.role != "admin" {
			v.who = slog.Any("who", logging.SenderID(c.user.name))
		}
	}
	return v
}

// shortened is a name of at most 256 bytes.
func shortened(name string) string { return name[:min(len(name), 256)] }

// audit records what somebody did and what came of it.
func (w *Worker) audit(v visitor, what, result string, about ...slog.Attr) {
	w.cfg.Metrics.Audited(result)
	if w.cfg.Audit == nil {
		return
	}
	if v.from != "" {
		about = append(about, slog.String("from", v.from))
	}
	if id := v.request.ID(); id != "" {
		about = append(about, slog.String("request_id", id))
	}
	logging.RecordAudit(w.cfg.Audit, what, result, v.who, about...)
}

// auditCall records a request to an endpoint that changes something.
func (w *Worker) auditCall(c *call, e *endpoint, err error) {
	about := []slog.Attr{slog.Any("target", logging.SenderID(cmp.Or(c.id, "default")))}
	if e.audit == auditModelLoad || e.audit == auditModelDelete {
		about = []slog.Attr{slog.String("target", w.modelID())}
	}
	w.audit(c.visitor(), e.audit, w.resultOf(err, c.failure), about...)
}

// resultOf is what came of something that failed with err, or with none.
func (w *Worker) resultOf(err error, failure string) string {
	if err == nil {
		return logging.AuditOK
	}
	unexpected, answer := statusOf(err, failure, w.cfg.StrictStatus)
	if status := statusCode(answer); unexpected || status >= http.StatusInternalServerError {
		return logging.AuditError
	}
	return logging.AuditRefused
}

// statusCode is the status that an answer of statusOf has.
func statusCode(answer error) int {
	switch e := answer.(type) { //nolint:errorlint // statusOf wraps nothing
	case *apiError:
		return e.Status
	case *frameworkError:
		return e.Status
	}
	return http.StatusInternalServerError
}

// modelID is that of the model in use, "" for none.
func (w *Worker) modelID() string {
	if m := w.cfg.Bot.Model(); m != nil {
		return m.ID
	}
	return ""
}
