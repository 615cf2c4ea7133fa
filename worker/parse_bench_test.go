package worker_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"parley/agent"
	"parley/model"
	"parley/project"
	"parley/trackerstore"
	"parley/worker"
)

// starter serves the starter bot.
func starter(b *testing.B) (address string) {
	b.Helper()
	trained := trainStarter(b)
	path := filepath.Join(b.TempDir(), "starter.tar.gz")
	if err := trained.Save(path); err != nil {
		b.Fatal(err)
	}
	m, err := model.Load(path)
	if err != nil {
		b.Fatal(err)
	}
	store := trackerstore.NewMemory()
	bot, err := agent.New(agent.Config{Conversations: store})
	if err != nil {
		b.Fatal(err)
	}
	if err := bot.Swap(m); err != nil {
		b.Fatal(err)
	}
	s := benchServer(b, func(c *worker.Config) { c.Bot, c.Store = bot, store })
	return s
}

// trainStarter trains the starter bot.
func trainStarter(b *testing.B) *model.Model {
	b.Helper()
	const dir = "../examples/starter"
	p, err := project.Load(project.Paths{
		Config: filepath.Join(dir, "config.yml"), Domain: filepath.Join(dir, "domain.yml"), Data: []string{filepath.Join(dir, "data")},
	})
	if err != nil {
		b.Fatal(err)
	}
	m, err := model.Train(b.Context(), p, model.Options{})
	if err != nil {
		b.Fatal(err)
	}
	return m
}

// benchServer starts a worker for a benchmark.
func benchServer(b *testing.B, change func(*worker.Config)) string {
	b.Helper()
	ln, err := worker.Listen(b.Context(), "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	cfg := worker.Config{Listener: ln, API: true}
	change(&cfg)
	w, err := worker.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- w.Run(b.Context()) }()
	b.Cleanup(func() {
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	return ln.Addr().String()
}

// bareFiber is the least that a server can do: read the same request and answer with as many bytes.
func bareFiber(b *testing.B, answer []byte) string {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Post("/model/parse", func(c *fiber.Ctx) error {
		c.Set("Content-Type", "application/json")
		return c.Send(answer)
	})
	done := make(chan error, 1)
	go func() { done <- app.Listener(ln) }()
	b.Cleanup(func() {
		if err := errors.Join(app.Shutdown(), <-done); err != nil {
			b.Error(err)
		}
	})
	return ln.Addr().String()
}

// line is one connection that is kept.
type line struct {
	conn    net.Conn
	r       *bufio.Reader
	request []byte
}

func dialLine(b *testing.B, address, body string) *line {
	b.Helper()
	var d net.Dialer
	conn, err := d.DialContext(b.Context(), "tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return &line{conn, bufio.NewReader(conn), fmt.Appendf(nil,
		"POST /model/parse HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)}
}

// ask sends the request and reads the answer.
func (l *line) ask(b *testing.B) []byte {
	if _, err := l.conn.Write(l.request); err != nil {
		b.Fatal(err)
	}
	res, err := http.ReadResponse(l.r, nil)
	if err != nil {
		b.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		b.Fatal(res.Status, err)
	}
	_ = res.Body.Close()
	return body
}

// BenchmarkParseBesideFiber sends the same text to /model/parse of the starter bot and to a bare fiber handler that answers with the
// same bytes, one after the other over one connection each. It reports both medians and their ratio, which is to stay below 2.
func BenchmarkParseBesideFiber(b *testing.B) {
	if os.Getenv("CI") != "" {
		b.Skip("a shared machine says nothing about latency")
	}
	for _, text := range []string{"hello", "/greet", "I would like to renew my loan for two weeks, card 12345678"} {
		b.Run(text[:5], func(b *testing.B) {
			body := fmt.Sprintf(`{"text":%q}`, text)
			parley := dialLine(b, starter(b), body)
			bare := dialLine(b, bareFiber(b, parley.ask(b)), body)
			for range 500 {
				parley.ask(b)
				bare.ask(b)
			}
			var ours, floor []time.Duration
			for b.Loop() {
				begun := time.Now()
				bare.ask(b)
				between := time.Now()
				parley.ask(b)
				floor = append(floor, between.Sub(begun))
				ours = append(ours, time.Since(between))
			}
			slices.Sort(ours)
			slices.Sort(floor)
			half := len(ours) / 2
			b.ReportMetric(float64(ours[half].Nanoseconds())/1e3, "µs/parse")
			b.ReportMetric(float64(floor[half].Nanoseconds())/1e3, "µs/fiber")
			b.ReportMetric(float64(ours[half])/float64(floor[half]), "ratio")
		})
	}
}
