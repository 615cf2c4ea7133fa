package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// The exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// run is the whole command: it returns the exit code.
func run(ctx context.Context, args []string, env func(string) string, in io.Reader, out, err io.Writer) int {
	a := newApp(env, in, out, err)
	defer a.close()
	root := a.root() //nolint:contextcheck // the commands get it from ExecuteContext
	normal, e := normalize(root, args)
	if e == nil {
		root.SetArgs(normal)
		e = root.ExecuteContext(ctx)
	}
	return a.conclude(e)
}

// usageError is a command line that makes no sense.
type usageError struct {
	cmd *cobra.Command
	msg string
}

func (e *usageError) Error() string { return e.msg }

// endError ends a command with a message on standard output and an exit code of its own. An empty message says nothing.
type endError struct {
	code int
	msg  string
}

func (e *endError) Error() string { return e.msg }

// failure is a message and exit code 1.
func failure(format string, args ...any) error {
	return &endError{code: exitFailure, msg: fmt.Sprintf(format, args...)}
}

// conclude prints the error that ended the command, if any, and returns the exit code.
func (a *app) conclude(err error) int {
	var usage *usageError
	var end *endError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		_, _ = fmt.Fprintf(a.err, "usage: %s\n%s: error: %s\n", usageLine(usage.cmd), usage.cmd.CommandPath(), usage.msg)
		return exitUsage
	case errors.As(err, &end):
		if end.msg != "" {
			a.fail(end.msg)
		}
		return end.code
	case errors.Is(err, context.Canceled):
		a.fail("Interrupted.")
		return exitFailure
	}
	a.failWith(err)
	return exitFailure
}
