package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"parley/logging"
	"parley/nlu"
	"parley/policy"
	"parley/project"
)

// app is one run of the command: its streams and environment, and its log once the flags are read.
type app struct {
	env      func(string) string
	in       io.Reader
	out, err io.Writer
	log      *slog.Logger
	logging  loggingFlags
	logFile  io.Closer
	counts   logCounts
	levels   *logging.Levels // of the log, once it is open
}

func newApp(env func(string) string, in io.Reader, out, err io.Writer) *app {
	return &app{env: env, in: in, out: out, err: err, log: slog.New(slog.DiscardHandler)}
}

func (a *app) close() {
	if a.logFile != nil {
		_ = a.logFile.Close() // nothing is left to tell anybody
	}
}

// root makes the tree of commands.
func (a *app) root() *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use:           "parley",
		Short:         "Train and serve conversational assistants",
		Long:          "Parley trains and serves conversational assistants from Rasa project folders.",
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if version {
				return a.printVersion()
			}
			if len(args) > 0 {
				return &usageError{cmd, fmt.Sprintf("invalid choice: %q (choose from %s)", args[0], choices(cmd))}
			}
			if err := cmd.Help(); err != nil {
				return err
			}
			return &endError{code: exitFailure}
		},
		Args: cobra.ArbitraryArgs,
	}
	root.Flags().BoolVar(&version, "version", false, "print the version and exit")
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(&cobra.Command{Use: "no-help", Hidden: true})
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(flagError)
	root.SetUsageFunc(usage)
	root.SetHelpFunc(help)
	for _, cmd := range []*cobra.Command{
		a.initCommand(), a.trainCommand(), a.runCommand(), a.shellCommand(), a.testCommand(), a.dataCommand(), a.versionCommand(),
		a.telemetryCommand(), a.healthCommand(), a.modelCommand(), a.vectorsCommand(), a.importCommand(), a.trainJobCommand(),
	} {
		root.AddCommand(cmd)
	}
	root.AddCommand(a.missingCommands()...)
	a.prepare(root)
	return root
}

// prepare gives every command below parent the logging flags, and has them read before the command runs.
func (a *app) prepare(parent *cobra.Command) {
	for _, cmd := range parent.Commands() {
		a.logging.register(cmd)
		if runs := cmd.RunE; runs != nil {
			cmd.RunE = func(cmd *cobra.Command, args []string) error {
				if err := a.openLog(cmd); err != nil {
					return err
				}
				a.mentionIneffective(cmd)
				return runs(cmd, args)
			}
		}
		a.prepare(cmd)
	}
}

// flagError says what is wrong with a flag in the words of Rasa's parser.
func flagError(cmd *cobra.Command, err error) error {
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		f := invalid.GetFlag()
		return &usageError{cmd, fmt.Sprintf("argument %s: invalid %s value: '%s'", spelledOut(f), f.Value.Type(), invalid.GetValue())}
	}
	return &usageError{cmd, err.Error()}
}

// noArguments refuses positional arguments.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if cmd.HasSubCommands() {
		return &usageError{cmd, fmt.Sprintf("invalid choice: %q (choose from %s)", args[0], choices(cmd))}
	}
	return &usageError{cmd, fmt.Sprintf("unrecognized arguments: %s", args[0])}
}

// The colours of messages to a person.
const (
	red    = "\x1b[91m"
	green  = "\x1b[92m"
	yellow = "\x1b[93m"
	blue   = "\x1b[94m"
	plain  = "\x1b[0m"
)

func (a *app) success(format string, args ...any) { a.print(green, fmt.Sprintf(format, args...)) }
func (a *app) info(format string, args ...any)    { a.print(blue, fmt.Sprintf(format, args...)) }
func (a *app) caution(format string, args ...any) { a.print(yellow, fmt.Sprintf(format, args...)) }
func (a *app) fail(message string)                { a.print(red, message) }

func (a *app) print(colour, message string) {
	if a.isTerminal(a.out) && a.env("NO_COLOR") == "" {
		message = colour + message + plain
	}
	_, _ = fmt.Fprintln(a.out, message)
}

// failWith prints an error. Problems of a project are printed one by one, with file and line and what stands there.
func (a *app) failWith(err error) {
	var several project.Problems
	var one *project.Problem
	var x project.Excerpts
	tell := func(p *project.Problem) {
		a.fail(described(p))
		if e := x.Excerpt(p); e != "" {
			_, _ = fmt.Fprintln(a.out, e)
		}
	}
	switch {
	case errors.As(err, &several):
		for i := range several {
			tell(&several[i])
		}
	case errors.As(err, &one):
		tell(one)
	default:
		a.fail(classified(err))
	}
}

// classified is an error of training with the name that Rasa gives to its kind in front, from where it names a file on; of any
// other error the text.
func classified(err error) string {
	text, class := err.Error(), ""
	switch {
	case errors.Is(err, policy.ErrInvalidRule):
		class = "InvalidRule"
	case errors.Is(err, policy.ErrInvalidDomain):
		class = "InvalidDomain"
	case errors.Is(err, policy.ErrInvalidConfig):
		class = "InvalidConfigException"
	}
	var inner string
	if e, ok := errors.AsType[*policy.Error](err); ok {
		inner = e.Error()
	} else if e, ok := errors.AsType[*nlu.ConfigError](err); ok {
		class, inner = "InvalidConfigException", e.Error()
	}
	if class == "" {
		return text
	}
	if at := strings.Index(text, inner); at > 0 {
		text = text[at:]
	}
	return class + ": " + text
}

// described is a problem with the name that Rasa gives to its kind in front.
func described(p *project.Problem) string {
	if p.Class == "" {
		return p.Error()
	}
	return p.Class + ": " + p.Error()
}

// isTerminal reports whether a stream is a terminal.
func (a *app) isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
