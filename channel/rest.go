package channel

import (
	"context"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"parley/dialogue"
)

// Rest is the rest channel: a message comes in as JSON, the answers go back in the response, all at the end or, with
// ?stream=true, a line of JSON each as they are said.
type Rest struct{ name string }

// NewRest returns the channel under a name: "rest", or "cmdline" for the shell, which uses the same path.
func NewRest(name string) *Rest { return &Rest{name: name} }

// Name implements Channel.
func (r *Rest) Name() string { return r.name }

// Prefix implements Channel.
func (r *Rest) Prefix() string { return "rest" }

// Methods implements Channel.
func (r *Rest) Methods(path string) []string { return postWebhook(path) }

func postWebhook(path string) []string {
	if path == "webhook" {
		return []string{http.MethodPost}
	}
	return nil
}

// Serve implements Channel. A turn that fails answers with what was said before.
func (r *Rest) Serve(ctx context.Context, req Request, handle Handler) (Reply, error) {
	stream := strings.EqualFold(req.Query("stream"), "true")
	msg, err := decodeMessage(req.Body, r.name, true)
	if isPayload(err) {
		return Reply{}, err
	}
	if stream {
		return streamReply(msg, err, handle), nil
	}
	out := NewCollector()
	if err == nil {
		msg.OutputChannel = out.Name()
		err = handle(ctx, msg, func(m dialogue.BotMessage) error { return Dispatch(ctx, out, m) })
	}
	return Reply{Status: http.StatusOK, ContentType: "application/json", Body: out.Body()}, err
}

// streamReply answers line by line. When the client has gone the turn goes on: what it does is kept, nobody reads it.
func streamReply(msg dialogue.UserMessage, refused error, handle Handler) Reply {
	stream := func(ctx context.Context, w io.Writer) error {
		if refused != nil {
			return refused
		}
		var gone error
		out := newQueue(func(_ context.Context, message []byte) error {
			if gone == nil {
				_, gone = w.Write(append(message, '\n'))
			}
			return nil
		})
		msg.OutputChannel, msg.Stream = out.Name(), true
		if err := handle(ctx, msg, func(m dialogue.BotMessage) error { return Dispatch(ctx, out, m) }); err != nil {
			return err
		}
		return gone
	}
	return Reply{Status: http.StatusOK, ContentType: "text/event-stream", Stream: stream}
}

// decodeMessage reads {sender, message, input_channel, metadata, message_id}; the reference does not know the last. It returns ErrBadJSON or ErrBadPayload for a body that is
// no object, ErrBadMessage for an object whose message cannot be handled. Without all, only sender and message are read.
func decodeMessage(body []byte, channel string, all bool) (dialogue.UserMessage, error) {
	if sender, text, ok := scanMessage(body); ok {
		return userMessage(sender, text, channel), nil
	}
	if len(strings.TrimSpace(string(body))) == 0 {
		return dialogue.UserMessage{}, ErrBadPayload
	}
	v, err := dialogue.DecodeBody(body)
	if err != nil {
		return dialogue.UserMessage{}, ErrBadJSON
	}
	object, ok := v.(map[string]any)
	if !ok {
		return dialogue.UserMessage{}, ErrBadPayload
	}
	text, ok := object["message"].(string)
	if !ok {
		return dialogue.UserMessage{}, ErrBadMessage
	}
	msg := userMessage(senderID(object["sender"]), text, channel)
	if !all {
		return msg, nil
	}
	if c := object["input_channel"]; dialogue.Truthy(c) {
		msg.InputChannel = dialogue.PyString(c)
	}
	switch m := object["metadata"].(type) {
	case nil:
	case map[string]any:
		msg.Metadata = m
	default:
		return dialogue.UserMessage{}, ErrBadMessage
	}
	msg.MessageID, _ = object["message_id"].(string)
	return msg, nil
}

func userMessage(sender, text, channel string) dialogue.UserMessage {
	text = strip(text)
	if sender == "" {
		sender = "default"
	}
	return dialogue.UserMessage{Text: &text, SenderID: sender, InputChannel: channel}
}

func senderID(v any) string {
	if v == nil {
		return ""
	}
	return dialogue.PyString(v)
}

// scanMessage reads the common body, an object of sender and message, both plain strings without escapes. ok is false for
// any other: decodeMessage then does it with the full decoder.
func scanMessage(b []byte) (sender, text string, ok bool) {
	seen := false
	i := skipSpace(b, 0)
	if i >= len(b) || b[i] != '{' {
		return "", "", false
	}
	for {
		key, next := scanString(b, skipSpace(b, i+1))
		if next < 0 {
			return "", "", false
		}
		i = skipSpace(b, next)
		if i >= len(b) || b[i] != ':' {
			return "", "", false
		}
		value, next := scanString(b, skipSpace(b, i+1))
		if next < 0 {
			return "", "", false
		}
		switch string(key) {
		case "sender":
			sender = string(value)
		case "message":
			text, seen = string(value), true
		default:
			return "", "", false
		}
		i = skipSpace(b, next)
		if i >= len(b) {
			return "", "", false
		}
		switch b[i] {
		case ',':
		case '}':
			return sender, text, seen && skipSpace(b, i+1) == len(b)
		default:
			return "", "", false
		}
	}
}

// scanString returns the content of the string that begins at b[i] and the index behind it, -1 if it is not a plain one.
func scanString(b []byte, i int) (content []byte, next int) {
	if i >= len(b) || b[i] != '"' {
		return nil, -1
	}
	for j := i + 1; j < len(b); j++ {
		switch c := b[j]; {
		case c == '"':
			if content = b[i+1 : j]; !utf8.Valid(content) {
				return nil, -1
			}
			return content, j + 1
		case c == '\\' || c < ' ':
			return nil, -1
		}
	}
	return nil, -1
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}
