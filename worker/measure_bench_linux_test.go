package worker_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/valyala/fasthttp/fasthttputil"
	"golang.org/x/sys/unix"

	"parley/agent"
	"parley/channel"
	"parley/logging"
	"parley/metrics"
	"parley/trackerstore"
	"parley/worker"
)

// BenchmarkMeasuringOverHTTP tells what measuring costs of a turn as it is served, but for the kernel's part: the same messages to a
// server that measures and to one that does not, conversation by conversation, and how many percent more processor time the first took. The client
// is counted with both.
func BenchmarkMeasuringOverHTTP(b *testing.B) {
	m, err := metrics.New(prometheus.NewRegistry())
	if err != nil {
		b.Fatal(err)
	}
	m.AllowChannels("rest")
	m.AllowStores("memory")
	var clients [2]*restClient
	for i, measure := range []*metrics.Metrics{nil, m} {
		clients[i] = measuredStarter(b, measure, agent.TurnLog{})
	}
	compare(b, clients)
}

// BenchmarkLoggingOverHTTP tells in the same way what the line of each turn costs, into a file that forgets it.
func BenchmarkLoggingOverHTTP(b *testing.B) {
	file, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = file.Close() })
	log := func(level slog.Level) *slog.Logger {
		return logging.For(logging.New(logging.Config{Out: file, JSON: true, Levels: logging.NewLevels(level, nil), HashKey: []byte("key")}), logging.Turns)
	}
	for name, turns := range map[string]agent.TurnLog{
		"none again": {},
		"warnings":   {Log: log(slog.LevelWarn)},
		"failed":     {Log: log(slog.LevelInfo), Failed: true},
		"all":        {Log: log(slog.LevelInfo), Channels: []string{"rest"}},
	} {
		b.Run(name, func(b *testing.B) {
			compare(b, [2]*restClient{measuredStarter(b, nil, agent.TurnLog{}), measuredStarter(b, nil, turns)})
		})
	}
}

// compare sends the same messages to two servers and reports how many percent more processor time the second took.
func compare(b *testing.B, clients [2]*restClient) {
	const batch = 8 // messages of a conversation
	var took [2]time.Duration
	for n := 0; b.Loop(); n++ {
		for i := range clients {
			if n%2 == 1 {
				i = 1 - i
			}
			begun := processTime(b)
			for range batch {
				clients[i].say(b, fmt.Sprint(n))
			}
			took[i] += processTime(b) - begun
		}
	}
	b.ReportMetric(100*(float64(took[1])/float64(took[0])-1), "%overhead")
	b.ReportMetric(float64(took[0])/float64(b.N*batch), "cpu-ns/turn")
}

// restClient talks to a server's REST channel over a connection that is kept.
type restClient struct {
	conn net.Conn
	r    *bufio.Reader
}

// say sends "hi" and reads the answer.
func (c *restClient) say(b *testing.B, sender string) {
	body := `{"sender":"` + sender + `","message":"hi"}`
	if _, err := fmt.Fprintf(c.conn, "POST /webhooks/rest/webhook HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body); err != nil {
		b.Fatal(err)
	}
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		b.Fatal(err)
	}
	got, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(got), "recipient_id") {
		b.Fatal(res.Status, string(got), err)
	}
}

// measuredStarter serves the starter bot without the kernel's help.
func measuredStarter(b *testing.B, measure *metrics.Metrics, turns agent.TurnLog) *restClient {
	b.Helper()
	store := trackerstore.NewMemoryWith(trackerstore.MemoryConfig{Observer: trackerstore.Observer{Committed: measure.Committed}})
	bot, err := agent.New(agent.Config{Conversations: store, Metrics: measure, TurnLog: turns})
	if err != nil {
		b.Fatal(err)
	}
	if err := bot.Swap(trainStarter(b)); err != nil {
		b.Fatal(err)
	}
	ln := fasthttputil.NewInmemoryListener()
	w, err := worker.New(worker.Config{
		Bot: bot, Store: store, Listener: ln, API: true, Metrics: measure, Channels: []channel.Channel{channel.NewRest("rest")},
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	conn, err := ln.Dial()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = conn.Close()
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	return &restClient{conn, bufio.NewReader(conn)}
}

// processTime is the processor's time that this process has had.
func processTime(b *testing.B) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano())
}
