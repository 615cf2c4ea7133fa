package worker

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"

	"parley/channel"
	"parley/logging"
	"parley/metrics"
	"parley/model"
	"parley/tracing"
)

// Defaults of a Config.
const (
	// Compatible is the version of the API that the server answers for.
	Compatible = "3.6.21"

	defaultResponseTimeout = time.Hour
	defaultDrainTimeout    = 10 * time.Second
	defaultReadTimeout     = time.Minute
	defaultIdleTimeout     = 75 * time.Second
	defaultBodyLimit       = 10 << 20
	defaultModelBodyLimit  = 100_000_000
	defaultHeaderLimit     = 8192
	defaultConnections     = 4096
	settleTimeout          = 3 * time.Second
)

// Config is what a worker is made of. Bot and Listener are required, the rest has a useful zero.
type Config struct {
	Bot      Bot
	Listener net.Listener // Run closes it; see Listen
	TLS      *tls.Config  // nil: plain HTTP; see TLSFiles
	Channels []channel.Channel
	Log      *slog.Logger     // nil: discard
	Access   AccessLog        // zero: requests have no lines of their own
	Audit    *slog.Logger     // of who changed what; nil: discard
	Metrics  *metrics.Metrics // nil: none
	Tracer   *tracing.Tracer  // nil: nothing is traced

	// Version is Parley's own version: the header Parley-Version of /version.
	Version string

	// API serves all routes; without it there are only / and the webhooks (--enable-api).
	API bool
	// Compat is the generation of the API that paths shared by several generations speak; "": the newest.
	Compat Compat
	// AuthToken protects the API; nil: no token. An empty token refuses everybody.
	AuthToken *logging.Secret
	// JWT protects the API; nil: no JWT.
	JWT *JWT
	// CORS lists the allowed origins: literal, "*", or patterns.
	CORS []string

	ResponseTimeout time.Duration // 0: one hour
	ReadTimeout     time.Duration // of a whole request; 0: one minute
	IdleTimeout     time.Duration // of a kept connection; 0: 75 s
	DrainDelay      time.Duration // how long to serve on after the context has ended, for load balancers to notice
	DrainTimeout    time.Duration // how long turns in flight may then take; 0: 10 s
	BodyLimit       int           // bytes, on webhooks and conversations; 0: 10 MiB
	ModelBodyLimit  int           // bytes, on /model routes; 0: 100 000 000
	HeaderLimit     int           // bytes of request line and headers; 0: 8192
	Connections     int           // at the same time; 0: 4096
	RateLimit       float64       // requests a second of one client, and that many at once; 0: no limit

	// StrictStatus answers 400 to mistakes of clients that the reference answers with 500.
	StrictStatus bool
	// PrivateURLs allows callback_url and model_server to lead to private addresses.
	PrivateURLs bool
	// RequireModel makes a worker without a model not ready.
	RequireModel bool

	// Store lists and deletes conversations; nil: those routes answer that they are missing.
	Store Conversations
	// Train trains what POST /model/train sends; nil: that route answers that it is missing. So do the others.
	Train       func(ctx context.Context, r TrainRequest) (path string, err error)
	TestStories func(ctx context.Context, r TestStoriesRequest) (report []byte, err error)
	TestIntents func(ctx context.Context, r TestIntentsRequest) (report []byte, err error)
	// FetchModel reads a model from a remote storage (PUT /model): "aws", "gcs", "azure" or another name; nil: there is none.
	FetchModel func(ctx context.Context, storage, file string) (*model.Model, error)
	// LoadModel reads a model file or the newest of a folder; nil: model.Load.
	LoadModel func(path string) (*model.Model, error)
}

// Worker serves the HTTP API. It is safe for concurrent use.
type Worker struct {
	cfg       Config
	log       *slog.Logger
	origins   *origins
	jwt       *verifier
	channels  map[string]channel.Channel // by prefix
	outputs   map[string]channel.Channel // by name
	routes    routes
	unmatched metrics.Route // how requests that no route took are measured
	rate      *limiter      // nil: no limit
	// description is the OpenAPI document of the routes; nil without the API.
	description []byte
	training    atomic.Int64

	state    atomic.Int32
	inFlight atomic.Int64   // requests, streams and jobs included
	jobs     sync.WaitGroup // those whose client waits at a callback_url, and the pulling of models
	client   *http.Client

	using     sync.Mutex // held while the model is replaced
	stopPulls context.CancelFunc
}

// The states of a worker.
const (
	starting int32 = iota
	serving
	leaving // draining: still serves, but tells clients to go elsewhere
	refusing
)

// New checks a configuration and makes a worker of it.
func New(cfg Config) (*Worker, error) {
	if cfg.Bot == nil {
		return nil, errors.New("worker: Config.Bot is missing")
	}
	if cfg.Listener == nil {
		return nil, errors.New("worker: Config.Listener is missing")
	}
	if cfg.Compat = cmp.Or(cfg.Compat, Compat3); cfg.Compat.profile() == 0 {
		return nil, fmt.Errorf("worker: --api-compat %s: unknown; use one of %s", cfg.Compat, strings.Join(compats(), ", "))
	}
	cfg.ResponseTimeout = cmp.Or(cfg.ResponseTimeout, defaultResponseTimeout)
	cfg.ReadTimeout = cmp.Or(cfg.ReadTimeout, defaultReadTimeout)
	cfg.IdleTimeout = cmp.Or(cfg.IdleTimeout, defaultIdleTimeout)
	cfg.DrainTimeout = cmp.Or(cfg.DrainTimeout, defaultDrainTimeout)
	cfg.BodyLimit = cmp.Or(cfg.BodyLimit, defaultBodyLimit)
	cfg.ModelBodyLimit = cmp.Or(cfg.ModelBodyLimit, defaultModelBodyLimit)
	cfg.HeaderLimit = cmp.Or(cfg.HeaderLimit, defaultHeaderLimit)
	cfg.Connections = cmp.Or(cfg.Connections, defaultConnections)
	cfg.Version = cmp.Or(cfg.Version, "dev")
	if cfg.LoadModel == nil {
		cfg.LoadModel = model.Load
	}
	w := &Worker{cfg: cfg, log: cfg.Log, channels: map[string]channel.Channel{}, outputs: map[string]channel.Channel{}, client: newClient(cfg.PrivateURLs)}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if w.origins, err = newOrigins(cfg.CORS); err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	if cfg.JWT != nil && cfg.API {
		if w.jwt, err = newVerifier(*cfg.JWT); err != nil {
			return nil, fmt.Errorf("worker: %w", err)
		}
		if key, ok := w.jwt.key.([]byte); ok && len(key) < 32 {
			w.log.Warn("the JWT secret is short and can be guessed: use at least 32 bytes", "bytes", len(key))
		}
	}
	for _, c := range cfg.Channels {
		if w.channels[c.Prefix()] != nil {
			return nil, fmt.Errorf("worker: two channels want /webhooks/%s", c.Prefix())
		}
		w.channels[c.Prefix()], w.outputs[c.Name()] = c, c
	}
	if cfg.RateLimit < 0 || cfg.RateLimit > 1e6 {
		return nil, fmt.Errorf("worker: --rate-limit %v: has to be between 0 and a million", cfg.RateLimit)
	}
	w.rate = newLimiter(cfg.RateLimit)
	w.routes = w.table()
	if cfg.API {
		if w.description, err = w.describe(); err != nil {
			return nil, fmt.Errorf("worker: %w", err)
		}
	}
	if cfg.API {
		cfg.Metrics.AllowChannels(chatChannel)
	}
	cfg.Metrics.AllowRoutes(w.routes.templates()...)
	w.unmatched = cfg.Metrics.Route(metrics.Unmatched, "")
	for _, r := range w.routes.all() {
		r.measured = cfg.Metrics.Route(r.template, r.group)
		if e, _ := r.endpoint(http.MethodPost, cfg.Compat.profile()); e != nil && (r.group == metrics.GroupWebhook || r.group == metrics.GroupConversation) {
			r.measured.Expect(http.MethodPost, http.StatusInternalServerError, http.StatusServiceUnavailable) // what the alerts about turns go by
		}
	}
	return w, nil
}

// Run serves until ctx ends, then drains. It returns nil after a clean end, an error when the listener fails or when turns
// had to be cut off.
func (w *Worker) Run(ctx context.Context) error {
	base, cut := context.WithCancel(context.WithoutCancel(ctx)) // outlives ctx: turns in flight may finish
	defer cut()
	app := w.app(base)
	fresh := newFreshListener(w.cfg.Listener)
	var ln net.Listener = fresh
	if w.cfg.TLS != nil {
		ln = tls.NewListener(ln, w.cfg.TLS)
	}
	failed := make(chan error, 1)
	w.state.Store(serving) // before the first request can be answered
	go func() { failed <- app.Listener(ln) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", w.cfg.Listener.Addr(), errors.Join(err, errors.New("the listener was closed")))
	case <-ctx.Done():
	}
	return w.drain(context.WithoutCancel(ctx), app, cut, fresh, failed)
}

// drain ends the service: first everybody is told, then nobody new is let in, then what still runs is cut off.
func (w *Worker) drain(ctx context.Context, app *fiber.App, cut context.CancelFunc, fresh *freshListener, failed <-chan error) error {
	w.log.Info("draining", "delay", w.cfg.DrainDelay, "timeout", w.cfg.DrainTimeout)
	w.state.Store(leaving)
	select {
	case <-time.After(w.cfg.DrainDelay):
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", w.cfg.Listener.Addr(), err)
	}
	w.emptyQueue(ctx, fresh)
	w.state.Store(refusing)
	limit, done := context.WithTimeout(ctx, w.cfg.DrainTimeout)
	defer done()
	timer := time.AfterFunc(freshGrace, fresh.closeFresh)
	defer timer.Stop()
	err := app.ShutdownWithContext(limit)
	_ = w.cfg.Listener.Close() // it may not have been served yet
	cut()                      // nothing is left, or it has to go
	if ended := <-failed; ended != nil {
		w.log.Debug("the listener ended", "error", ended)
	}
	w.jobs.Wait() // they end with their context
	w.client.CloseIdleConnections()
	if left := w.settle(); left > 0 {
		return fmt.Errorf("drain: %d requests did not end after they were cut off", left)
	}
	if err != nil {
		return fmt.Errorf("drain: requests were still running after %s and were cut off: %w", w.cfg.DrainTimeout, err)
	}
	return nil
}

// settle waits until the requests that were cut off have noticed and returns how many have not.
func (w *Worker) settle() int64 {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(settleTimeout)
	for {
		left := w.inFlight.Load()
		if left == 0 {
			return 0
		}
		select {
		case <-tick.C:
		case <-limit:
			return left
		}
	}
}

// Leave tells clients to go elsewhere: the worker serves on, but every answer closes its connection.
func (w *Worker) Leave() { w.state.CompareAndSwap(serving, leaving) }

// Started reports whether Run has begun to serve.
func (w *Worker) Started() bool { return w.state.Load() != starting }

// Blocked lists why the worker should get no traffic now; empty: it is ready.
func (w *Worker) Blocked() []string {
	var reasons []string
	switch w.state.Load() {
	case starting:
		reasons = append(reasons, "starting")
	case leaving, refusing:
		reasons = append(reasons, "draining")
	}
	if w.cfg.RequireModel && w.cfg.Bot.Model() == nil {
		reasons = append(reasons, "model_missing")
	}
	return reasons
}
