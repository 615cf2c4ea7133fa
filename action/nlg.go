package action

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"parley/dialogue"
)

// fromNLG asks the NLG server for a response; args is what an action server's item has beside the name
// (Rasa: core/nlg/callback.py).
func (a *Actions) fromNLG(ctx context.Context, c *Call, name string, args map[string]any) (*draft, error) {
	reply, err := a.nlg.post(ctx, a.nlgRequest(c, name, args), false)
	if err != nil {
		return nil, fmt.Errorf("response %s: %w", name, err)
	}
	d, err := readNLG(reply)
	if err != nil {
		return nil, fmt.Errorf("response %s: nlg server: %w", name, err)
	}
	return d, nil
}

// nlgRequest is the body of a call.
func (a *Actions) nlgRequest(c *Call, name string, args map[string]any) []byte {
	body := append(make([]byte, 0, 2048+256*c.Tracker.Len()), `{"response":`...)
	body = dialogue.AppendString(body, name)
	body = append(body, `,"id":`...)
	id := ""
	if r := a.responses[name]; r != nil {
		id = r.variationID(c.Channel, c.Tracker.State().Slots)
	}
	if id == "" {
		body = append(body, "null"...)
	} else {
		body = dialogue.AppendString(body, id)
	}
	body = append(body, `,"arguments":`...)
	if args == nil {
		body = append(body, "{}"...)
	} else {
		body = dialogue.AppendJSON(body, args)
	}
	body = c.Tracker.AppendJSON(append(body, `,"tracker":`...), dialogue.EventsAll)
	body = dialogue.AppendString(append(body, `,"channel":{"name":`...), c.Channel)
	return append(body, `}}`...)
}

// readNLG reads a reply. Its texts are not filled.
func readNLG(reply *httpReply) (*draft, error) {
	if reply.status >= http.StatusBadRequest {
		return nil, fmt.Errorf("it answered %d", reply.status)
	}
	if !reply.isJSON() {
		return nil, fmt.Errorf("the reply is typed %q, not application/json", reply.contentType)
	}
	v, err := dialogue.DecodeJSON(reply.body)
	if err != nil {
		return nil, err
	}
	message, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("the reply is " + typeName(v) + ", not an object")
	}
	if err := nlgSchema.check(message, "reply"); err != nil {
		return nil, err
	}
	d := newDraft()
	for key, value := range message {
		d.set(key, value)
	}
	return d, nil
}
