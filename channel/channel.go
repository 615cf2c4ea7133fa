package channel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"parley/dialogue"
)

// Errors of a payload.
var (
	// ErrBadJSON means that a body is not JSON at all.
	ErrBadJSON = errors.New("the body is not valid JSON")
	// ErrBadPayload means that a body is JSON, but not of the shape that the connector asks for.
	ErrBadPayload = errors.New("the body has not the expected shape")
	// ErrBadMessage means that a message cannot be handled: no text, or metadata that is no object.
	ErrBadMessage = errors.New("the message cannot be handled")
)

// Request is what a connector sees of an HTTP request.
type Request struct {
	Method string
	Path   string // below the connector's prefix, without slashes at the ends: "webhook"
	// Body is the raw body, borrowed until Serve returns.
	Body []byte
	// Query returns the first value of a query parameter that is not blank.
	Query func(name string) string
}

// Reply is what a connector answers.
type Reply struct {
	Status      int
	ContentType string
	Body        []byte
	// Stream, when set, writes the body piece by piece in place of Body; every Write reaches the client at once.
	// It runs after Serve has returned and must not use the request.
	Stream func(ctx context.Context, w io.Writer) error
}

// Handler runs one whole turn: it gives every message of the bot to send, in order.
type Handler func(ctx context.Context, msg dialogue.UserMessage, send func(dialogue.BotMessage) error) error

// Channel is a connector.
type Channel interface {
	// Name is the key in credentials.yml and the input channel of its messages.
	Name() string
	// Prefix is the connector's part of the path: /webhooks/<prefix>/.
	Prefix() string
	// Methods lists the HTTP methods that a path below the prefix answers; none: there is no such path.
	Methods(path string) []string
	// Serve handles one request. An error beside a reply says what went wrong in a turn whose reply stands all the same;
	// an error with Reply.Status 0 has no reply.
	Serve(ctx context.Context, r Request, handle Handler) (Reply, error)
}

// Outbound is a channel that can speak without a request to answer.
type Outbound interface {
	// Outbound returns an output for one turn.
	Outbound() Output
}

// Collecting is an output whose messages can be read back.
type Collecting interface {
	// Messages is a JSON array of what was said so far.
	Messages() []byte
}

// builtin are the connectors by their key in credentials.yml.
var builtin = map[string]func(options map[string]any, log *slog.Logger) (Channel, error){
	"callback": func(o map[string]any, log *slog.Logger) (Channel, error) { return newCallback(o, log) },
	"cmdline":  func(map[string]any, *slog.Logger) (Channel, error) { return NewRest("cmdline"), nil },
	"rest":     func(map[string]any, *slog.Logger) (Channel, error) { return NewRest("rest"), nil },
}

// later are the reference's connectors that this version does not have.
var later = []string{
	"botframework", "facebook", "hangouts", "mattermost", "rasa", "rocketchat", "slack", "socketio", "telegram", "twilio",
	"twilio_voice", "webexteams",
}

// Open makes the connector of a key of credentials.yml from its options; a nil log discards.
func Open(name string, options map[string]any, log *slog.Logger) (Channel, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	open, ok := builtin[name]
	switch {
	case ok:
	case slices.Contains(later, name):
		return nil, fmt.Errorf("channel %s: this connector is not part of this version", name)
	case strings.Contains(name, "."):
		return nil, fmt.Errorf("channel %s: connectors written in Python cannot be loaded; run it as a service that talks to the rest or callback channel", name)
	default:
		return nil, fmt.Errorf("channel %s: unknown, the connectors are %s", name, strings.Join(slices.Sorted(maps.Keys(builtin)), ", "))
	}
	c, err := open(options, log.With("channel", name))
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", name, err)
	}
	return c, nil
}
