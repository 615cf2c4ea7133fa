package worker_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/agent"
	"parley/dialogue"
	"parley/livetest"
	"parley/worker"
)

const hello = `{"sender":"u","message":"hi"}`

func post(query string) string {
	return fmt.Sprintf("POST /webhooks/rest/webhook%s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", query, len(hello), hello)
}

// start runs a worker whose end the test itself awaits.
func start(t *testing.T, change func(*worker.Config)) (*server, *worker.Worker) {
	t.Helper()
	ln, err := worker.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	bot := newFake()
	cfg := worker.Config{Bot: bot, Listener: ln, API: true}
	cfg.Channels = append(cfg.Channels, restChannel())
	change(&cfg)
	w, err := worker.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	s := &server{t: t, bot: bot, worker: w, addr: ln.Addr().String(), stop: cancel, done: make(chan error, 1)}
	go func() { s.done <- w.Run(ctx) }()
	return s, w
}

func TestDrainLetsTurnsFinishAndRefusesNewOnes(t *testing.T) {
	t.Parallel()
	s, w := start(t, func(*worker.Config) {})
	entered, goOn := make(chan struct{}), make(chan struct{})
	s.bot.handle = func(_ context.Context, m dialogue.UserMessage, send agent.Send) error {
		entered <- struct{}{}
		<-goOn
		return send(say(m.SenderID, "done"))
	}
	running, kept := s.dial(), s.dial()
	defer func() { _, _ = running.Close(), kept.Close() }()
	// The kept connection is busy with a turn of its own, so that it is not closed as idle.
	runningReader, keptReader := bufio.NewReader(running), bufio.NewReader(kept)
	for _, conn := range []net.Conn{running, kept} {
		if _, err := io.WriteString(conn, post("")); err != nil {
			t.Fatal(err)
		}
		<-entered
	}
	s.stop()
	livetest.Await(t, "the worker to drain", func() bool { return strings.Join(w.Blocked(), ",") == "draining" })
	close(goOn)
	for _, r := range []*bufio.Reader{runningReader, keptReader} {
		got := s.read(r, "POST")
		if got.status != 200 || !strings.Contains(got.body, "done") || !got.closes {
			t.Errorf("a running turn answers %d %s %v", got.status, got.body, got.header)
		}
	}
	if err := <-s.done; err != nil {
		t.Errorf("Run: %v", err)
	}
	var d net.Dialer
	if conn, err := d.DialContext(t.Context(), "tcp", s.addr); err == nil {
		_ = conn.Close()
		t.Error("the port is still open")
	}
}

func TestDrainRefusesNewTurnsOfOpenConnections(t *testing.T) {
	t.Parallel()
	s, _ := start(t, func(*worker.Config) {})
	entered, goOn := make(chan struct{}), make(chan struct{})
	s.bot.handle = func(_ context.Context, m dialogue.UserMessage, send agent.Send) error {
		entered <- struct{}{}
		<-goOn
		return send(say(m.SenderID, "done"))
	}
	conn := s.dial()
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, post("")); err != nil { // holds the worker up
		t.Fatal(err)
	}
	<-entered
	late := s.dial() // half a request: not idle, not yet answered
	defer func() { _ = late.Close() }()
	request := post("")
	if _, err := io.WriteString(late, request[:20]); err != nil {
		t.Fatal(err)
	}
	s.stop()
	livetest.Await(t, "the port to close", func() bool {
		var d net.Dialer
		conn, err := d.DialContext(t.Context(), "tcp", s.addr)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	if _, err := io.WriteString(late, request[20:]); err != nil {
		t.Fatal(err)
	}
	got := s.read(bufio.NewReader(late), "POST")
	if got.status != 503 || !strings.Contains(got.body, `"reason":"Draining"`) || got.header.Get("Retry-After") != "0" || !got.closes {
		t.Errorf("%d %s %v", got.status, got.body, got.header)
	}
	close(goOn)
	if err := <-s.done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestDrainCutsOffWhatTakesTooLong(t *testing.T) {
	t.Parallel()
	s, _ := start(t, func(c *worker.Config) { c.DrainTimeout = 20 * time.Millisecond })
	entered, ended := make(chan struct{}, 2), make(chan error, 2)
	s.bot.handle = func(ctx context.Context, _ dialogue.UserMessage, _ agent.Send) error {
		entered <- struct{}{}
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}
	for _, query := range []string{"", "?stream=true"} {
		conn := s.dial()
		defer func() { _ = conn.Close() }()
		if _, err := io.WriteString(conn, post(query)); err != nil {
			t.Fatal(err)
		}
		<-entered
	}
	s.stop()
	if err := <-s.done; err == nil || !strings.Contains(err.Error(), "were cut off") {
		t.Errorf("Run: %v", err)
	}
	for range 2 {
		if err := <-ended; err == nil {
			t.Error("a turn ended by itself")
		}
	}
}

func TestDrainDelayKeepsServing(t *testing.T) {
	t.Parallel()
	livetest.Paced(t, func(second time.Duration) error {
		s, w := start(t, func(c *worker.Config) { c.DrainDelay = second * 3 / 10 })
		if got := s.do("GET /version"); got.status != 200 {
			t.Fatal(got.status)
		}
		s.stop()
		livetest.Await(t, "the worker to drain", func() bool { return len(w.Blocked()) > 0 })
		got, err := exchange(t, s.addr, post(""))
		if err != nil {
			return err
		}
		if got.status != 200 || !got.closes {
			t.Errorf("%d %v", got.status, got.header)
		}
		if err := <-s.done; err != nil {
			t.Errorf("Run: %v", err)
		}
		return nil
	})
}

// certificate writes a certificate for 127.0.0.1 and its key, encrypted if there is a password.
func certificate(t *testing.T, password string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	block := &pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}
	if password != "" {
		//nolint:staticcheck // what openssl writes
		if block, err = x509.EncryptPEMBlock(rand.Reader, block.Type, keyDER, []byte(password), x509.PEMCipherAES256); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: block} {
		if err := os.WriteFile(name, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func TestServesTLS(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"", "pw"} {
		cert, key := certificate(t, password)
		cfg, err := worker.TLSFiles(cert, key, cert, password)
		if err != nil {
			t.Fatal(err)
		}
		s := serve(t, func(c *worker.Config) { c.TLS = cfg })
		roots := x509.NewCertPool()
		text, err := os.ReadFile(cert)
		if err != nil {
			t.Fatal(err)
		}
		roots.AppendCertsFromPEM(text)
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
		defer transport.CloseIdleConnections()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+s.addr+"/version", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := (&http.Client{Transport: transport}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("status %d", res.StatusCode)
		}
	}
}

func TestTLSFilesNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t, "pw")
	for want, args := range map[string][4]string{
		"give its password":  {cert, key, "", ""},
		"decrypt":            {cert, key, "", "wrong"},
		"/no/such/cert":      {"/no/such/cert", key, "", ""},
		"/no/such/key":       {cert, "/no/such/key", "", ""},
		"/no/such/ca":        {cert, key, "/no/such/ca", "pw"},
		"holds no certific":  {cert, key, key, "pw"},
		"use the TLS certif": {key, key, "", "pw"},
	} {
		if _, err := worker.TLSFiles(args[0], args[1], args[2], args[3]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("TLSFiles%v: %v, want %q", args, err, want)
		}
	}
}

func TestAdminAnswersProbes(t *testing.T) {
	t.Parallel()
	ln, err := worker.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	reasons := []string{"starting"}
	started := false
	a, err := worker.NewAdmin(worker.AdminConfig{
		Listener: ln,
		Started:  func() bool { return started },
		Blocked:  func() []string { return reasons },
		Metrics:  http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "up 1\n") }),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	s := &server{t: t, addr: ln.Addr().String()}
	expect := func(path string, status int, body string) {
		t.Helper()
		if got := s.do("GET " + path); got.status != status || got.body != body {
			t.Errorf("%s: %d %s, want %d %s", path, got.status, got.body, status, body)
		}
	}
	expect("/livez", 200, `{"alive":true,"reasons":[]}`+"\n")
	expect("/live", 200, `{"alive":true,"reasons":[]}`+"\n")
	expect("/readyz", 503, `{"ready":false,"reasons":["starting"]}`+"\n")
	expect("/startupz", 503, `{"reasons":["starting"],"started":false}`+"\n")
	started, reasons = true, nil
	expect("/readyz", 200, `{"ready":true,"reasons":[]}`+"\n")
	expect("/startupz", 200, `{"reasons":[],"started":true}`+"\n")
	expect("/metrics", 200, "up 1\n")
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// TestDrainDoesNotWaitForConnectionsOnWhichNobodySpeaks: load balancers and HTTP clients open connections ahead of their requests.
func TestDrainDoesNotWaitForConnectionsOnWhichNobodySpeaks(t *testing.T) {
	t.Parallel()
	s, _ := start(t, func(cfg *worker.Config) { cfg.DrainTimeout = 20 * time.Second })
	silent := s.dial()
	defer func() { _ = silent.Close() }()
	spoken := s.dial() // accepted after the other one
	defer func() { _ = spoken.Close() }()
	if _, err := io.WriteString(spoken, post("")); err != nil {
		t.Fatal(err)
	}
	if got := s.read(bufio.NewReader(spoken), "POST"); got.status != 200 {
		t.Fatalf("status %d", got.status)
	}
	begun := time.Now()
	s.stop()
	if err := <-s.done; err != nil {
		t.Errorf("Run: %v", err)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("draining took %s", took)
	}
	if n, err := silent.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Error("the silent connection is still open")
	}
}
