package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
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

// partition parts one pod from Redis: it leaves the load balancers that ask it after its grace, nothing is restarted, and it comes
// back when the network does. Until then the others serve.
func (f *fleet) partition(ctx context.Context) error {
	p := f.pods[1]
	before := p.running.children()
	p.redis.cut()
	defer p.redis.heal()
	begun := time.Now()
	body, err := f.untilBlocked(ctx, p)
	if err != nil {
		return err
	}
	took := time.Since(begun)
	f.say("  %s was not ready %s after it was parted: %s", p.name, took.Round(100*time.Millisecond), body)
	if !strings.Contains(body, "store_down") {
		return fmt.Errorf("%s does not say store_down but %s", p.name, body)
	}
	if most := storeGrace + 10*time.Second; took < storeGrace || took > most {
		return fmt.Errorf("%s took %s, not %s to %s", p.name, took, storeGrace, most)
	}
	for range 10 {
		if err := pass(ctx, 500*time.Millisecond); err != nil {
			return err
		}
		for _, other := range f.pods {
			path, who := "/readyz", other
			if other == p {
				path = "/livez" // what it cannot reach is no reason to kill it
			}
			if _, err := get(ctx, fmt.Sprintf("http://127.0.0.1:%d%s", who.admin, path)); err != nil {
				return fmt.Errorf("%s while %s is parted: %w", who.name, p.name, err)
			}
		}
	}
	if f.rules {
		if err := f.expect(ctx, "ParleyStoreDown"); err != nil {
			return err
		}
	}
	if after := p.running.children(); !slices.Equal(before, after) {
		return fmt.Errorf("workers of %s were replaced: %v, then %v", p.name, before, after)
	}
	p.redis.heal()
	begun = time.Now()
	if err := f.ready(ctx, p); err != nil {
		return err
	}
	f.say("  %s was ready %s after the network was\n", p.name, time.Since(begun).Round(100*time.Millisecond))
	return pass(ctx, 2*time.Second)
}

// untilBlocked waits until a pod is not ready, and returns what it says.
func (f *fleet) untilBlocked(ctx context.Context, p *pod) (string, error) {
	ctx, done := context.WithTimeout(ctx, time.Minute)
	defer done()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/readyz", p.admin), nil)
		if err != nil {
			return "", fmt.Errorf("ask %s: %w", p.name, err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return "", fmt.Errorf("ask %s: %w", p.name, err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err == nil && resp.StatusCode == http.StatusServiceUnavailable {
			return string(body), nil
		}
		if err := pass(ctx, 100*time.Millisecond); err != nil {
			return "", fmt.Errorf("%s is ready all the while: %w", p.name, err)
		}
	}
}

// expect checks that an alert is on its way or fires, and that no other that wakes people does.
func (f *fleet) expect(ctx context.Context, name string) error {
	alerts, err := f.ask(ctx, "ALERTS")
	if err != nil {
		return err
	}
	found := false
	for _, a := range alerts {
		switch {
		case a.Metric["alertname"] == name:
			found = true
			f.say("  alert %s is %s\n", name, a.Metric["alertstate"])
		case a.Metric["alertstate"] == "firing" && a.Metric["severity"] == "page":
			return fmt.Errorf("%s fires", a.Metric["alertname"])
		}
	}
	if !found {
		return fmt.Errorf("%s is not on its way", name)
	}
	return nil
}

// quiet checks that no alert is on its way while all is well.
func (f *fleet) quiet(ctx context.Context) error {
	if !f.rules {
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
