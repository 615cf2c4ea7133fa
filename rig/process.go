package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a program that the rig started, in a process group of its own.
type process struct {
	name  string
	cmd   *exec.Cmd
	ended chan error // closed when it has ended, after its error
}

// start runs a program with its output in dir/name.log.
func start(dir, name string, env []string, program string, args ...string) (*process, error) {
	log, err := os.OpenFile(filepath.Join(dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // in the rig's folder
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", name, err)
	}
	defer func() { _ = log.Close() }()              // the program has its own
	cmd := exec.Command(program, args...)           //nolint:gosec,noctx // the rig's own programs, which stop ends
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log // one file for both
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &process{name: name, cmd: cmd, ended: make(chan error, 1)}
	go func() { p.ended <- cmd.Wait(); close(p.ended) }()
	return p, nil
}

func (p *process) signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("signal %s: %w", p.name, err)
	}
	return nil
}

// wait waits until the program has ended by itself.
func (p *process) wait(limit time.Duration) error {
	select {
	case err := <-p.ended:
		return err
	case <-time.After(limit):
		return fmt.Errorf("%s has not ended after %s", p.name, limit)
	}
}

// kill ends the program and whatever it has started.
func (p *process) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	_ = p.wait(time.Minute)
}

// children are the processes that the program has started itself.
func (p *process) children() []int {
	pid := strconv.Itoa(p.cmd.Process.Pid)
	var out []int
	tasks, _ := filepath.Glob("/proc/" + pid + "/task/*/children")
	for _, task := range tasks {
		b, err := os.ReadFile(task) //nolint:gosec // of the kernel
		if err != nil {
			continue
		}
		for field := range strings.FieldsSeq(string(b)) {
			if n, err := strconv.Atoi(field); err == nil {
				out = append(out, n)
			}
		}
	}
	return out
}

// freePort is a port of 127.0.0.1 that nobody listens on.
func freePort() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = ln.Close() }()
	addr, ok := ln.Addr().(*net.TCPAddr)
	if !ok {
		return 0, errors.New("find a free port: not TCP")
	}
	return addr.Port, nil
}

// get is the body of a URL that answers with 200.
func get(ctx context.Context, url string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", fmt.Errorf("ask %s: %w", url, err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", fmt.Errorf("ask %s: %w", url, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", url, err)
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answered %s: %s", url, resp.Status, body)
	}
	return string(body), nil
}

// until asks a URL until it answers with 200.
func until(ctx context.Context, limit time.Duration, url string) error {
	ctx, done := context.WithTimeout(ctx, limit)
	defer done()
	for {
		_, err := get(ctx, url)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not well after %s: %w", limit, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
