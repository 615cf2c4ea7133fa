package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"parley/livetest"
)

// runAsCommand is the variable that makes the test binary run the command in place of the tests.
const runAsCommand = "PARLEY_TEST_RUN_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(runAsCommand) != "" {
		main()
	}
	testscript.Main(m, map[string]func(){"parley": main})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	clients, err := filepath.Abs("../../examples/clients")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:      "testdata/script",
		Deadline: time.Now().Add(15 * time.Minute),
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"await":    scriptAwait,
			"exits":    scriptExits,
			"freeport": scriptFreePort,
			"http":     scriptHTTP,
			"hold":     scriptHold,
			"redis":    scriptRedis,
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("NO_COLOR", "1")
			env.Setenv("CLIENTS", clients)
			return nil
		},
	})
}

// scriptExits runs a command and checks its exit code: exits 2 parley train --nope.
func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGUMENT...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%s: %v", args[1], err)
	}
	got := 0
	if exit != nil {
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// scriptFreePort sets variables to ports that nobody uses: freeport PORT ADMIN.
func scriptFreePort(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		port, release, err := livetest.ReservePort()
		ts.Check(err)
		ts.Defer(release)
		ts.Setenv(name, strconv.Itoa(port))
	}
}

// scriptHold occupies the port that a variable holds until the script ends: hold $PORT.
func scriptHold(ts *testscript.TestScript, _ bool, args []string) {
	ln, err := net.Listen("tcp", "127.0.0.1:"+args[0])
	ts.Check(err)
	ts.Defer(func() { _ = ln.Close() })
}

// scriptRedis starts a Redis server that lives as long as the script, on a port that it puts into a variable: redis PORT.
func scriptRedis(ts *testscript.TestScript, _ bool, args []string) {
	server, err := livetest.OpenRedis()
	ts.Check(err)
	ts.Defer(server.Close)
	ts.Setenv(args[0], strconv.Itoa(server.Port))
}

// scriptPatience is how long a script waits for a server: only one that fails waits for so long.
const scriptPatience = 2 * time.Minute

// scriptAwait gets a page until it matches a pattern, and prints it: await URL PATTERN.
func scriptAwait(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await URL PATTERN")
	}
	pattern, err := regexp.Compile(args[1])
	ts.Check(err)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var answer []byte
	for end := time.After(scriptPatience); !pattern.Match(answer); {
		select {
		case <-tick.C:
		case <-end:
			ts.Fatalf("%s still answers\n%s", args[0], answer)
		}
		res, err := http.Get(args[0])
		if err != nil {
			continue
		}
		answer, err = io.ReadAll(res.Body)
		_ = res.Body.Close()
		ts.Check(err)
	}
	_, err = ts.Stdout().Write(answer)
	ts.Check(err)
}

// scriptHTTP sends a request, again and again until somebody listens, and prints status and body: http METHOD URL [BODY].
func scriptHTTP(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: http METHOD URL [BODY]")
	}
	body := strings.Join(args[2:], " ")
	end := time.After(scriptPatience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequest(args[0], args[1], strings.NewReader(body))
		ts.Check(err)
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			answer, err := io.ReadAll(res.Body)
			_ = res.Body.Close()
			ts.Check(err)
			_, err = fmt.Fprintf(ts.Stdout(), "%d %s\n", res.StatusCode, answer)
			ts.Check(err)
			return
		}
		select {
		case <-tick.C:
		case <-end:
			ts.Fatalf("%s: %v", args[1], err)
		}
	}
}
