package logging

import "log/slog"

// The results of what is recorded for an audit.
const (
	AuditOK      = "ok"
	AuditRefused = "refused" // because of what was asked
	AuditError   = "error"
)

// RecordAudit writes a line to the log of [Audit]: who did what, what came of it, and more about it. It is a warning unless that was AuditOK.
func RecordAudit(log *slog.Logger, what, result string, who slog.Attr, about ...slog.Attr) {
	line := []any{slog.String("what", what), slog.String("result", result), who}
	for _, a := range about {
		line = append(line, a)
	}
	if result == AuditOK {
		log.Info("audit", line...)
	} else {
		log.Warn("audit", line...)
	}
}
