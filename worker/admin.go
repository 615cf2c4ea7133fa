package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// AdminConfig is what an admin server is made of. Listener is required.
type AdminConfig struct {
	Listener net.Listener // Run closes it
	Metrics  http.Handler // serves /metrics; nil: there is none
	// Alive reports whether the process should be left running; nil: it should.
	Alive func() bool
	// Started reports whether the process has begun to serve; nil: it has.
	Started func() bool
	// Blocked lists why the process should get no traffic now; nil: nothing blocks it.
	Blocked func() []string
	Log     *slog.Logger // nil: discard
}

// Admin serves probes and metrics on a port of their own: /livez, /readyz (or /live, /ready), /startupz, /metrics. It is safe for concurrent use.
type Admin struct {
	cfg AdminConfig
	log *slog.Logger
}

// NewAdmin checks a configuration and makes an admin server of it.
func NewAdmin(cfg AdminConfig) (*Admin, error) {
	if cfg.Listener == nil {
		return nil, errors.New("worker: AdminConfig.Listener is missing")
	}
	if cfg.Alive == nil {
		cfg.Alive = func() bool { return true }
	}
	if cfg.Started == nil {
		cfg.Started = func() bool { return true }
	}
	if cfg.Blocked == nil {
		cfg.Blocked = func() []string { return nil }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Admin{cfg: cfg, log: cfg.Log}, nil
}

// Run serves until ctx ends.
func (a *Admin) Run(ctx context.Context) error {
	server := &http.Server{
		Handler:           a.handler(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(a.cfg.Listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve the admin port %s: %w", a.cfg.Listener.Addr(), err)
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	err := server.Shutdown(limit)
	if err != nil {
		err = server.Close()
	}
	if ended := <-failed; !errors.Is(ended, http.ErrServerClosed) {
		a.log.Warn("the admin server ended by itself", "error", ended)
	}
	if err != nil {
		return fmt.Errorf("stop the admin server: %w", err)
	}
	return nil
}

func (a *Admin) handler() http.Handler {
	mux := http.NewServeMux()
	probe := func(path string, answer http.HandlerFunc) {
		mux.HandleFunc("GET /"+path+"z", answer)
		mux.HandleFunc("GET /"+path, answer) // the shorter name that some use
	}
	probe("live", func(rw http.ResponseWriter, _ *http.Request) {
		var reasons []string
		if !a.cfg.Alive() {
			reasons = []string{"workers"}
		}
		a.answer(rw, "alive", reasons)
	})
	probe("ready", func(rw http.ResponseWriter, _ *http.Request) { a.answer(rw, "ready", a.cfg.Blocked()) })
	mux.HandleFunc("GET /startupz", func(rw http.ResponseWriter, _ *http.Request) {
		var reasons []string
		if !a.cfg.Started() {
			reasons = []string{"starting"}
		}
		a.answer(rw, "started", reasons)
	})
	if a.cfg.Metrics != nil {
		mux.Handle("GET /metrics", a.cfg.Metrics)
	}
	return mux
}

// answer writes the result of a probe: {"ready":false,"reasons":["draining"]}.
func (a *Admin) answer(rw http.ResponseWriter, what string, reasons []string) {
	if reasons == nil {
		reasons = []string{}
	}
	body, err := json.Marshal(map[string]any{what: len(reasons) == 0, "reasons": reasons})
	if err != nil {
		a.log.Error("a probe could not be answered", "error", err)
		rw.WriteHeader(http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", typeJSON)
	rw.Header().Set("Cache-Control", "no-store")
	if len(reasons) > 0 {
		rw.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = rw.Write(append(body, '\n'))
}
