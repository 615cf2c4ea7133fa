package action

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"parley/dialogue"
)

// ErrUnknownAction is wrapped by the error of Run for a name that is not in the domain.
var ErrUnknownAction = errors.New("the action is not in the domain")

// Config is what actions need from outside.
type Config struct {
	ActionServer *Endpoint       // nil: none configured
	NLG          *Endpoint       // nil: responses of the domain
	Timeout      time.Duration   // of one remote call; 0: 300 s
	MaxReply     int64           // bytes that a remote reply may have, unpacked; 0: 64 MiB
	MaxConns     int             // connections to one endpoint at a time; 0: 512
	Compress     bool            // COMPRESS_ACTION_SERVER_REQUEST: requests to the action server are deflated
	Version      string          // sent to action servers
	Random       func(n int) int // picks among response variations; nil: a random source of its own
	Log          *slog.Logger    // nil: discard
	// Stamp is metadata that the messages of responses have from the start: the ids that a tracker would add to a copy each time.
	Stamp map[string]any
	// InFlight, when set, is called with 1 when a call of the action server begins and with -1 when it ends.
	InFlight func(delta int)
	// Pass, when set, adds to the headers of a call of the action server or the NLG server what continues the trace of its context.
	Pass func(ctx context.Context, h http.Header)
}

// Defaults of Config.
const (
	defaultTimeout  = 300 * time.Second
	defaultMaxReply = 64 << 20
	defaultMaxConns = 512
)

// RejectedError says that an action refused to run (Rasa: ActionExecutionRejection). The action is the one that refused, which
// may be the validator of the form that was run.
type RejectedError struct {
	Action, Reason string
}

// Error names the action and the reason.
func (e *RejectedError) Error() string {
	return "action " + e.Action + " rejected its execution: " + e.Reason
}

// Actions runs the actions of one domain. It is immutable and safe for concurrent use.
type Actions struct {
	domain    *dialogue.Domain
	cfg       Config
	log       *slog.Logger
	runners   map[string]runner
	responses map[string]*response
	plan      []slotPlan
	forms     map[string]*form
	server    *endpoint // nil: none
	nlg       *endpoint // nil: responses of the domain
}

// runner runs one action.
type runner func(ctx context.Context, c *Call) ([]dialogue.Event, error)

// Call is one run of an action.
type Call struct {
	// Tracker is a copy that has the prediction's events. The action does not change it.
	Tracker *dialogue.Tracker
	// Channel is the name of the output: it chooses response variations.
	Channel string
	// Metadata of the prediction.
	Metadata map[string]any
}

// New prepares the actions of a domain. It fails for endpoints that cannot be used: a bad URL, a certificate file that cannot be
// read.
func New(d *dialogue.Domain, cfg Config) (*Actions, error) {
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.MaxReply <= 0 {
		cfg.MaxReply = defaultMaxReply
	}
	if cfg.MaxConns <= 0 {
		cfg.MaxConns = defaultMaxConns
	}
	if cfg.Random == nil {
		cfg.Random = rand.IntN
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	a := &Actions{domain: d, cfg: cfg, log: cfg.Log, responses: make(map[string]*response, len(d.Responses))}
	var err error
	if a.server, err = newEndpoint(cfg.ActionServer, &cfg); err != nil {
		return nil, fmt.Errorf("action endpoint: %w", err)
	}
	if a.nlg, err = newEndpoint(cfg.NLG, &cfg); err != nil {
		return nil, fmt.Errorf("nlg endpoint: %w", err)
	}
	for name, list := range d.Responses {
		a.responses[name] = newResponse(name, list, cfg.Stamp)
	}
	a.forms = make(map[string]*form, len(d.Forms))
	for i := range d.Forms {
		a.forms[d.Forms[i].Name] = a.newForm(&d.Forms[i])
	}
	a.plan = a.newPlan()
	a.runners = make(map[string]runner, len(d.Actions))
	for _, name := range d.Actions {
		a.runners[name] = a.resolve(name)
	}
	return a, nil
}

// Close gives the idle connections of the endpoints back. Calls under way are not touched, and later ones still work.
func (a *Actions) Close() {
	a.server.close()
	a.nlg.close()
}

// resolve finds what runs under a name of the action list (Rasa: core/actions/action.py action_for_name_or_text).
func (a *Actions) resolve(name string) runner {
	d := a.domain
	if run := a.builtin(name); run != nil && !d.IsUserAction(name) && !d.IsForm(name) {
		return run
	}
	if intent, ok := strings.CutPrefix(name, utterPrefix); ok {
		intent, _, _ = strings.Cut(intent, utterPrefix)
		if d.IsRetrievalIntent(intent) {
			return a.retrieval(name, intent)
		}
	}
	if d.IsEndToEndAction(name) {
		return func(context.Context, *Call) ([]dialogue.Event, error) { return a.Text(name), nil }
	}
	if strings.HasPrefix(name, utterPrefix) {
		return a.utter(name, true)
	}
	if f, ok := a.forms[name]; ok && !d.IsUserAction(name) {
		return f.run
	}
	return a.remote(name)
}

// Run runs an action by name and returns its events. A *RejectedError means that the action refused; any other error that nothing
// happened (the action is recorded all the same), among them one that wraps ErrUnknownAction.
func (a *Actions) Run(ctx context.Context, name string, c Call) ([]dialogue.Event, error) {
	run, ok := a.runners[name]
	if !ok {
		return nil, fmt.Errorf("%w: %q is none of %s", ErrUnknownAction, name, strings.Join(a.domain.Actions, ", "))
	}
	return run(ctx, &c)
}

// Text runs an end-to-end action: the bot says the text.
func (a *Actions) Text(text string) []dialogue.Event {
	return []dialogue.Event{&dialogue.BotUttered{Text: text, Data: noData}}
}
