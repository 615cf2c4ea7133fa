package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"parley/channel"
	"parley/dialogue"
	"parley/trackerstore"
)

// sender is the conversation that a path means; the empty one is the default.
func (c *call) sender() string {
	if c.id == "" {
		return "default"
	}
	return c.id
}

// state answers with a tracker.
func (c *call) state(t *dialogue.Tracker, v dialogue.Verbosity) error {
	return c.json(stateOf(t, v))
}

func stateOf(t *dialogue.Tracker, v dialogue.Verbosity) []byte {
	return t.AppendJSON(make([]byte, 0, 4096), v)
}

// answersState is the context for a turn whose answer is the tracker.
func (c *call) answersState(ctx context.Context, v dialogue.Verbosity) context.Context {
	return c.identified(ctx, func(t *dialogue.Tracker, _ []dialogue.BotMessage) []byte { return stateOf(t, v) })
}

// acted answers with a tracker and, if the response is where they go, the bot's messages.
func (c *call) acted(t *dialogue.Tracker, v dialogue.Verbosity, out *outlet) error {
	if out.err != nil {
		return out.err
	}
	if collected, ok := out.Output.(channel.Collecting); ok {
		return c.json(actedOf(t, v, collected.Messages()))
	}
	return c.json(actedOf(t, v, nil))
}

// actedOf is a tracker and messages, nil: those went elsewhere.
func actedOf(t *dialogue.Tracker, v dialogue.Verbosity, messages []byte) []byte {
	b := append(make([]byte, 0, 4096), `{"tracker":`...)
	b = t.AppendJSON(b, v)
	if messages != nil {
		b = append(b, `,"messages":`...)
		b = append(b, messages...)
	}
	return append(b, '}')
}

// answersActed is the context for a turn whose answer is the tracker and, if the response is where they go, the bot's messages.
func (c *call) answersActed(ctx context.Context, v dialogue.Verbosity, out *outlet) context.Context {
	_, here := out.Output.(channel.Collecting)
	return c.identified(ctx, func(t *dialogue.Tracker, said []dialogue.BotMessage) []byte {
		if here {
			return actedOf(t, v, collected(ctx, said))
		}
		return actedOf(t, v, nil)
	})
}

// tracker is GET /conversations/<id>/tracker.
func (w *Worker) tracker(ctx context.Context, c *call) error {
	v, err := c.verbosity(c.oldVerbosity())
	if err != nil {
		return err
	}
	win, err := c.window()
	if err != nil {
		return err
	}
	t, err := w.cfg.Bot.Tracker(ctx, c.sender())
	if err != nil {
		return err
	}
	if seconds, ok := c.until(); ok {
		t = upTo(t, seconds)
	}
	state, fits := win.stateOf(t, v, 0)
	if !fits {
		return &apiError{
			Status: 400, Reason: "BadRequest", Parameter: "max_bytes", In: "query",
			Message: fmt.Sprintf("The state without its events has %d bytes.", len(state)),
		}
	}
	return c.json(state)
}

// upTo is a tracker as it was: its events in stored order until the first one that is later.
func upTo(t *dialogue.Tracker, seconds float64) *dialogue.Tracker {
	past := dialogue.NewTracker(t.SenderID, t.Domain())
	past.Append(before(t.Events(0), seconds)...)
	return past
}

func before(events []dialogue.Event, seconds float64) []dialogue.Event {
	for i, e := range events {
		if at := e.Head().Timestamp; math.IsNaN(seconds) || at > seconds {
			return events[:i]
		}
	}
	return events
}

// events reads and checks the body of events: a list, or one event, which counts as a list.
func (c *call) events() ([]dialogue.Event, error) {
	v, err := c.value()
	if err != nil {
		return nil, err
	}
	if o, ok := v.(map[string]any); ok {
		v = []any{o}
	}
	if err := checkEvents(v); err != nil {
		return nil, &apiError{
			Status: 400, Reason: "BadRequest", Help: helpPages,
			Message: "The supplied events are not valid. " + err.Error(),
		}
	}
	list, _ := v.([]any)
	return decodeEvents(list)
}

// decodeEvents makes events of checked objects.
func decodeEvents(list []any) ([]dialogue.Event, error) {
	events := make([]dialogue.Event, 0, len(list))
	for i, item := range list {
		o, _ := item.(map[string]any)
		e, err := dialogue.DecodeEvent(o)
		switch {
		case errors.Is(err, dialogue.ErrIgnoredEvent):
		case err != nil:
			return nil, eventError{i, err}
		default:
			events = append(events, e)
		}
	}
	return events, nil
}

// eventError says which event passes the schema but makes no sense.
type eventError struct {
	index int
	err   error
}

// Error names the event.
func (e eventError) Error() string { return fmt.Sprintf("event %d: %v", e.index, e.err) }

// Unwrap returns what is wrong.
func (e eventError) Unwrap() error { return e.err }

// appendEvents is POST /conversations/<id>/tracker/events.
func (w *Worker) appendEvents(ctx context.Context, c *call) error {
	events, err := c.events()
	if bad := new(eventError); err != nil && !errors.As(err, bad) {
		return err
	}
	v, verr := c.verbosity(dialogue.EventsAfterRestart)
	if verr != nil {
		return verr
	}
	if err != nil {
		return err
	}
	if len(events) == 0 {
		return badBody("", "No event that could be appended was found in the request body.")
	}
	effects := c.flag("execute_side_effects", false)
	out := &outlet{Output: channel.NewCollector()}
	if effects {
		if out, err = w.output(ctx, c); err != nil {
			return err
		}
	}
	if c.compat() == CompatCore8 && c.query("include_events") == "" {
		v = dialogue.EventsNone
	}
	t, err := w.cfg.Bot.AppendEvents(c.answersState(ctx, v), c.sender(), events, effects, out.Name(), out.send(ctx))
	if err = errors.Join(err, out.err); err != nil {
		return err
	}
	return c.state(t, v)
}

// replaceEvents is PUT /conversations/<id>/tracker/events.
func (w *Worker) replaceEvents(ctx context.Context, c *call) error {
	events, err := c.events()
	if bad := new(eventError); err != nil && !errors.As(err, bad) {
		return err
	}
	v, verr := c.verbosity(dialogue.EventsAfterRestart)
	if verr != nil {
		return verr
	}
	if err != nil {
		return err
	}
	t, err := w.cfg.Bot.ReplaceEvents(c.answersState(ctx, v), c.sender(), events)
	if err != nil {
		return err
	}
	return c.state(t, v)
}

// addMessage is POST /conversations/<id>/messages.
func (w *Worker) addMessage(ctx context.Context, c *call) error {
	if len(bytes.TrimSpace(c.body())) == 0 {
		return badRequest("No message defined in request body. Add a message to the request body in order to add it to the tracker.")
	}
	o, err := c.object()
	if err != nil {
		return err
	}
	v, err := c.verbosity(dialogue.EventsAfterRestart)
	if err != nil {
		return err
	}
	if sender, _ := o["sender"].(string); sender != "user" {
		return c.unsupportedSender(fmt.Sprintf("Currently, only user messages can be passed to this endpoint. "+
			"Messages of sender '%v' cannot be handled.", o["sender"]))
	}
	msg := dialogue.UserMessage{SenderID: c.sender(), OutputChannel: "collector"}
	if _, ok := o["text"]; !ok && c.compat() == CompatCore14 {
		o["text"] = o["message"]
	}
	switch text := o["text"].(type) {
	case nil:
	case string:
		text = strings.TrimSpace(text)
		msg.Text = &text
	default:
		return badBody("text", "The text of a message has to be a string.")
	}
	if msg.Parse, err = parseData(o["parse_data"]); err != nil {
		return err
	}
	if msg.Text == nil && msg.Parse == nil {
		return mistake{errors.New("the message has no text")}
	}
	t, err := w.cfg.Bot.AddMessage(c.answersState(ctx, v), msg)
	if err != nil {
		return err
	}
	return c.state(t, v)
}

// parseData reads what a message was already understood to mean; null and {} mean that it was not.
func parseData(v any) (*dialogue.Parse, error) {
	if v == nil {
		return nil, nil
	}
	o, ok := v.(map[string]any)
	switch {
	case !ok:
		return nil, mistake{errors.New("parse_data is no object")}
	case len(o) == 0:
		return nil, nil
	}
	for _, key := range []string{"intent", "entities"} {
		if _, ok := o[key]; !ok {
			return nil, mistake{fmt.Errorf("parse_data has no %q", key)}
		}
	}
	p, err := dialogue.DecodeParse(o)
	if err != nil {
		return nil, mistake{fmt.Errorf("parse_data: %w", err)}
	}
	return &p, nil
}

// execute is POST /conversations/<id>/execute.
func (w *Worker) execute(ctx context.Context, c *call) error {
	o, err := c.object()
	if err != nil {
		return err
	}
	if blank(o["name"]) && c.compat() == CompatCore14 {
		o["name"] = o["action"]
	}
	if blank(o["name"]) {
		return badBody("name", "Name of the action not provided in request body.")
	}
	v, err := c.verbosity(dialogue.EventsAfterRestart)
	if err != nil {
		return err
	}
	name, ok := o["name"].(string)
	if !ok {
		return mistake{fmt.Errorf("the action's name has to be a string, not %v", o["name"])}
	}
	policyName, _ := o["policy"].(string)
	confidence, _ := numberOf(o["confidence"])
	out, err := w.output(ctx, c)
	if err != nil {
		return err
	}
	t, err := w.cfg.Bot.Execute(c.answersActed(ctx, v, out), c.sender(), name, policyName, confidence, out.Name(), out.send(ctx))
	if err != nil {
		return err
	}
	return c.acted(t, v, out)
}

// triggerIntent is POST /conversations/<id>/trigger_intent.
func (w *Worker) triggerIntent(ctx context.Context, c *call) error {
	o, err := c.object()
	if err != nil {
		return err
	}
	if blank(o["name"]) {
		return badBody("name", "Name of the intent not provided in request body.")
	}
	v, err := c.verbosity(dialogue.EventsAfterRestart)
	if err != nil {
		return err
	}
	name, ok := o["name"].(string)
	if !ok {
		return &apiError{Status: 404, Reason: "NotFound", Message: fmt.Sprintf("The intent %v is not in the domain.", o["name"])}
	}
	out, err := w.output(ctx, c)
	if err != nil {
		return err
	}
	entities := o["entities"]
	switch given := entities.(type) {
	case nil, []any:
	case map[string]any:
		entities = inOrder(given, c.body())
	default:
		w.log.Warn("entities of a triggered intent were ignored: neither a list nor an object", "sender_id", c.sender())
		entities = nil
	}
	t, err := w.cfg.Bot.Trigger(c.answersActed(ctx, v, out), c.sender(), name, entities, out.Name(), out.send(ctx))
	if err != nil {
		return err
	}
	return c.acted(t, v, out)
}

// inOrder lists the entities of an object in the order in which the body names them, which is the order of slots they fill.
func inOrder(given map[string]any, body []byte) any {
	if len(given) < 2 {
		return given
	}
	v, err := orderedJSON(body)
	if err != nil {
		return given
	}
	list := make([]any, 0, len(given))
	seen := map[string]bool{}
	object, _ := v.(fields)
	for _, f := range object {
		names, ok := f.value.(fields)
		if f.key != "entities" || !ok {
			continue
		}
		list = list[:0] // of repeated keys the last counts
		clear(seen)
		for _, n := range names {
			if !seen[n.key] {
				seen[n.key] = true
				list = append(list, map[string]any{"entity": n.key, "value": given[n.key]})
			}
		}
	}
	return list
}

// blank is what counts as a missing name.
func blank(v any) bool { return v == nil || v == "" }

func numberOf(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// deleteConversation is DELETE /conversations/<id>, which the reference does not have. A conversation that is not there is
// answered as the reference answers the path.
func (w *Worker) deleteConversation(ctx context.Context, c *call) error {
	err := w.cfg.Store.Delete(ctx, c.sender())
	if errors.Is(err, trackerstore.ErrNotFound) {
		return notFound(rawPath(c.Context().Request.Header.RequestURI()))
	}
	if err != nil {
		return err
	}
	return c.noContent()
}

// deleteTracker is DELETE /conversations/<id>/tracker, the same. The reference does not allow it, and so it is answered where
// there is nothing to delete (conformance case http-basic).
func (w *Worker) deleteTracker(ctx context.Context, c *call) error {
	err := w.cfg.Store.Delete(ctx, c.sender())
	if errors.Is(err, trackerstore.ErrNotFound) {
		return notAllowed(c.Context(), c.route, w.cfg.Compat.profile(), rawPath(c.Context().Request.Header.RequestURI()))
	}
	if err != nil {
		return err
	}
	return c.noContent()
}

// story is GET /conversations/<id>/story.
func (w *Worker) story(ctx context.Context, c *call) error {
	all, scope := c.flag("all_sessions", false), trackerstore.LatestSession
	if all {
		scope = trackerstore.AllSessions
	}
	t, err := w.cfg.Bot.Stored(ctx, c.sender(), scope)
	if err != nil {
		return err
	}
	sessions := sessionsOf(t.Events(0), all)
	if seconds, ok := c.until(); ok {
		for i := range sessions {
			sessions[i] = before(sessions[i], seconds)
		}
		sessions = slices.DeleteFunc(sessions, func(s []dialogue.Event) bool { return len(s) == 0 })
	}
	if c.compat() == CompatCore14 {
		return c.reply(200, typeText, appendMarkdown(nil, c.sender(), sessions))
	}
	return c.reply(200, typeText, appendStories(nil, c.sender(), sessions))
}
