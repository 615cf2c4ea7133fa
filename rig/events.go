package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// replaceWorkers has each pod replace its workers, as after a new model.
func (f *fleet) replaceWorkers(ctx context.Context) error {
	for _, p := range f.pods {
		old := map[int]bool{}
		for _, pid := range p.running.children() {
			old[pid] = true
		}
		if err := p.running.signal(syscall.SIGHUP); err != nil {
			return err
		}
		for left := len(old); left > 0; {
			if err := pass(ctx, 100*time.Millisecond); err != nil {
				return err
			}
			left = 0
			for _, pid := range p.running.children() {
				if old[pid] {
					left++
				}
			}
		}
		if err := f.ready(ctx, p); err != nil {
			return err
		}
	}
	return pass(ctx, time.Second)
}

// roll drains and replaces one pod after the other.
func (f *fleet) roll(ctx context.Context) error {
	for _, p := range f.pods {
		if err := p.running.signal(syscall.SIGTERM); err != nil {
			return err
		}
		begun := time.Now()
		if err := p.running.wait(time.Minute); err != nil {
			return err
		}
		f.say("  %s ended %s after SIGTERM\n", p.name, time.Since(begun).Round(10*time.Millisecond))
		if err := f.begin(p); err != nil {
			return err
		}
		if err := f.ready(ctx, p); err != nil {
			return err
		}
		if err := pass(ctx, 2*time.Second); err != nil { // as minReadySeconds does
			return err
		}
	}
	return nil
}

// killWorkers kills one worker after the other.
func (f *fleet) killWorkers(ctx context.Context) error {
	for i := range 2 * len(f.pods) {
		p := f.pods[i%len(f.pods)]
		if children := p.running.children(); len(children) > 0 {
			_ = syscall.Kill(children[i/len(f.pods)%len(children)], syscall.SIGKILL)
		}
		if err := pass(ctx, 2*time.Second); err != nil {
			return err
		}
	}
	for _, p := range f.pods {
		if err := f.ready(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// killPod kills a pod with all its workers, as a node that dies does.
func (f *fleet) killPod(ctx context.Context) error {
	p := f.pods[1]
	p.running.kill()
	if err := pass(ctx, 5*time.Second); err != nil {
		return err
	}
	if err := f.begin(p); err != nil {
		return err
	}
	if err := f.ready(ctx, p); err != nil {
		return err
	}
	return pass(ctx, 2*time.Second)
}

// freezeRedis stops Redis for less than the grace: the pods stay ready all the while.
func (f *fleet) freezeRedis(ctx context.Context) error {
	redis := f.others[0]
	if err := redis.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	defer func() { _ = redis.signal(syscall.SIGCONT) }()
	for range 6 {
		if err := pass(ctx, 500*time.Millisecond); err != nil {
			return err
		}
		for _, p := range f.pods {
			if _, err := get(ctx, fmt.Sprintf("http://127.0.0.1:%d/readyz", p.admin)); err != nil {
				return fmt.Errorf("%s is not ready: %w", p.name, err)
			}
		}
	}
	if err := redis.signal(syscall.SIGCONT); err != nil {
		return err
	}
	return pass(ctx, 3*time.Second)
}

// quiet checks that no alert is on its way while all is well.
func (f *fleet) quiet(ctx context.Context, rules bool) error {
	if !rules {
		f.say("\nalerts: not evaluated (there are no -rules)\n")
		return nil
	}
	known, err := f.ask(ctx, "count(parley:turn_requests:rate5m)")
	if err != nil {
		return err
	}
	alerts, err := f.ask(ctx, "ALERTS")
	if err != nil {
		return err
	}
	f.say("\nalerts: %d pending or firing, objectives %s\n", len(alerts), map[bool]string{true: "recorded", false: "missing"}[len(known) > 0])
	var wrong []error
	for _, a := range alerts {
		wrong = append(wrong, fmt.Errorf("%s is %s on a good day", a.Metric["alertname"], a.Metric["alertstate"]))
	}
	if len(known) == 0 {
		wrong = append(wrong, errors.New("the rules of the objectives have recorded nothing"))
	}
	return errors.Join(wrong...)
}

// panels puts every query of the dashboard to Prometheus and counts those that show something.
func (f *fleet) panels(ctx context.Context, file string) error {
	text, err := os.ReadFile(file) //nolint:gosec // a flag of the rig
	if err != nil {
		return fmt.Errorf("read the dashboard: %w", err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		return fmt.Errorf("decode the dashboard: %w", err)
	}
	variables := strings.NewReplacer("$__rate_interval", "15s", "$namespace", "bots", "$job", "bot-parley", "$pod", ".*")
	shown, empty := 0, []string{}
	for _, p := range board.Panels {
		if len(p.Targets) == 0 {
			continue
		}
		found := false
		for _, target := range p.Targets {
			series, err := f.ask(ctx, variables.Replace(target.Expr))
			if err != nil {
				return fmt.Errorf("panel %q: %w", p.Title, err)
			}
			found = found || len(series) > 0
		}
		if found {
			shown++
		} else {
			empty = append(empty, p.Title)
		}
	}
	f.say("dashboard: %d panels show something; empty: %s\n", shown, strings.Join(empty, ", "))
	return nil
}
