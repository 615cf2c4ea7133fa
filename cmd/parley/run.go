package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"parley/agent"
	"parley/channel"
	"parley/dialogue"
	"parley/logging"
	"parley/metrics"
	"parley/model"
	"parley/project"
	"parley/tracing"
	"parley/worker"
)

// serverFlags are the flags of run and shell.
type serverFlags struct {
	model, endpoints, credentials, connector   string
	iface                                      string
	port, adminPort                            int
	authToken                                  string
	cors                                       []string
	enableAPI                                  bool
	apiCompat                                  string
	responseTimeout, requestTimeout            int
	bodyLimit                                  int
	rateLimit                                  float64
	strictStatus, privateURLs                  bool
	remoteStorage                              string
	certificate, key, ca, keyPassword          string
	jwtSecret, jwtMethod, jwtPrivateKey        string
	useSyslog                                  bool
	syslogAddress, syslogProtocol              string
	syslogPort                                 int
	authTokenGiven, jwtGiven, requestTimeGiven bool
	endpointsGiven, credentialsGiven           bool
}

func (s *serverFlags) register(cmd *cobra.Command, a *app) {
	f := cmd.Flags()
	f.StringVarP(&s.model, "model", "m", defaultModels, "`PATH` of a trained model, or of a folder whose newest is used")
	f.StringVar(&a.logging.file, "log-file", "", "write the log to `FILE`, too")
	f.BoolVar(&s.useSyslog, "use-syslog", false, "log to syslog")
	f.StringVar(&s.syslogAddress, "syslog-address", "localhost", "`ADDRESS` of the syslog server")
	f.IntVar(&s.syslogPort, "syslog-port", 514, "`PORT` of the syslog server")
	f.StringVar(&s.syslogProtocol, "syslog-protocol", "UDP", "`PROTOCOL` of the syslog server, UDP or TCP")
	later(f, "logging to syslog", "use-syslog", "syslog-address", "syslog-port", "syslog-protocol")
	f.StringVar(&s.endpoints, "endpoints", defaultEndpoints, "`FILE` with the endpoints: action server, stores …")
	f.StringVarP(&s.iface, "interface", "i", "0.0.0.0", "`ADDRESS` to serve on")
	f.IntVarP(&s.port, "port", "p", 5005, "`PORT` to serve on")
	f.IntVar(&s.adminPort, "admin-port", 0, "`PORT` for /metrics, /livez, /readyz and /startupz; not given: none (env ADMIN_PORT)")
	annotate(f, "admin-port", noDefault, "")
	f.StringVarP(&s.authToken, "auth-token", "t", "", "`TOKEN` that API requests must carry (env AUTH_TOKEN)")
	list(f, &s.cors, "cors", "", "*", nil, "allowed `ORIGIN`s of cross-origin requests; * for all")
	f.BoolVar(&s.enableAPI, "enable-api", false, "serve the HTTP API beside the channels")
	f.StringVar(&s.apiCompat, "api-compat", "3", "`GENERATION` that shared paths of the API speak: 3, 0.14, 0.8 or nlu")
	f.IntVar(&s.responseTimeout, "response-timeout", 3600, "how many `SECONDS` an answer may take")
	f.IntVar(&s.requestTimeout, "request-timeout", 300, "how many `SECONDS` a request may take to arrive; not given: 60")
	f.IntVar(&s.bodyLimit, "body-limit", 10<<20, "how many `BYTES` the body of a request may have, except those of /model, which may have 100 MB")
	f.Float64Var(&s.rateLimit, "rate-limit", 0, "`REQUESTS` a second that one client may send to one process; 0: no limit")
	f.BoolVar(&s.strictStatus, "strict-status", false, "answer 400 to clients' mistakes that Rasa answers with 500")
	f.BoolVar(&s.privateURLs, "allow-private-urls", false, "let callback_url and model_server lead to private addresses, such as 127.0.0.1 and 10.0.0.1")
	f.StringVar(&s.remoteStorage, "remote-storage", "", "`NAME` of the remote storage to fetch the model from: aws, gcs or azure")
	f.StringVar(&s.certificate, "ssl-certificate", "", "`FILE` with the TLS certificate")
	f.StringVar(&s.key, "ssl-keyfile", "", "`FILE` with the TLS key")
	f.StringVar(&s.ca, "ssl-ca-file", "", "`FILE` with the authorities of client certificates")
	f.StringVar(&s.keyPassword, "ssl-password", "", "`PASSWORD` of the TLS key")
	f.StringVar(&s.credentials, "credentials", "", "`FILE` with the channels' credentials; not given: credentials.yml if there is one")
	f.StringVar(&s.connector, "connector", "", "use only the channel `NAME`")
	f.StringVar(&s.jwtSecret, "jwt-secret", "", "`SECRET`, or public key, that API requests' tokens are checked with (env JWT_SECRET)")
	f.StringVar(&s.jwtMethod, "jwt-method", "HS256", "`METHOD` of signing these tokens")
	f.StringVar(&s.jwtPrivateKey, "jwt-private-key", "", "private `KEY` of an asymmetric method")
	later(f, "issuing tokens, for which a private key would be needed", "jwt-private-key")
}

// complete fills in what the environment says and notes what was given at all.
func (s *serverFlags) complete(cmd *cobra.Command, a *app, args []string) error {
	f := cmd.Flags()
	if len(args) > 0 {
		s.model = args[0]
	}
	if v := a.env("AUTH_TOKEN"); v != "" && !f.Changed("auth-token") {
		s.authToken, s.authTokenGiven = v, true
	}
	if v := a.env("JWT_SECRET"); v != "" && !f.Changed("jwt-secret") {
		s.jwtSecret, s.jwtGiven = v, true
	}
	if v := a.env("ADMIN_PORT"); v != "" && !f.Changed("admin-port") {
		n, err := strconv.Atoi(v)
		if err != nil {
			return failure("ADMIN_PORT is %q, which is no number.", v)
		}
		s.adminPort = n
	}
	s.authTokenGiven = s.authTokenGiven || f.Changed("auth-token")
	s.jwtGiven = s.jwtGiven || f.Changed("jwt-secret")
	s.requestTimeGiven = f.Changed("request-timeout")
	s.endpointsGiven = f.Changed("endpoints")
	s.credentialsGiven = f.Changed("credentials")
	if s.responseTimeout < 1 || s.requestTimeout < 1 {
		return &usageError{cmd, "argument --response-timeout, --request-timeout: expected a positive number of seconds"}
	}
	if s.bodyLimit < 1 {
		return &usageError{cmd, "argument --body-limit: expected a positive number of bytes"}
	}
	if s.rateLimit < 0 {
		return &usageError{cmd, "argument --rate-limit: expected a positive number of requests a second"}
	}
	for _, port := range []int{s.port, s.adminPort} {
		if port < 0 || port > 65535 {
			return &usageError{cmd, fmt.Sprintf("argument -p/--port, --admin-port: %d is no port", port)}
		}
	}
	return nil
}

func (a *app) runCommand() *cobra.Command {
	var s serverFlags
	cmd := &cobra.Command{
		Use:   "run [model]",
		Short: "Serve a trained model",
		Long:  "Serves a trained model: the channels' webhooks and, with --enable-api, the HTTP API.",
		Args:  atMostOneModel,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.complete(cmd, a, args); err != nil {
				return err
			}
			return a.serve(cmd.Context(), s)
		},
	}
	s.register(cmd, a)
	cmd.AddCommand(a.runActionsCommand())
	return cmd
}

// atMostOneModel allows the path of a model in place of --model.
func atMostOneModel(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return &usageError{cmd, "unrecognized arguments: " + strings.Join(args[1:], " ")}
	}
	return nil
}

// runActionsCommand explains that custom actions run elsewhere.
func (a *app) runActionsCommand() *cobra.Command {
	var actions string
	cmd := &cobra.Command{
		Use:   "actions",
		Short: "Run the action server (a program of its own)",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if strings.Contains(actions, "/") {
				return &usageError{cmd, fmt.Sprintf("argument --actions: invalid value %q: it is the name of a Python module, not a path", actions)}
			}
			return failure("Custom actions are a program of their own: run them with the Rasa SDK (python -m rasa_sdk --actions %s) "+
				"and name its address as 'action_endpoint' in endpoints.yml.", actions)
		},
	}
	f := cmd.Flags()
	f.StringVar(&actions, "actions", "actions", "name of the `MODULE` with the actions")
	f.IntP("port", "p", 5055, "`PORT` to serve on")
	f.StringArray("cors", nil, "allowed `ORIGIN`s")
	takes(f, "cors", "*")
	f.String("ssl-keyfile", "", "`FILE` with the TLS key")
	f.String("ssl-certificate", "", "`FILE` with the TLS certificate")
	f.String("ssl-password", "", "`PASSWORD` of the TLS key")
	f.Bool("auto-reload", false, "reload modules that change")
	return cmd
}

// serveOne is one process that serves: it puts the parts together, top to bottom, and runs them until ctx ends. With a child
// it is one of several, whose parent holds the sockets.
func (a *app) serveOne(ctx context.Context, s serverFlags, child *worker.Child) (err error) {
	if a.env("GOGC") == "" {
		debug.SetGCPercent(200) // a turn's garbage is small beside what it keeps: half the collecting for some memory
	}
	endpoints, err := a.loadEndpoints(s)
	if err != nil {
		return err
	}
	begun := time.Now()
	m, err := a.loadModel(s.model)
	loading := time.Since(begun)
	switch {
	case errors.Is(err, model.ErrNoModel) && s.enableAPI:
		a.log.Warn("no model found: until one is loaded by PUT /model, what needs a model answers 409", "path", s.model)
	case errors.Is(err, model.ErrNoModel):
		return a.noModelError(s.model)
	case err != nil:
		return err
	}

	slot := 0
	if child != nil {
		slot = child.Slot
	}
	registry := metrics.NewRegistry(strconv.Itoa(slot))
	measure, err := metrics.NewKept(registry, child.Ledger())
	if err != nil {
		return err
	}
	a.counts.metrics.Store(measure)
	name, revision := buildVersion()
	measure.BuildInfo(name, revision, runtime.Version())
	measure.RuntimeLimits(slot, runtime.GOMAXPROCS(0), memoryLimit())
	measure.Workers(1, 0, 0)

	tracer, err := tracing.Open(ctx, a.env, name, a.logger(logging.Libraries))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeTracer(tracer)) }() //nolint:contextcheck // ctx has ended by then

	channels, err := a.openChannels(s)
	if err != nil {
		return err
	}
	for _, c := range channels {
		measure.AllowChannels(c.Name())
	}
	store, err := a.openStore(ctx, endpoints, measure)
	if err != nil {
		return err
	}
	defer store.Close()
	actions, err := a.actionConfig(endpoints)
	if err != nil {
		return err
	}
	most, err := a.number("MAX_NUMBER_OF_PREDICTIONS", 10)
	if err != nil {
		return err
	}
	turns, err := a.turnLog(channels)
	if err != nil {
		return err
	}
	bot, err := agent.New(agent.Config{
		Conversations:  store,
		Actions:        actions,
		Metrics:        measure,
		Tracer:         tracer,
		Log:            a.logger(logging.Agent),
		TurnLog:        turns,
		MaxPredictions: most,
		Output:         outputs(ctx, channels),
	})
	if err != nil {
		return err
	}
	brain := &measuredBot{Agent: bot, metrics: measure}
	if m != nil {
		observeLoad(measure, m.File, loading, nil)
		if err := brain.Swap(m); err != nil {
			return err
		}
		a.audit("start", "model_load", m.ID, nil)
	}

	cfg, err := a.workerConfig(s)
	if err != nil {
		return err
	}
	cfg.Bot, cfg.Store, cfg.Channels, cfg.Version, cfg.Metrics = brain, store, channels, name, measure
	cfg.Tracer = tracer
	cfg.LoadModel = func(path string) (*model.Model, error) {
		begun := time.Now()
		m, err := model.Load(path)
		observeLoad(measure, path, time.Since(begun), err)
		return m, err
	}
	cfg.Train = a.trainRequest(measure)
	cfg.TestStories, cfg.TestIntents = a.testStoriesRequest(brain.Model, most), a.testIntentsRequest(brain.Model)
	if child != nil {
		cfg.Listener, cfg.DrainDelay = child.Listener(), 0 // the parent waits before it says so
	} else if cfg.Listener, err = worker.Listen(ctx, net.JoinHostPort(s.iface, strconv.Itoa(s.port))); err != nil {
		return err
	}
	server, err := worker.New(cfg)
	if err != nil {
		_ = cfg.Listener.Close()
		return err
	}
	last, err := a.duration(lingerVariable, 0)
	if err != nil {
		_ = cfg.Listener.Close()
		return err
	}
	var admin *adminServer
	if child != nil {
		child.Ready(childState(server, store, registry))
	} else {
		if admin, err = a.openAdmin(ctx, s, server, store, measure, registry); err != nil {
			_ = cfg.Listener.Close()
			return err
		}
		a.sayReady(s, cfg, m, admin)
	}

	// The store outlives the server: turns in flight need it until the last has ended.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	kept := make(chan error, 1)
	go func() { kept <- store.Run(background) }()
	defer func() { stop(); err = errors.Join(err, <-kept) }()
	store.awaitWakeUps(ctx)

	g, ctx := errgroup.WithContext(ctx)
	observed, over := context.WithCancel(context.WithoutCancel(ctx)) // probes and metrics are answered to the end
	g.Go(func() error { return bot.Run(ctx) })
	if child == nil {
		g.Go(func() error { a.awaitVerbose(ctx); return nil })
	}
	g.Go(func() error {
		defer over()
		err := server.Run(ctx)
		if admin != nil && err == nil {
			a.linger(last, nil)
		}
		return err
	})
	if admin != nil {
		g.Go(func() error { return admin.Run(observed) })
	}
	err = g.Wait()
	a.log.Info("stopped")
	return err
}

// lingerVariable is how long the admin port still answers when all else has ended.
const lingerVariable = "METRICS_LINGER"

// linger waits so that what was counted last can be scraped; a signal ends that.
func (a *app) linger(d time.Duration, signals <-chan os.Signal) {
	if d <= 0 {
		return
	}
	a.log.Info("all turns have ended; the metrics can still be scraped", "for", d)
	select {
	case <-time.After(d):
	case <-signals:
	}
}

// closeTracer sends the traces that wait. A collector that is away holds the end up for no longer than traceFlush.
func closeTracer(t *tracing.Tracer) error {
	ctx, cancel := context.WithTimeout(context.Background(), traceFlush)
	defer cancel()
	return t.Close(ctx)
}

// traceFlush is shorter than what the chart leaves between DRAIN_TIMEOUT and the end of the grace period.
const traceFlush = 3 * time.Second

// sayReady says where the server listens.
func (a *app) sayReady(s serverFlags, cfg worker.Config, m *model.Model, admin *adminServer) {
	scheme := "http"
	if cfg.TLS != nil {
		scheme = "https"
	}
	using := "no model"
	if m != nil {
		using = "model " + m.File
	}
	a.success("listening on %s://%s (%s, %s)", scheme, shownAddress(s.iface, cfg.Listener.Addr()), using, routesText(s, admin))
	a.warnOpenAPI(s, cfg.Listener.Addr())
}

// shownAddress is an address as it was asked for, with the port that was given: 0.0.0.0:5005 rather than [::]:5005.
func shownAddress(iface string, addr net.Addr) string {
	_, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	return net.JoinHostPort(iface, port)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// number reads a whole number from the environment.
func (a *app) number(name string, byDefault int) (int, error) {
	v := a.env(name)
	if v == "" {
		return byDefault, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		return 0, failure("%s is %q; it must be a positive whole number.", name, v)
	}
	return n, nil
}

// duration reads a time span from the environment: "45s", or a number of seconds.
func (a *app) duration(name string, byDefault time.Duration) (time.Duration, error) {
	v := a.env(name)
	if v == "" {
		return byDefault, nil
	}
	if n, err := strconv.ParseFloat(v, 64); err == nil && n >= 0 {
		return time.Duration(n * float64(time.Second)), nil
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		return 0, failure("%s is %q; it must be a time span such as 5s.", name, v)
	}
	return d, nil
}

// memoryLimit is what GOMEMLIMIT says, 0 for no limit.
func memoryLimit() int64 {
	if n := debug.SetMemoryLimit(-1); n < 1<<62 {
		return n
	}
	return 0
}

// loadModel reads the model at a path; one that is not there is looked for in the models folder, as Rasa does.
func (a *app) loadModel(path string) (*model.Model, error) {
	if !exists(path) {
		path = defaultModels
	}
	return model.Load(path)
}

// workerConfig is what the flags and the environment say about serving.
func (a *app) workerConfig(s serverFlags) (worker.Config, error) {
	cfg := worker.Config{
		Log:             a.logger(logging.Server),
		Audit:           a.logger(logging.Audit),
		API:             s.enableAPI,
		Compat:          worker.Compat(s.apiCompat),
		CORS:            s.cors,
		ResponseTimeout: time.Duration(s.responseTimeout) * time.Second,
		BodyLimit:       s.bodyLimit,
		RateLimit:       s.rateLimit,
		StrictStatus:    s.strictStatus,
		PrivateURLs:     s.privateURLs,
	}
	var err error
	if cfg.Access, err = a.accessLog(); err != nil {
		return cfg, err
	}
	if s.authTokenGiven {
		token := logging.NewSecret(s.authToken)
		cfg.AuthToken = &token
	}
	if s.jwtGiven {
		cfg.JWT = &worker.JWT{Secret: s.jwtSecret, Method: s.jwtMethod}
	}
	if s.requestTimeGiven {
		cfg.ReadTimeout = time.Duration(s.requestTimeout) * time.Second
	}
	if cfg.DrainDelay, err = a.duration("DRAIN_DELAY", 0); err != nil {
		return cfg, err
	}
	if cfg.DrainTimeout, err = a.duration("DRAIN_TIMEOUT", 45*time.Second); err != nil {
		return cfg, err
	}
	cfg.RequireModel = isTrue(a.env("REQUIRE_MODEL"))
	if s.remoteStorage != "" {
		return cfg, failure("'--remote-storage %s' is not part of this version: fetching models from a remote storage is missing.", s.remoteStorage)
	}
	if s.certificate != "" {
		cfg.TLS, err = worker.TLSFiles(s.certificate, s.key, s.ca, s.keyPassword)
	} else if s.key != "" || s.ca != "" {
		err = failure("'--ssl-keyfile' and '--ssl-ca-file' need '--ssl-certificate'.")
	}
	return cfg, err
}

// loadEndpoints reads endpoints.yml. One that was named and is not there is reported, and counts as empty.
func (a *app) loadEndpoints(s serverFlags) (*project.Endpoints, error) {
	if !exists(s.endpoints) {
		if s.endpointsGiven {
			a.log.Error("the endpoints file does not exist: none are used", "path", s.endpoints)
		}
		return &project.Endpoints{}, nil
	}
	return project.LoadEndpoints(s.endpoints)
}

// openChannels opens the channels of credentials.yml, or the one of --connector; without either, the rest channel.
func (a *app) openChannels(s serverFlags) ([]channel.Channel, error) {
	path := s.credentials
	if path == "" && exists(defaultCredentials) {
		path = defaultCredentials
	}
	var credentials []project.Credential
	if path != "" && !exists(path) {
		a.log.Error("the credentials file does not exist: none are used", "path", path)
	} else if path != "" {
		var err error
		if credentials, err = project.LoadCredentials(path); err != nil {
			return nil, err
		}
	}
	if s.connector != "" {
		only := project.Credential{Channel: s.connector}
		for _, c := range credentials {
			if c.Channel == s.connector {
				only = c
			}
		}
		credentials = []project.Credential{only}
	}
	if len(credentials) == 0 {
		a.log.Info("no channel is configured: the rest channel is used")
		credentials = []project.Credential{{Channel: "rest"}}
	}
	var channels []channel.Channel
	for _, c := range credentials {
		if c.Channel == "rasa" {
			a.log.Info("the channel of Rasa X, which is discontinued, is left out", "file", c.File, "line", c.Line)
			continue
		}
		opened, err := channel.Open(c.Channel, c.Options, a.logger(logging.Channel))
		if err != nil {
			return nil, at(c.File, c.Line, err)
		}
		channels = append(channels, opened)
	}
	return channels, nil
}

// at puts file and line in front of an error.
func at(file string, line int, err error) error {
	switch {
	case file == "":
		return err
	case line == 0:
		return fmt.Errorf("%s: %w", file, err)
	}
	return fmt.Errorf("%s:%d: %w", file, line, err)
}

// outputs finds the way out of messages that answer no request, such as those of reminders.
func outputs(ctx context.Context, channels []channel.Channel) func(name, senderID string) (agent.Send, bool) {
	return func(name, _ string) (agent.Send, bool) {
		for _, c := range channels {
			if out, ok := c.(channel.Outbound); ok && c.Name() == name {
				output := out.Outbound()
				return func(m dialogue.BotMessage) error { return channel.Dispatch(ctx, output, m) }, true
			}
		}
		return nil, false
	}
}
