package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "rig:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	bin := flag.String("bin", "bin/parley", "the server")
	project := flag.String("project", "examples/starter", "the bot's project")
	rules := flag.String("rules", "", "rules of Prometheus to evaluate")
	dashboard := flag.String("dashboard", "charts/parley/files/dashboard.json", "dashboard whose queries are put to Prometheus")
	senders := flag.Int("senders", 16, "clients that talk at once")
	pause := flag.Duration("pause", 100*time.Millisecond, "pause of a client between two messages")
	only := flag.String("only", "", "run only scenarios whose name has this in it")
	keep := flag.Bool("keep", false, "keep the folder with the logs")
	limit := flag.Duration("limit", 10*time.Minute, "how long all may take")
	flag.Parse()
	ctx, done := context.WithTimeout(ctx, *limit)
	defer done()

	dir, err := os.MkdirTemp("", "rig-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	if !*keep {
		defer func() { _ = os.RemoveAll(dir) }()
	}
	paths := []string{*bin, *project, *dashboard}
	for i := range paths {
		if paths[i], err = filepath.Abs(paths[i]); err != nil {
			return fmt.Errorf("find %s: %w", paths[i], err)
		}
	}
	if *rules != "" {
		if *rules, err = filepath.Abs(*rules); err != nil {
			return fmt.Errorf("find the rules: %w", err)
		}
	}
	train := exec.CommandContext(ctx, paths[0], "train", "--quiet", "--out", filepath.Join(dir, "models")) //nolint:gosec // the server under test
	train.Dir = paths[1]
	if out, err := train.CombinedOutput(); err != nil {
		return fmt.Errorf("train: %w\n%s", err, out)
	}
	f := &fleet{dir: dir, bin: paths[0], out: out, proxies: map[string]string{}}
	f.say("%d pods with %d workers each, %d clients; logs in %s\n", pods, workers, *senders, dir)
	defer f.stop()
	err = f.launch(ctx, *rules)
	if err != nil {
		return err
	}
	return f.scenarios(ctx, f.clients(*senders, *pause), *only, paths[2])
}

// clients are divided among the proxies.
func (f *fleet) clients(n int, pause time.Duration) []*client {
	proxies := slices.Sorted(maps.Keys(f.proxies))
	var out []*client
	for i := range n {
		name := proxies[i%len(proxies)]
		out = append(out, &client{
			sender: fmt.Sprintf("client-%d", i), proxy: name, url: f.proxies[name], pause: pause, failures: map[string]int{},
			http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second}},
		})
	}
	return out
}

// scenario is something that happens while clients talk.
type scenario struct {
	name string
	// run does it, and ends when the fleet is whole again.
	run func(ctx context.Context) error
	// spared: no client may notice, even without retries.
	spared bool
	// counted: what the servers have counted must be what was acknowledged, to the turn, save those that were answered from the
	// record: their worker may have been killed between storing and counting. Otherwise pods end, and Prometheus has what they
	// had counted when it last asked.
	counted bool
	// seen: the same for what Prometheus has seen, over the ends of pods.
	seen bool
}

func (f *fleet) scenarios(ctx context.Context, clients []*client, only, dashboard string) error {
	list := []scenario{
		{name: "nothing happens", spared: true, counted: true, run: func(ctx context.Context) error { return pass(ctx, 10*time.Second) }},
		{name: "workers are replaced one by one (SIGHUP)", spared: true, counted: true, run: f.replaceWorkers},
		{name: "pods are rolled one by one (SIGTERM)", spared: true, seen: true, run: f.roll},
		{name: "a worker is killed every two seconds", counted: true, run: f.killWorkers},
		{name: "a pod is killed and comes back", run: f.killPod},
		{name: "redis hangs for three seconds", counted: true, run: f.freezeRedis},
		{name: "a pod is parted from redis and comes back", counted: true, run: f.partition},
	}
	var wrong []error
	for _, s := range list {
		if only != "" && !strings.Contains(s.name, only) {
			continue
		}
		if err := f.play(ctx, clients, s); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", s.name, err))
		}
		if ctx.Err() != nil {
			break
		}
		if s.name == "nothing happens" {
			wrong = append(wrong, f.quiet(ctx), f.panels(ctx, dashboard))
		}
	}
	return errors.Join(wrong...)
}

// play runs a scenario and prints what came of it.
func (f *fleet) play(ctx context.Context, clients []*client, s scenario) error {
	count := f.turns
	if !s.counted {
		count = f.seen
	}
	before, err := count(ctx)
	if err != nil {
		return err
	}
	was := sum(clients)
	begun := time.Now()
	if err := during(ctx, clients, s.run); err != nil {
		return err
	}
	took := time.Since(begun).Round(100 * time.Millisecond)
	now := sum(clients)
	after, err := count(ctx)
	if err != nil {
		return err
	}
	lost, doubled, err := f.audit(ctx, clients)
	if err != nil {
		return err
	}
	attempts, kinds := 0, []string{}
	for _, what := range slices.Sorted(maps.Keys(now.failures)) {
		if n := now.failures[what] - was.failures[what]; n > 0 {
			attempts += n
			kinds = append(kinds, fmt.Sprintf("%d × %s", n, what))
		}
	}
	acked, refused := now.acked-was.acked, now.refused-was.refused
	f.say("\n%s (%s)\n", s.name, took)
	f.say("  requests answered %6d   failed %d   attempts that failed %d %s\n", acked, refused, attempts, strings.Join(kinds, ", "))
	f.say("  turns lost        %6d   doubled %d   answered from the record %d   slowest answer %s\n", lost, doubled, now.replayed-was.replayed, now.slowest.Round(time.Millisecond))
	counted, by := after-before, "servers"
	if !s.counted {
		by = "Prometheus"
	}
	f.say("  turns counted     %6.0f   difference %+.0f   by the %s\n", counted, counted-float64(acked), by)
	var wrong []error
	if refused > 0 || lost > 0 || doubled > 0 || acked == 0 {
		wrong = append(wrong, fmt.Errorf("of %d requests %d failed, %d turns were lost, %d doubled", acked+refused, refused, lost, doubled))
	}
	if s.spared && attempts > 0 {
		wrong = append(wrong, fmt.Errorf("%d attempts failed", attempts))
	}
	if (s.counted || s.seen) && (counted > float64(acked) || counted < float64(acked-(now.replayed-was.replayed))) {
		wrong = append(wrong, fmt.Errorf("%.0f turns were counted of %d", counted, acked))
	}
	return errors.Join(wrong...)
}

func pass(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
