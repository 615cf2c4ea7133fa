package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/logging"
	"parley/metrics"
	"parley/model"
	"parley/worker"
)

// serve is parley run: one process that does it all, or a parent with several worker processes, or one of these.
func (a *app) serve(ctx context.Context, s serverFlags) error {
	child, ok, err := worker.NewChild(a.env, a.logger(logging.Supervisor))
	switch {
	case err != nil:
		return err
	case ok:
		// Signals are for the parent, which tells its children what to do.
		signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		if verboseSignal != nil {
			signal.Ignore(verboseSignal)
		}
		a.log = a.log.With("slot", child.Slot)
		child.Verbose = func(on bool) { a.levels.Verbose(on) } // the parent records who said so
		return child.Run(context.WithoutCancel(ctx), func(ctx context.Context) error { return a.serveOne(ctx, s, child) })
	}
	if _, err := a.turnLog(nil); err != nil { // every worker process would say so
		return err
	}
	if _, err := a.accessLog(); err != nil {
		return err
	}
	n, err := a.workers(s)
	if err != nil {
		return err
	}
	if n > 1 {
		return a.supervise(ctx, s, n)
	}
	if err := a.limitMemory(); err != nil {
		return err
	}
	return a.serveOne(ctx, s, nil)
}

// workers is how many worker processes there are to be: WORKERS, or Rasa's SANIC_WORKERS.
func (a *app) workers(s serverFlags) (int, error) {
	refuse := func(format string, args ...any) error {
		return &endError{code: exitUsage, msg: fmt.Sprintf(format, args...)}
	}
	name, n := "WORKERS", 1
	if v := a.env(name); v != "" {
		var err error
		if n, err = strconv.Atoi(v); err != nil || n < 1 {
			return 0, refuse("WORKERS is %q; it must be a positive whole number.", v)
		}
	} else if v := a.env("SANIC_WORKERS"); v != "" {
		name, n = "SANIC_WORKERS", sanicWorkers(v)
		if n == 0 {
			a.log.Warn("SANIC_WORKERS must be a positive whole number: one process is used", "value", v)
			return 1, nil
		}
	}
	if n == 1 {
		return 1, nil
	}
	missing, err := a.missingStores(s)
	if err != nil || len(missing) == 0 {
		return n, err
	}
	what := fmt.Sprintf("%s=%d needs conversations and locks that all worker processes share; %s lacks: %s", name, n, s.endpoints, strings.Join(missing, ", "))
	// Rasa takes one process in this case and hardly says so: those who bring its variable along keep a server that starts.
	if name == "WORKERS" && !isTrue(a.env("WORKERS_FALLBACK")) {
		return 0, refuse("%s. (WORKERS_FALLBACK=1 starts one process instead.)", what)
	}
	a.log.Error("one process is used: several would not see each other's conversations", "because", what)
	return 1, nil
}

// sanicWorkers reads a number of processes; 0: it is none.
func sanicWorkers(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0
	}
	return n
}

// missingStores names the keys of endpoints.yml that several processes need.
func (a *app) missingStores(s serverFlags) ([]string, error) {
	e, err := a.loadEndpoints(s)
	if err != nil {
		return nil, err
	}
	var missing []string
	if inMemory(e.TrackerStore) {
		missing = append(missing, "tracker_store (type: redis)")
	}
	if inMemory(e.LockStore) {
		missing = append(missing, "lock_store (type: redis)")
	}
	return missing, nil
}

// limitMemory has Go keep to the memory limit of the container, unless GOMEMLIMIT says what to keep to.
func (a *app) limitMemory() error {
	_, memory, err := worker.Share(a.env, 1)
	if err != nil {
		return failure("%s.", err)
	}
	if memory > 0 && a.env("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memory)
	}
	return nil
}

// supervise runs n worker processes and serves their probes and metrics on one admin port.
func (a *app) supervise(ctx context.Context, s serverFlags, n int) error {
	if !s.enableAPI && a.noModel(s.model) { // every worker process would say so
		return a.noModelError(s.model)
	}
	shared, err := a.listenShared()
	if err != nil {
		return err
	}
	delay, err := a.duration("DRAIN_DELAY", 5*time.Second)
	if err != nil {
		return err
	}
	timeout, err := a.duration("DRAIN_TIMEOUT", 45*time.Second)
	if err != nil {
		return err
	}
	last, err := a.duration(lingerVariable, 0)
	if err != nil {
		return err
	}
	command, err := a.workerCommand(ctx, n)
	if err != nil {
		return err
	}
	registry := metrics.NewRegistry("main")
	measure, err := metrics.New(registry)
	if err != nil {
		return err
	}
	a.counts.metrics.Store(measure)
	name, revision := buildVersion()
	measure.BuildInfo(name, revision, runtime.Version())
	merger := metrics.NewMerger(measure, registry)

	signals := make(chan os.Signal, 8)
	heard := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		heard = append(heard, syscall.SIGHUP)
	}
	if verboseSignal != nil {
		heard = append(heard, verboseSignal)
	}
	signal.Notify(signals, heard...)
	defer signal.Stop(signals)
	if ctx.Err() != nil {
		return nil // the signal came before it was listened for
	}
	ctx = context.WithoutCancel(ctx) // from here on signals are the supervisor's

	sockets, address, err := worker.OpenSockets(ctx, net.JoinHostPort(s.iface, strconv.Itoa(s.port)), n, shared)
	if err != nil {
		return err
	}
	var admin *adminServer
	supervisor, err := worker.NewSupervisor(worker.SupervisorConfig{
		Workers:      n,
		Sockets:      sockets,
		Command:      command,
		Signals:      signals,
		DrainDelay:   delay,
		DrainTimeout: timeout,
		ReapOrphans:  os.Getpid() == 1,
		Ready:        func() { a.saySupervised(s, n, address, admin) },
		Verbose:      a.setVerbose,
		VerboseBy:    verboseSignal,
		Log:          a.logger(logging.Supervisor),
		Metrics:      measure,
		Merger:       merger,
	})
	if err != nil {
		return err
	}
	if admin, err = a.openSupervisorAdmin(ctx, s, supervisor, measure, metrics.Handler(merger)); err != nil {
		for _, f := range sockets {
			_ = f.Close()
		}
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	observed, stop := context.WithCancel(context.WithoutCancel(ctx)) // probes are answered to the end
	g.Go(func() error {
		defer stop()
		err := supervisor.Run(ctx)
		if admin != nil && err == nil {
			a.linger(last, signals)
		}
		return err
	})
	if admin != nil {
		g.Go(func() error { return admin.Run(observed) })
	}
	err = g.Wait()
	a.log.Info("stopped")
	if start := (*worker.StartError)(nil); errors.As(err, &start) {
		// The worker processes have said what was wrong.
		a.log.Error("the server did not start", "error", err)
		return &endError{code: max(start.Code, exitFailure)}
	}
	return err
}

// listenShared is what LISTEN_MODE says: whether all worker processes are to have one socket.
func (a *app) listenShared() (bool, error) {
	switch mode := a.env("LISTEN_MODE"); mode {
	case "", "reuseport":
		return false, nil
	case "shared":
		return true, nil
	default:
		return false, &endError{code: exitUsage, msg: fmt.Sprintf("LISTEN_MODE is %q; it must be reuseport or shared.", mode)}
	}
}

// workerCommand makes the commands of worker processes: this program with the same arguments, and with its share of
// processors and memory.
func (a *app) workerCommand(ctx context.Context, n int) (func() *exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the program to start worker processes with: %w", err)
	}
	procs, memory, err := worker.Share(a.env, n)
	if err != nil {
		return nil, failure("%s.", err)
	}
	env := os.Environ()
	if a.env("GOMAXPROCS") == "" {
		env = append(env, "GOMAXPROCS="+strconv.Itoa(procs))
	}
	if a.env(logHashKey) == "" {
		env = append(env, logHashKey+"="+rand.Text()) // the same for all, so that their lines can be joined
	}
	if memory > 0 && a.env("GOMEMLIMIT") == "" {
		env = append(env, "GOMEMLIMIT="+strconv.FormatInt(memory, 10))
	}
	a.log.Info("starting worker processes", "workers", n, "gomaxprocs", procs, "gomemlimit", memory)
	ctx = context.WithoutCancel(ctx) // the supervisor ends them, not a signal's context
	return func() *exec.Cmd {
		cmd := exec.CommandContext(ctx, program, os.Args[1:]...) //nolint:gosec // ourselves
		cmd.Args[0] = os.Args[0]
		cmd.Env = slices.Clone(env)
		cmd.Stdout, cmd.Stderr = a.out, a.err
		return cmd
	}, nil
}

// noModel reports whether there is no model where one is looked for.
func (a *app) noModel(path string) bool {
	if !exists(path) {
		path = defaultModels
	}
	_, err := model.Newest(path)
	return errors.Is(err, model.ErrNoModel)
}

// noModelError ends the server because there is no model to serve. That is no failure, as in the reference, unless one is required.
func (a *app) noModelError(path string) error {
	code := exitOK
	if isTrue(a.env("REQUIRE_MODEL")) {
		code = exitFailure
	}
	return &endError{code: code, msg: fmt.Sprintf("No model found in '%s'. You can train one with 'parley train'. The server did not start.", path)}
}

// openSupervisorAdmin opens the port for the metrics and probes of all worker processes, if there is to be one.
func (a *app) openSupervisorAdmin(ctx context.Context, s serverFlags, w *worker.Supervisor, m *metrics.Metrics, scrape http.Handler) (*adminServer, error) {
	if s.adminPort == 0 {
		return nil, nil //nolint:nilnil // none was asked for
	}
	ln, err := worker.Listen(ctx, net.JoinHostPort(s.iface, strconv.Itoa(s.adminPort)))
	if err != nil {
		return nil, err
	}
	admin, err := worker.NewAdmin(worker.AdminConfig{
		Listener: ln,
		Metrics: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			w.Scrape(r.Context())
			showBlocked(m, w.Blocked())
			observeContainer(m)
			scrape.ServeHTTP(rw, r)
		}),
		Alive:   w.Alive,
		Started: w.Started,
		Blocked: w.Blocked,
		Log:     a.logger(logging.Server),
	})
	if err != nil {
		_ = ln.Close()
		return nil, err
	}
	return &adminServer{admin, ln.Addr().String()}, nil
}

// saySupervised says where the server listens, once it does.
func (a *app) saySupervised(s serverFlags, n int, address net.Addr, admin *adminServer) {
	scheme := "http"
	if s.certificate != "" {
		scheme = "https"
	}
	a.success("listening on %s://%s (%d worker processes, %s)", scheme, address, n, routesText(s, admin))
	a.warnOpenAPI(s, address)
}

// routesText says what is served.
func routesText(s serverFlags, admin *adminServer) string {
	routes := "channels only; --enable-api adds the HTTP API"
	if s.enableAPI {
		routes = "API enabled"
	}
	if admin != nil {
		routes += ", metrics and probes on " + admin.address
	}
	return routes
}

// warnOpenAPI warns of an API that everybody may use.
func (a *app) warnOpenAPI(s serverFlags, address net.Addr) {
	if s.enableAPI && !s.authTokenGiven && !s.jwtGiven && !isLoopback(s.iface) {
		a.log.Warn("the API is open to everybody who can reach this port: set --auth-token or --jwt-secret", "address", address.String())
	}
}
