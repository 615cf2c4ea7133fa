package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/peterh/liner"
	"github.com/spf13/cobra"

	"parley/agent"
	"parley/channel"
	"parley/dialogue"
	"parley/model"
	"parley/project"
	"parley/trackerstore"
)

func (a *app) shellCommand() *cobra.Command {
	var s serverFlags
	var conversation string
	cmd := &cobra.Command{
		Use:   "shell [model]",
		Short: "Talk to a trained model in the terminal",
		Args:  atMostOneModel,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.complete(cmd, a, args); err != nil {
				return err
			}
			return a.shell(cmd.Context(), s, conversation)
		},
	}
	s.register(cmd, a)
	cmd.Flags().StringVar(&conversation, "conversation-id", "", "`ID` of the conversation; not given: a new one")
	later(cmd.Flags(), "a server beside the shell; use 'parley run'", "port", "interface", "admin-port", "auth-token", "cors", "enable-api",
		"response-timeout", "request-timeout", "remote-storage", "ssl-certificate", "ssl-keyfile", "ssl-ca-file", "ssl-password",
		"credentials", "connector", "jwt-secret", "jwt-method", "jwt-private-key")

	var path string
	nlu := &cobra.Command{
		Use:   "nlu [model]",
		Short: "See what a trained model understands",
		Args:  atMostOneModel,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				path = args[0]
			}
			return a.shellNLU(cmd.Context(), path)
		},
	}
	nlu.Flags().StringVarP(&path, "model", "m", defaultModels, "`PATH` of a trained model, or of a folder whose newest is used")
	cmd.AddCommand(nlu)
	return cmd
}

// shellModel reads the model to talk to.
func (a *app) shellModel(path string) (*model.Model, error) {
	if !exists(path) && !exists(defaultModels) {
		return nil, failure("The path '%s' does not exist. Please make sure to train a model first, or to name one with '--model'.", path)
	}
	m, err := a.loadModel(path)
	if errors.Is(err, model.ErrNoModel) {
		return nil, &endError{code: exitOK, msg: fmt.Sprintf("No model found in '%s'. Train a model before you talk to it: 'parley train'.", path)}
	}
	return m, err
}

// shell is parley shell.
func (a *app) shell(ctx context.Context, s serverFlags, conversation string) error {
	m, err := a.shellModel(s.model)
	if err != nil {
		return err
	}
	endpoints, err := a.loadEndpoints(s)
	if err != nil {
		return err
	}
	if m.Policies == nil {
		a.info("The model understands, but does not converse: you see what it understands.")
		return a.understand(ctx, m, endpoints)
	}
	bot, err := a.shellAgent(m, endpoints)
	if err != nil {
		return err
	}
	if conversation == "" {
		var b [16]byte
		_, _ = rand.Read(b[:]) // never fails
		conversation = hex.EncodeToString(b[:])
	}
	out := &terminalOutput{app: a}
	return a.loop(ctx, m, "Talk to the bot; /help lists the commands.", func(ctx context.Context, line string) error {
		if n, ok := out.choice(line); ok {
			line = n
		}
		out.payloads = nil
		msg := dialogue.UserMessage{Text: &line, SenderID: conversation, InputChannel: "cmdline", OutputChannel: out.Name()}
		return bot.Handle(ctx, msg, func(m dialogue.BotMessage) error { return channel.Dispatch(ctx, out, m) })
	})
}

// shellNLU is parley shell nlu.
func (a *app) shellNLU(ctx context.Context, path string) error {
	m, err := a.shellModel(path)
	if err != nil {
		return err
	}
	if m.NLU == nil {
		return &endError{code: exitOK, msg: "The model was trained without NLU: it understands nothing. Train it with examples first."}
	}
	return a.understand(ctx, m, &project.Endpoints{})
}

// understand prints what a model makes of each line.
func (a *app) understand(ctx context.Context, m *model.Model, e *project.Endpoints) error {
	bot, err := a.shellAgent(m, e)
	if err != nil {
		return err
	}
	return a.loop(ctx, m, "Type a message to see what is understood; /help lists the commands.", func(ctx context.Context, line string) error {
		parse, err := bot.Parse(ctx, line)
		if err != nil {
			return err
		}
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, parse.AppendJSON(nil), "", "  "); err != nil {
			return fmt.Errorf("print the parse: %w", err)
		}
		_, err = fmt.Fprintln(a.out, pretty.String())
		return err
	})
}

// shellAgent is an agent for one person.
func (a *app) shellAgent(m *model.Model, e *project.Endpoints) (*agent.Agent, error) {
	actions, err := a.actionConfig(e)
	if err != nil {
		return nil, err
	}
	bot, err := agent.New(agent.Config{Conversations: trackerstore.NewMemory(), Actions: actions, Log: a.log})
	if err != nil {
		return nil, err
	}
	return bot, bot.Swap(m)
}

// loop reads lines and answers them until the input or the context ends, or the user has had enough.
func (a *app) loop(ctx context.Context, m *model.Model, welcome string, answer func(ctx context.Context, line string) error) error {
	a.success("Model %s is loaded. %s", m.File, welcome)
	lines := a.lines()
	defer lines.close()
	for ctx.Err() == nil {
		line, err := lines.read("you> ")
		if errors.Is(err, io.EOF) || errors.Is(err, liner.ErrPromptAborted) {
			lines.leave()
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the next line: %w", err)
		}
		line = strings.TrimSpace(line)
		switch command, _, _ := strings.Cut(line, " "); {
		case line == "":
			continue
		case command == "/quit" || command == "/stop" || command == "/exit":
			return nil
		case command == "/help" || strings.HasPrefix(line, "/") && !isIntentMessage(m.Domain, line):
			if command != "/help" {
				a.caution("There is neither a command nor an intent %s.", command)
			}
			a.info("/quit, Ctrl-D   leave\n/help           this list\n/INTENT         say an intent of the domain by its name, such as /greet or /inform{\"key\": \"value\"}\n" +
				"a number        press that button\nanything else   is said to the bot")
			continue
		}
		if err := answer(ctx, line); err != nil {
			if ctx.Err() != nil {
				return nil // the user ended it
			}
			a.fail(err.Error())
		}
	}
	return nil
}

// isIntentMessage reports whether a line names an intent: /greet, /inform{"a": 1}, /faq/join, /greet@0.9.
func isIntentMessage(d *dialogue.Domain, line string) bool {
	name := strings.TrimPrefix(line, "/")
	if i := strings.IndexAny(name, "{@ "); i >= 0 {
		name = name[:i]
	}
	base, _, _ := strings.Cut(name, "/")
	return d == nil || d.HasIntent(name) || d.HasIntent(base)
}

// lineReader reads what a person types.
type lineReader interface {
	read(prompt string) (string, error)
	leave() // the line that was begun is not finished
	close()
}

// lines reads from the terminal with editing and history, or plainly from anything else.
func (a *app) lines() lineReader {
	if !a.isTerminal(a.in) || !a.isTerminal(a.out) {
		return &plainLines{scanner: bufio.NewScanner(a.in)}
	}
	state := liner.NewLiner()
	state.SetCtrlCAborts(true)
	return &editedLines{state, a.out}
}

type editedLines struct {
	state *liner.State
	out   io.Writer
}

func (l *editedLines) read(prompt string) (string, error) {
	line, err := l.state.Prompt(prompt)
	if err == nil && strings.TrimSpace(line) != "" {
		l.state.AppendHistory(line)
	}
	return line, err //nolint:wrapcheck // the caller wraps what is no end
}

func (l *editedLines) leave() { _, _ = fmt.Fprintln(l.out) } // the prompt's line ends

func (l *editedLines) close() { _ = l.state.Close() } // the terminal is all there is to lose

type plainLines struct{ scanner *bufio.Scanner }

func (l *plainLines) read(string) (string, error) {
	if l.scanner.Scan() {
		return l.scanner.Text(), nil
	}
	if err := l.scanner.Err(); err != nil {
		return "", err //nolint:wrapcheck // the caller wraps it
	}
	return "", io.EOF
}

func (l *plainLines) leave() {}

func (l *plainLines) close() {}

// terminalOutput prints what the bot says. Buttons get numbers, which the user may type.
type terminalOutput struct {
	app      *app
	payloads []string
}

// Name implements channel.Output.
func (o *terminalOutput) Name() string { return "cmdline" }

// SendText implements channel.Output.
func (o *terminalOutput) SendText(_ context.Context, _, text string) error {
	o.app.info("%s", text)
	return nil
}

// SendButtons implements channel.ButtonSender.
func (o *terminalOutput) SendButtons(_ context.Context, _ string, text *string, buttons []any) error { //nolint:unparam // the interface wants it
	if text != nil && *text != "" {
		o.app.info("%s", *text)
	}
	for _, b := range buttons {
		button, ok := b.(map[string]any)
		if !ok {
			continue
		}
		payload, _ := button["payload"].(string)
		title, _ := button["title"].(string)
		if payload == "" {
			payload = title
		}
		o.payloads = append(o.payloads, payload)
		o.app.info("  %d: %s (%s)", len(o.payloads), title, payload)
	}
	return nil
}

// choice is the payload of the button whose number was typed.
func (o *terminalOutput) choice(line string) (string, bool) {
	for i, payload := range o.payloads {
		if line == fmt.Sprint(i+1) {
			return payload, true
		}
	}
	return "", false
}
