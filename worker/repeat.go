package worker

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"parley/agent"
	"parley/channel"
	"parley/dialogue"
	"parley/trackerstore"
)

// Headers of requests that may be repeated.
const (
	headerKey      = "Idempotency-Key"
	headerReplayed = "Idempotency-Replayed"
)

// errNotKept answers a repetition of what was answered at too great a length.
var errNotKept = &apiError{
	Status: http.StatusConflict, Reason: "ReplyNotKept",
	Message: "The request was answered before, and the reply was too long to be kept. What came of it is in the conversation.",
}

// once makes the repetitions of a request with an Idempotency-Key get the answer to the first: the handler says with
// call.identified what that is.
func (w *Worker) once(handle handler) handler {
	return func(ctx context.Context, c *call) error {
		err := handle(ctx, c)
		if r, ok := errors.AsType[*trackerstore.Repeated](err); ok {
			return c.replay(r, typeJSON, r.Reply)
		}
		return err
	}
}

// identified is the context for a turn that answers the request, if the request has a key of its own.
func (c *call) identified(ctx context.Context, reply agent.Reply) context.Context {
	key := c.key()
	if key == "" {
		return ctx
	}
	r := trackerstore.Request{Key: c.Method() + " " + c.route.template + " " + key, Body: string(c.body())}
	return agent.WithRequest(ctx, r, reply)
}

// key is the client's name for the request, "" if it gave none.
func (c *call) key() string { return string(c.Context().Request.Header.Peek(headerKey)) }

// replay answers with what was answered before.
func (c *call) replay(r *trackerstore.Repeated, contentType string, body []byte) error {
	c.Context().Response.Header.Set(headerReplayed, "true")
	if r.Omitted {
		return errNotKept
	}
	return c.reply(http.StatusOK, contentType, body)
}

// asked is a request to a webhook, as far as its repetitions can be recognised.
type asked struct {
	w     *Worker
	route string
	key   string // of the header
	body  []byte // borrowed, unless a stream may come of it

	// status is told, once, when it is settled with which status a stream begins: an error that the client has to see, or nil.
	status chan error
}

// settle says with which status a stream begins, unless that has been said.
func (a *asked) settle(err error) {
	select {
	case a.status <- err:
	default:
	}
}

// turn hands a message to the bot. What identifies it is the client's key, or else the message's own id.
func (a *asked) turn(ctx context.Context, msg dialogue.UserMessage, send func(dialogue.BotMessage) error) error {
	if key := cmp.Or(a.key, msg.MessageID); key != "" {
		r := trackerstore.Request{Key: http.MethodPost + " " + a.route + " " + key, Body: string(a.body)}
		ctx = agent.WithRequest(ctx, r, func(_ *dialogue.Tracker, said []dialogue.BotMessage) []byte { return collected(ctx, said) })
	} else if a.status != nil {
		a.settle(nil) // nothing can turn out to have been answered before
	}
	return a.w.cfg.Bot.Handle(ctx, msg, send)
}

// collected is what a collecting channel answers.
func collected(ctx context.Context, said []dialogue.BotMessage) []byte {
	out := channel.NewCollector()
	for _, m := range said {
		_ = channel.Dispatch(ctx, out, m) // it only collects
	}
	return out.Body()
}

// linesOf writes a stored answer as a stream has it: a message a line.
func linesOf(reply []byte) []byte {
	var messages []json.RawMessage
	if err := json.Unmarshal(reply, &messages); err != nil {
		return nil
	}
	lines := make([]byte, 0, len(reply)+1)
	for _, m := range messages {
		lines = append(append(lines, m...), '\n')
	}
	return lines
}
