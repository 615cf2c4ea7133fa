package worker

import (
	"context"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"parley/channel"
	"parley/dialogue"
	"parley/trackerstore"
)

// What this server has and the reference has not: a turn in one call, and a list of conversations.

// chatChannel is the input channel of messages to /chat.
const chatChannel = "chat"

// maxListed bounds a page of conversations.
const maxListed = 1000

// window says how much of a tracker's events an answer may list.
type window struct {
	last     int // events; below 0: all
	maxBytes int // of the answer; 0: no limit
}

// window reads the query parameters last and max_bytes.
func (c *call) window() (w window, err error) {
	w.last = -1
	read := func(name string, least int, into *int) error {
		v := c.query(name)
		if v == "" {
			return nil
		}
		n, err := strconv.Atoi(v)
		if err != nil || n < least {
			return &apiError{
				Status: 400, Reason: "BadRequest", Parameter: name, In: "query",
				Message: "Invalid parameter value for '" + name + "'. It has to be a whole number of at least " + strconv.Itoa(least) + ".",
			}
		}
		*into = n
		return nil
	}
	return w, errors.Join(read("last", 0, &w.last), read("max_bytes", 1, &w.maxBytes))
}

// stateOf is a tracker with the newest of its events that the window has room for, beside so many bytes of other things. fits is false
// when it is too large even without events.
func (w window) stateOf(t *dialogue.Tracker, v dialogue.Verbosity, beside int) (state []byte, fits bool) {
	events := t.Listed(v)
	if w.last >= 0 && len(events) > w.last {
		events = events[len(events)-w.last:]
	}
	if w.maxBytes == 0 || events == nil {
		state = t.AppendStateJSON(make([]byte, 0, 4096), events)
		return state, w.maxBytes == 0 || len(state)+beside <= w.maxBytes
	}
	bare := t.AppendStateJSON(make([]byte, 0, 4096), []dialogue.Event{})
	room, first := w.maxBytes-len(bare)-beside, len(events)
	if room < 0 {
		return bare, false
	}
	for one := []byte(nil); first > 0; first-- { // of a list of one event, its brackets are what a comma needs, and one more
		one = dialogue.AppendEventsJSON(one[:0], events[first-1:first])
		if room -= len(one) - 1; room < -1 {
			break
		}
	}
	return t.AppendStateJSON(make([]byte, 0, 4096), events[first:]), true
}

// chat is POST /conversations/<id>/chat: a message in, what the bot says and the state of the conversation out.
func (w *Worker) chat(ctx context.Context, c *call) error {
	o, err := c.object()
	if err != nil {
		return err
	}
	text, ok := o["message"].(string)
	if !ok {
		return badBody("message", "The message is missing or no string.")
	}
	text = strings.TrimSpace(text)
	msg := dialogue.UserMessage{Text: &text, SenderID: c.sender(), InputChannel: chatChannel, OutputChannel: "collector"}
	if v, given := o["metadata"]; given && v != nil {
		if msg.Metadata, ok = v.(map[string]any); !ok {
			return badBody("metadata", "The metadata of a message have to be an object.")
		}
	}
	v, err := c.verbosity(dialogue.EventsNone)
	if err != nil {
		return err
	}
	win, err := c.window()
	if err != nil {
		return err
	}
	if err := w.needsCore(); err != nil {
		return err
	}
	answer := func(t *dialogue.Tracker, messages []byte) []byte {
		b := append(append(make([]byte, 0, 4096), `{"messages":`...), messages...)
		b = append(b, `,"tracker":`...)
		state, _ := win.stateOf(t, v, len(b)+1)
		return append(append(b, state...), '}')
	}
	ctx = c.identified(ctx, func(t *dialogue.Tracker, said []dialogue.BotMessage) []byte { return answer(t, collected(ctx, said)) })
	out := channel.NewCollector()
	t, err := w.cfg.Bot.Chat(ctx, msg, func(m dialogue.BotMessage) error { return channel.Dispatch(ctx, out, m) })
	if err != nil {
		return err
	}
	return c.json(answer(t, out.Body()))
}

// conversationPage is GET /conversations?limit=: a page of ids, and where the next page begins.
func (w *Worker) conversationPage(ctx context.Context, c *call) error {
	limit, err := strconv.Atoi(c.query("limit"))
	if err != nil || limit < 1 || limit > maxListed {
		return &apiError{
			Status: 400, Reason: "BadRequest", Parameter: "limit", In: "query",
			Message: "Invalid parameter value for 'limit'. It has to be a number of conversations from 1 to " + strconv.Itoa(maxListed) + ".",
		}
	}
	badCursor := &apiError{
		Status: 400, Reason: "BadRequest", Parameter: "cursor", In: "query",
		Message: "Invalid parameter value for 'cursor'. It has to be 'next' of the page before.",
	}
	cursor, err := base64.RawURLEncoding.DecodeString(c.query("cursor"))
	if err != nil {
		return badCursor
	}
	ids, next, err := w.cfg.Store.List(ctx, string(cursor), limit)
	switch {
	case errors.Is(err, trackerstore.ErrBadCursor):
		return badCursor
	case err != nil:
		return err
	}
	b := []byte(`{"conversations":[`)
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = dialogue.AppendString(b, id)
	}
	b = appendNullable(append(b, `],"next":`...), base64.RawURLEncoding.EncodeToString([]byte(next)))
	return c.json(append(b, '}'))
}
