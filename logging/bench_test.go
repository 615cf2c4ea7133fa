package logging_test

import (
	"io"
	"log/slog"
	"os"
	"testing"

	"parley/logging"
)

// BenchmarkLine writes a line as turns have it: with and without the system call.
func BenchmarkLine(b *testing.B) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = null.Close() })
	for name, out := range map[string]io.Writer{"discarded": io.Discard, "written": null} {
		b.Run(name, func(b *testing.B) {
			log := logging.For(logging.New(logging.Config{Out: out, JSON: true, Levels: logging.NewLevels(slog.LevelInfo, nil)}), logging.Turns)
			b.ReportAllocs()
			for b.Loop() {
				log.LogAttrs(b.Context(), slog.LevelInfo, "turn",
					slog.String("sender_id", "4912345678"), slog.String("kind", "message"), slog.String("outcome", "ok"),
					slog.String("model", "0123456789abcdef0123456789abcdef"), slog.String("channel", "rest"),
					slog.String("request_id", "0123456789abcdef0123456789abcdef"), slog.String("turn", "0123456789abcdef"),
					slog.String("intent", "greet"), slog.Float64("confidence", 0.9876), slog.Int("events", 7), slog.Int("actions", 2),
					slog.Float64("lock_ms", 0.012), slog.Float64("nlu_ms", 1.234), slog.Float64("policy_ms", 0.1), slog.Float64("action_ms", 0.05),
					slog.Float64("store_ms", 0.02), slog.Float64("send_ms", 0.001), slog.Float64("dur_ms", 1.5))
			}
		})
	}
}
