package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"parley/action"
	"parley/agent"
	"parley/logging"
	"parley/metrics"
	"parley/model"
	"parley/project"
	"parley/worker"
)

// actionConfig is what endpoints.yml and the environment say about actions.
func (a *app) actionConfig(e *project.Endpoints) (action.Config, error) {
	if e.NLU != nil {
		return action.Config{}, failure("The 'nlu' endpoint is not part of this version: understanding by another server is missing. Remove the section.")
	}
	if e.Models != nil {
		return action.Config{}, failure("The 'models' endpoint is not part of this version: pulling models from a server is missing. Remove the section, or use PUT /model.")
	}
	return action.Config{
		ActionServer: e.Action,
		NLG:          e.NLG,
		Compress:     isTrue(a.env("COMPRESS_ACTION_SERVER_REQUEST")),
		Version:      compatible,
		Log:          a.logger(logging.Action),
	}, nil
}

// measuredBot is an agent whose replacements of the model are measured.
type measuredBot struct {
	*agent.Agent
	metrics *metrics.Metrics
}

// Swap replaces the model.
func (b *measuredBot) Swap(m *model.Model) error {
	if err := b.Agent.Swap(m); err != nil {
		return err
	}
	id := ""
	if m != nil {
		id = m.ID
	}
	b.metrics.ModelInUse(id)
	return nil
}

// observeLoad measures the loading of a model.
func observeLoad(m *metrics.Metrics, path string, took time.Duration, err error) {
	result, size := "ok", int64(-1)
	switch {
	case errors.Is(err, model.ErrOtherFormat):
		result = "incompatible"
	case errors.Is(err, model.ErrNotModel):
		result = "archive"
	case err != nil:
		result = "fetch"
	}
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		size = info.Size()
	}
	m.ModelLoaded(result, took, size)
}

// adminServer is the admin server with the address that it was opened on.
type adminServer struct {
	*worker.Admin
	address string
}

// openAdmin opens the port for metrics and probes, if there is to be one.
func (a *app) openAdmin(ctx context.Context, s serverFlags, w *worker.Worker, store *conversations, m *metrics.Metrics, g prometheus.Gatherer) (*adminServer, error) {
	blocked := func() []string { return append(w.Blocked(), store.blocked()...) }
	if s.adminPort == 0 {
		return nil, nil //nolint:nilnil // none was asked for
	}
	ln, err := worker.Listen(ctx, net.JoinHostPort(s.iface, strconv.Itoa(s.adminPort)))
	if err != nil {
		return nil, err
	}
	scrape := metrics.Handler(g)
	admin, err := worker.NewAdmin(worker.AdminConfig{
		Listener: ln,
		Metrics: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			observeReadiness(m, blocked())
			observeContainer(m)
			scrape.ServeHTTP(rw, r)
		}),
		Started: w.Started,
		Blocked: blocked,
		Log:     a.logger(logging.Server),
	})
	if err != nil {
		_ = ln.Close()
		return nil, err
	}
	return &adminServer{admin, ln.Addr().String()}, nil
}

// observeReadiness shows in the metrics what keeps the only process of a server from being ready.
func observeReadiness(m *metrics.Metrics, blocked []string) {
	showBlocked(m, blocked)
	ready := 1
	if len(blocked) > 0 {
		ready = 0
	}
	m.Workers(1, ready, 0)
}

// observeContainer shows in the metrics what the container lets the server use, and how long it made it wait.
func observeContainer(m *metrics.Metrics) {
	c := worker.ReadContainer()
	m.ContainerLimits(c.CPUs, c.Memory)
	m.ContainerThrottled(c.Throttled.Seconds(), c.Periods)
}

// showBlocked shows in the metrics what keeps the server from being ready.
func showBlocked(m *metrics.Metrics, blocked []string) {
	for _, reason := range []string{"starting", "draining", "model_missing", "store_down", "workers"} {
		m.ReadinessBlocked(reason, slices.Contains(blocked, reason))
	}
}

// childState is what a worker process tells its parent about itself.
func childState(w *worker.Worker, store *conversations, g prometheus.Gatherer) worker.ChildState {
	return worker.ChildState{
		Blocked:  func() []string { return append(w.Blocked(), store.blocked()...) },
		Leave:    w.Leave,
		Snapshot: func() ([]byte, error) { return metrics.Snapshot(g) },
	}
}

// payloadError tells whether training data that cannot be used is the sender's mistake. As in the reference, only the syntax
// and the shape of version, nlu and responses are checked before a training begins; what is wrong elsewhere, a domain's slots
// for instance, is a training that failed. The folder where the data was written for a moment is nobody's business.
func payloadError(err error, dir string) error {
	var problems project.Problems
	errors.As(err, &problems)
	text := errors.New(strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), ""))
	for _, p := range problems {
		top, _, _ := strings.Cut(strings.TrimPrefix(p.Path, "/"), "/")
		if p.Class == "YamlSyntaxException" || p.Class == "YamlValidationException" && slices.Contains([]string{"", "version", "nlu", "responses"}, top) {
			return fmt.Errorf("%w: %w", worker.ErrInvalidPayload, text)
		}
	}
	return fmt.Errorf("%w: %w", worker.ErrUnusable, text)
}
