package channel

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
)

func TestRestReadsMessages(t *testing.T) {
	t.Parallel()
	message := func(sender, body string) dialogue.UserMessage {
		return dialogue.UserMessage{Text: &body, SenderID: sender, InputChannel: "rest"}
	}
	with := func(m dialogue.UserMessage, change func(*dialogue.UserMessage)) dialogue.UserMessage {
		change(&m)
		return m
	}
	for _, tt := range []struct {
		name, body string
		want       dialogue.UserMessage
		err        error
	}{
		{"the common body", `{"sender":"u","message":"hi"}`, message("u", "hi"), nil},
		{"keys in any order, with spaces", " {\"message\" : \"hi\" ,\n\t\"sender\": \"u\" } \r\n", message("u", "hi"), nil},
		{"text is stripped", `{"sender":"u","message":" hi\u00a0\n"}`, message("u", "hi"), nil},
		{"a blank text stays a text", `{"sender":"u","message":" "}`, message("u", ""), nil},
		{"escapes", `{"sender":"a\"b","message":"\u00e9\n\ud83d\ude00x"}`, message(`a"b`, "é\n😀x"), nil},
		{"UTF-8", `{"sender":"ü","message":"茶"}`, message("ü", "茶"), nil},
		{"message_id", `{"sender":"u","message":"hi","message_id":"m"}`, with(message("u", "hi"), func(m *dialogue.UserMessage) { m.MessageID = "m" }), nil},
		{"message_id that is no string", `{"sender":"u","message":"hi","message_id":7}`, message("u", "hi"), nil},
		{"no sender", `{"message":"hi"}`, message("default", "hi"), nil},
		{"null sender", `{"sender":null,"message":"hi"}`, message("default", "hi"), nil},
		{"empty sender", `{"sender":"","message":"hi"}`, message("default", "hi"), nil},
		{"number as sender", `{"sender":5,"message":"hi"}`, message("5", "hi"), nil},
		{"zero as sender", `{"sender":0,"message":"hi"}`, message("0", "hi"), nil},
		{"boolean as sender", `{"sender":true,"message":"hi"}`, message("True", "hi"), nil},
		{"list as sender", `{"sender":["a"],"message":"hi"}`, message("['a']", "hi"), nil},
		{"repeated key: the last counts", `{"sender":"a","sender":"b","message":"x","message":"hi"}`, message("b", "hi"), nil},
		{"other keys", `{"sender":"u","message":"hi","colour":"red"}`, message("u", "hi"), nil},
		{
			"channel", `{"sender":"u","message":"hi","input_channel":"web"}`,
			with(message("u", "hi"), func(m *dialogue.UserMessage) { m.InputChannel = "web" }), nil,
		},
		{"null channel", `{"sender":"u","message":"hi","input_channel":null}`, message("u", "hi"), nil},
		{"empty channel", `{"sender":"u","message":"hi","input_channel":""}`, message("u", "hi"), nil},
		{
			"number as channel", `{"sender":"u","message":"hi","input_channel":5}`,
			with(message("u", "hi"), func(m *dialogue.UserMessage) { m.InputChannel = "5" }), nil,
		},
		{
			"metadata", `{"sender":"u","message":"hi","metadata":{"a":1}}`,
			with(message("u", "hi"), func(m *dialogue.UserMessage) { m.Metadata = map[string]any{"a": 1} }), nil,
		},
		{"null metadata", `{"sender":"u","message":"hi","metadata":null}`, message("u", "hi"), nil},
		{"metadata that is no object", `{"sender":"u","message":"hi","metadata":"m"}`, dialogue.UserMessage{}, ErrBadMessage},
		{"no message", `{"sender":"u"}`, dialogue.UserMessage{}, ErrBadMessage},
		{"null message", `{"sender":"u","message":null}`, dialogue.UserMessage{}, ErrBadMessage},
		{"number as message", `{"sender":"u","message":5}`, dialogue.UserMessage{}, ErrBadMessage},
		{"empty object", `{}`, dialogue.UserMessage{}, ErrBadMessage},
		{"empty body", ``, dialogue.UserMessage{}, ErrBadPayload},
		{"blank body", " \n", dialogue.UserMessage{}, ErrBadPayload},
		{"null", `null`, dialogue.UserMessage{}, ErrBadPayload},
		{"list", `[]`, dialogue.UserMessage{}, ErrBadPayload},
		{"string", `"hello"`, dialogue.UserMessage{}, ErrBadPayload},
		{"broken", `{"message":`, dialogue.UserMessage{}, ErrBadJSON},
		{"trailing comma", `{"sender":"u","message":"hi",}`, dialogue.UserMessage{}, ErrBadJSON},
		{"trailing data", `{"sender":"u","message":"hi"}x`, dialogue.UserMessage{}, ErrBadJSON},
		{"form", `sender=a&message=hello`, dialogue.UserMessage{}, ErrBadJSON},
		{"too deep", strings.Repeat("[", 100_000), dialogue.UserMessage{}, ErrBadJSON},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := decodeMessage([]byte(tt.body), "rest", true)
			if !errors.Is(err, tt.err) {
				t.Fatalf("error is %v, want %v", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("the message differs (-want +got):\n%s", diff)
			}
		})
	}
}

// say is a turn that says texts and then ends with an error.
func say(err error, texts ...string) Handler {
	return func(_ context.Context, m dialogue.UserMessage, send func(dialogue.BotMessage) error) error {
		for _, s := range texts {
			if err := send(dialogue.BotMessage{RecipientID: m.SenderID, Event: &dialogue.BotUttered{Text: s}}); err != nil {
				return err
			}
		}
		return err
	}
}

func request(body string, query map[string]string) Request {
	return Request{Method: "POST", Path: "webhook", Body: []byte(body), Query: func(name string) string { return query[name] }}
}

func TestRestAnswersWithWhatWasSaidBeforeAnError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	reply, err := NewRest("rest").Serve(t.Context(), request(`{"sender":"u","message":"hi"}`, nil), say(broken, "one", "two"))
	if !errors.Is(err, broken) {
		t.Errorf("error is %v, want %v", err, broken)
	}
	want := `[{"recipient_id":"u","text":"one"},{"recipient_id":"u","text":"two"}]`
	if reply.Status != 200 || string(reply.Body) != want {
		t.Errorf("reply is %d %s, want 200 %s", reply.Status, reply.Body, want)
	}
}

func TestRestStreamsALineAMessage(t *testing.T) {
	t.Parallel()
	for query, streams := range map[string]bool{"true": true, "TRUE": true, "1": false, "": false, "false": false} {
		var streamed bool
		handle := func(ctx context.Context, m dialogue.UserMessage, send func(dialogue.BotMessage) error) error {
			streamed = m.Stream
			return say(nil, "one\n\ntwo", "three")(ctx, m, send)
		}
		reply, err := NewRest("rest").Serve(t.Context(), request(`{"sender":"u","message":"hi"}`, map[string]string{"stream": query}), handle)
		if err != nil {
			t.Fatal(err)
		}
		if got := reply.Stream != nil; got != streams {
			t.Fatalf("?stream=%s streams: %v, want %v", query, got, streams)
		}
		if !streams {
			continue
		}
		var body bytes.Buffer
		if err := reply.Stream(t.Context(), &body); err != nil {
			t.Fatal(err)
		}
		want := `{"recipient_id":"u","text":"one"}` + "\n" + `{"recipient_id":"u","text":"two"}` + "\n" + `{"recipient_id":"u","text":"three"}` + "\n"
		if diff := cmp.Diff(want, body.String()); diff != "" {
			t.Errorf("the stream differs (-want +got):\n%s", diff)
		}
		if !streamed {
			t.Error("the turn was not asked to stream")
		}
	}
}

// broken is a connection whose other side has gone.
type broken struct{ writes int }

func (b *broken) Write([]byte) (int, error) { b.writes++; return 0, io.ErrClosedPipe }

func TestAStreamWhoseReaderHasGoneLetsTheTurnFinish(t *testing.T) {
	t.Parallel()
	said := 0
	handle := func(_ context.Context, m dialogue.UserMessage, send func(dialogue.BotMessage) error) error {
		for range 3 {
			if err := send(dialogue.BotMessage{RecipientID: m.SenderID, Event: &dialogue.BotUttered{Text: "x"}}); err != nil {
				return err
			}
			said++
		}
		return nil
	}
	reply, err := NewRest("rest").Serve(t.Context(), request(`{"message":"hi"}`, map[string]string{"stream": "true"}), handle)
	if err != nil {
		t.Fatal(err)
	}
	w := &broken{}
	if err := reply.Stream(t.Context(), w); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error is %v, want %v", err, io.ErrClosedPipe)
	}
	if said != 3 || w.writes != 1 {
		t.Errorf("%d messages were said and %d writes tried, want 3 and 1", said, w.writes)
	}
}

func BenchmarkRestTurn(b *testing.B) {
	r, handle := NewRest("rest"), say(nil, "Hey! How are you?")
	req := request(`{"sender":"u0-17","message":"are you a bot?"}`, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Serve(b.Context(), req, handle); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzDecodeMessage(f *testing.F) {
	for _, seed := range []string{
		`{"sender":"u","message":"hi"}`, `{"message":"\u00e9","metadata":{"a":[1,2.5,null]}}`, `{"sender":["a",{"b":1e9}],"message":" x "}`,
		`{`, `[]`, `{"message":"a","input_channel":5}`, "{\"sender\":\"\xff\",\"message\":\"a\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := decodeMessage(body, "rest", true)
		sender, message, ok := scanMessage(body)
		if !ok {
			return
		}
		// The quick reader must agree with the full one.
		v, full := dialogue.DecodeJSON(body)
		object, _ := v.(map[string]any)
		if full != nil || err != nil || object["message"] != message {
			t.Fatalf("scanned %q, but the decoder says %v %v %v", message, v, full, err)
		}
		if s, there := object["sender"]; there && s != sender || got.Text == nil || *got.Text != strip(message) {
			t.Fatalf("scanned %q from %q, decoded %v", message, sender, v)
		}
	})
}
