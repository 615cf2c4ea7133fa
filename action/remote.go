package action

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"

	"parley/dialogue"
)

// statusNoDomain is how newer action servers say that they do not know the domain.
const statusNoDomain = 449

// errNoServer is wrapped by the errors of custom actions when there is no action server.
var errNoServer = errors.New("endpoints.yml has no action_endpoint")

// remote is an action that the action server runs.
func (a *Actions) remote(name string) runner {
	return func(ctx context.Context, c *Call) ([]dialogue.Event, error) { return a.callServer(ctx, c, name) }
}

// callServer has the action server run an action: its messages, then its events (Rasa: core/actions/action.py RemoteAction).
func (a *Actions) callServer(ctx context.Context, c *Call, name string) ([]dialogue.Event, error) {
	if a.server == nil {
		return nil, fmt.Errorf("custom action %s: %w", name, errNoServer)
	}
	if a.cfg.InFlight != nil {
		a.cfg.InFlight(1)
		defer a.cfg.InFlight(-1)
	}
	withDomain := !a.server.selective || a.domain.NeedsDomain(name)
	body := a.request(c.Tracker, name, withDomain)
	if err := c.Tracker.HistoryErr(); err != nil {
		return nil, fmt.Errorf("custom action %s: %w", name, err)
	}
	reply, err := a.server.post(ctx, body, a.cfg.Compress)
	if err == nil && reply.status == statusNoDomain && !withDomain { // who got the domain and lacks it asks in vain
		reply, err = a.server.post(ctx, a.request(c.Tracker, name, true), a.cfg.Compress)
	}
	if err != nil {
		return nil, fmt.Errorf("custom action %s: %w", name, err)
	}
	events, err := a.understand(ctx, c, name, reply)
	var rejected *RejectedError
	if err != nil && !errors.As(err, &rejected) {
		err = fmt.Errorf("custom action %s: %w", name, err)
	}
	return events, err
}

// request is the body of a call.
func (a *Actions) request(t *dialogue.Tracker, name string, withDomain bool) []byte {
	size := 2048 + 256*t.Len()
	if withDomain {
		size += len(a.domain.Raw)
	}
	body := append(make([]byte, 0, size), `{"next_action":`...)
	body = dialogue.AppendString(body, name)
	body = dialogue.AppendString(append(body, `,"sender_id":`...), t.SenderID)
	body = t.AppendJSON(append(body, `,"tracker":`...), dialogue.EventsAll)
	body = dialogue.AppendString(append(body, `,"version":`...), a.cfg.Version)
	if withDomain {
		body = append(body, `,"domain":`...)
		if len(a.domain.Raw) > 0 {
			body = append(body, a.domain.Raw...)
		} else {
			body = append(body, "{}"...)
		}
	}
	return append(body, '}')
}

// understand turns a reply into events.
func (a *Actions) understand(ctx context.Context, c *Call, name string, reply *httpReply) ([]dialogue.Event, error) {
	switch {
	case reply.status == http.StatusBadRequest:
		return nil, rejection(name, reply.body)
	case reply.status == http.StatusNotFound:
		return nil, errors.New("the action server does not have this action (404)")
	case reply.status >= http.StatusBadRequest:
		return nil, fmt.Errorf("the action server answered %d", reply.status)
	case reply.status == http.StatusNoContent:
		return nil, nil
	case !reply.isJSON():
		return nil, fmt.Errorf("the reply is typed %q, not application/json", reply.contentType)
	}
	answer, err := decodeAnswer(reply.body)
	if err != nil {
		return nil, err
	}
	events := make([]dialogue.Event, 0, len(answer.responses)+len(answer.events))
	for i, item := range answer.responses {
		e, err := a.utterItem(ctx, c, item)
		if err != nil {
			return nil, fmt.Errorf("responses: item %d: %w", i, err)
		}
		if e != nil {
			events = append(events, e)
		}
	}
	return append(events, answer.events...), nil
}

// rejection is the error of a reply with status 400: a rejection if it names the action. The action that was called counts, whatever
// the name.
func rejection(name string, body []byte) error {
	v, err := dialogue.DecodeJSON(body)
	if err != nil {
		return fmt.Errorf("the action server answered 400: %w", err)
	}
	answer, ok := v.(map[string]any)
	if _, named := answer["action_name"]; !ok || !named {
		return errors.New("the action server answered 400 without an action_name")
	}
	reason, ok := answer["error"].(string)
	if !ok || reason == "" {
		reason = "no reason given"
	}
	return &RejectedError{Action: name, Reason: reason}
}

// answer is the body of a reply.
type answer struct {
	events    []dialogue.Event
	responses []map[string]any
}

// decodeAnswer reads the body of a reply. One broken item spoils it.
func decodeAnswer(body []byte) (*answer, error) {
	v, err := dialogue.DecodeJSON(body)
	if err != nil {
		return nil, err
	}
	if err := answerSchema.check(v, "reply"); err != nil {
		return nil, err
	}
	object, _ := v.(map[string]any)
	events, _ := object["events"].([]any)
	responses, _ := object["responses"].([]any)
	a := &answer{events: make([]dialogue.Event, 0, len(events)), responses: make([]map[string]any, 0, len(responses))}
	for _, r := range responses {
		item, _ := r.(map[string]any)
		a.responses = append(a.responses, item)
	}
	for i, x := range events {
		item, _ := x.(map[string]any)
		if schema := eventSchemas[dialogue.Kind(text(item["event"]))]; schema != nil {
			if err := schema.check(item, "reply.events"); err != nil {
				return nil, fmt.Errorf("event %d: %w", i, err)
			}
		}
		e, err := dialogue.DecodeEvent(item)
		if err != nil {
			return nil, fmt.Errorf("event %d: %w", i, err)
		}
		if r, ok := e.(*dialogue.ReminderScheduled); ok && r.Name == "" {
			r.Name = randomName()
		}
		a.events = append(a.events, e)
	}
	return a, nil
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// randomName names a reminder that has no name.
func randomName() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// utterItem is one message of a reply as a bot event: a response of the domain under what the item says itself. It is nil when the
// response has nothing to say.
func (a *Actions) utterItem(ctx context.Context, c *Call, item map[string]any) (dialogue.Event, error) {
	d := newDraft()
	if name := item["response"]; dialogue.Truthy(name) {
		args := make(map[string]any, len(item))
		for key, value := range item {
			if key != "response" {
				args[key] = value
			}
		}
		var err error
		if d, err = a.generate(ctx, c, text(name), args); d == nil || err != nil {
			return nil, err
		}
		d.rest["utter_action"] = name
	}
	if buttons := item["buttons"]; dialogue.Truthy(buttons) {
		if err := d.addButtons(buttons); err != nil {
			return nil, err
		}
	}
	for key, value := range item {
		if key != "response" && key != "buttons" && dialogue.Truthy(value) {
			d.set(key, value)
		}
	}
	if _, ok := item["text"].(string); !ok && dialogue.Truthy(item["text"]) {
		// In the reference it breaks the channel, and the whole turn is lost.
		return nil, fmt.Errorf("the text %s is no string but %T", dialogue.PyString(item["text"]), item["text"])
	}
	return d.event(), nil
}
