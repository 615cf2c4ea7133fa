package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// pods and workers are the fleet's size.
const (
	pods    = 3
	workers = 2
)

// storeGrace is how long a pod stays ready without its store.
const storeGrace = 5 * time.Second

// pod is one server with its workers, and what it takes to start it anew.
type pod struct {
	name        string
	port, admin int
	redis       *relay // its way there
	running     *process
}

// fleet is all that runs.
type fleet struct {
	dir, bin string
	out      io.Writer
	redis    int // port
	pods     []*pod
	proxies  map[string]string // name → address of the rest channel
	prom     string            // address of Prometheus
	rules    bool              // it has rules to evaluate
	others   []*process
}

// say prints to whoever started the rig.
func (f *fleet) say(format string, args ...any) { _, _ = fmt.Fprintf(f.out, format, args...) }

// launch starts everything, in the order in which it is needed. What it started before an error is for stop.
func (f *fleet) launch(ctx context.Context, rules string) error {
	for i := range pods {
		p := &pod{name: fmt.Sprintf("pod-%d", i)}
		var err error
		if p.port, err = freePort(); err != nil {
			return err
		}
		if p.admin, err = freePort(); err != nil {
			return err
		}
		f.pods = append(f.pods, p)
	}
	var err error
	if f.redis, err = freePort(); err != nil {
		return err
	}
	if err := f.run("redis", "redis-server", "--port", fmt.Sprint(f.redis), "--bind", "127.0.0.1", "--save", "", "--dir", f.dir); err != nil {
		return err
	}
	for _, p := range f.pods {
		if p.redis, err = newRelay(fmt.Sprintf("127.0.0.1:%d", f.redis)); err != nil {
			return err
		}
		endpoints := fmt.Sprintf("tracker_store: &redis {type: redis, url: 127.0.0.1, port: %d}\nlock_store: *redis\n", p.redis.port())
		if err := f.write(p.name+".yml", endpoints); err != nil {
			return err
		}
		if err := f.begin(p); err != nil {
			return err
		}
	}
	for _, p := range f.pods {
		if err := f.ready(ctx, p); err != nil {
			return err
		}
	}
	if err := f.proxy(ctx); err != nil {
		return err
	}
	return f.watch(ctx, rules)
}

// begin starts a pod's process.
func (f *fleet) begin(p *pod) (err error) {
	env := []string{fmt.Sprintf("WORKERS=%d", workers), "DRAIN_DELAY=2s", "DRAIN_TIMEOUT=30s", "METRICS_LINGER=3s", "STORE_GRACE=" + storeGrace.String()}
	p.running, err = start(f.dir, p.name, env, f.bin, "run", "--enable-api", "-i", "127.0.0.1", "-p", fmt.Sprint(p.port),
		"--admin-port", fmt.Sprint(p.admin), "--endpoints", p.name+".yml", "--model", "models")
	return err
}

// ready waits until a pod says that it is, with all of its workers.
func (f *fleet) ready(ctx context.Context, p *pod) error {
	if err := until(ctx, time.Minute, fmt.Sprintf("http://127.0.0.1:%d/readyz", p.admin)); err != nil {
		return err
	}
	limit := time.Now().Add(time.Minute)
	for time.Now().Before(limit) {
		series, err := scrape(ctx, p)
		if err == nil && series[`parley_workers{state="ready"}`] == workers {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s does not have %d workers", p.name, workers)
}

func (f *fleet) write(name, text string) error {
	if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func (f *fleet) run(name, program string, args ...string) error {
	p, err := start(f.dir, name, nil, program, args...)
	if err != nil {
		return err
	}
	f.others = append(f.others, p)
	return nil
}

// proxy starts nginx and HAProxy, the latter for requests and for connections. Neither sends a POST again that a server may have seen: draining is what spares clients.
func (f *fleet) proxy(ctx context.Context) error {
	nginx, err := freePort()
	if err != nil {
		return err
	}
	haproxy, err := freePort()
	if err != nil {
		return err
	}
	connections, err := freePort()
	if err != nil {
		return err
	}
	var upstream, servers strings.Builder
	for _, p := range f.pods {
		fmt.Fprintf(&upstream, "    server 127.0.0.1:%d max_fails=1 fail_timeout=1s;\n", p.port)
		fmt.Fprintf(&servers, "  server %s 127.0.0.1:%d check port %d inter 500ms fall 1 rise 2\n", p.name, p.port, p.admin)
	}
	files := map[string]string{
		"nginx.conf": fmt.Sprintf(`user root;
pid %[1]s/nginx.pid;
error_log stderr warn;
daemon off;
worker_processes 1;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path %[1]s/nginx-body; proxy_temp_path %[1]s/nginx-proxy; fastcgi_temp_path %[1]s/nginx-f; uwsgi_temp_path %[1]s/nginx-u; scgi_temp_path %[1]s/nginx-s;
  upstream bot {
%[2]s    keepalive 32;
    keepalive_timeout 1s; # shorter than DRAIN_DELAY: no idle connection is left when the server closes them
  }
  server {
    listen 127.0.0.1:%[3]d;
    location / {
      proxy_pass http://bot;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_read_timeout 60s;
    }
  }
}
`, f.dir, upstream.String(), nginx),
		"haproxy.cfg": fmt.Sprintf(`global
  maxconn 1000
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  retries 3
  option redispatch
frontend in
  bind 127.0.0.1:%[1]d
  default_backend bot
backend bot
  balance leastconn
  option httpchk GET /readyz
  http-reuse safe
%[2]s
# Connections are balanced, not requests: a client stays with a pod until that says Connection: close.
listen connections
  mode tcp
  bind 127.0.0.1:%[3]d
  balance roundrobin
  option httpchk GET /readyz
%[2]s`, haproxy, servers.String(), connections),
	}
	for name, text := range files {
		if err := f.write(name, text); err != nil {
			return err
		}
	}
	if err := f.run("nginx", "nginx", "-p", f.dir, "-c", filepath.Join(f.dir, "nginx.conf")); err != nil {
		return err
	}
	if err := f.run("haproxy", "haproxy", "-db", "-f", filepath.Join(f.dir, "haproxy.cfg")); err != nil {
		return err
	}
	for name, port := range map[string]int{"nginx": nginx, "haproxy": haproxy, "tcp": connections} {
		address := fmt.Sprintf("http://127.0.0.1:%d", port)
		if err := until(ctx, time.Minute, address+"/"); err != nil {
			return err
		}
		f.proxies[name] = address + "/webhooks/rest/webhook"
	}
	return nil
}

// watch starts Prometheus, with the chart's rules if they are given.
func (f *fleet) watch(ctx context.Context, rules string) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	f.rules = rules != ""
	var config strings.Builder
	config.WriteString("global: {scrape_interval: 1s, evaluation_interval: 5s}\n")
	if f.rules {
		fmt.Fprintf(&config, "rule_files: [%q]\n", rules)
	}
	config.WriteString("scrape_configs:\n  - job_name: bot-parley\n    static_configs:\n")
	for _, p := range f.pods {
		fmt.Fprintf(&config, "      - {targets: ['127.0.0.1:%d'], labels: {namespace: bots, pod: %s}}\n", p.admin, p.name)
	}
	if err := f.write("prometheus.yml", config.String()); err != nil {
		return err
	}
	f.prom = fmt.Sprintf("http://127.0.0.1:%d", port)
	if err := f.run("prometheus", "prometheus", "--config.file="+filepath.Join(f.dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(f.dir, "prometheus"), fmt.Sprintf("--web.listen-address=127.0.0.1:%d", port), "--log.level=warn"); err != nil {
		return err
	}
	return until(ctx, time.Minute, f.prom+"/-/ready")
}

// stop ends everything: the servers as an operator would, then all that is left.
func (f *fleet) stop() {
	for _, p := range f.pods {
		if p.running != nil {
			_ = p.running.signal(syscall.SIGINT)
		}
	}
	for _, p := range f.pods {
		if p.running != nil {
			if p.running.wait(20*time.Second) != nil {
				p.running.kill()
			}
		}
	}
	for _, p := range f.others {
		p.kill()
	}
	for _, p := range f.pods {
		if p.redis != nil {
			p.redis.close()
		}
	}
}
