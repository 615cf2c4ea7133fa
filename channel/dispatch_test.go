package channel

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
)

// plain is an output that can show nothing but text.
type plain struct {
	said []string
	fail error
}

func (*plain) Name() string { return "plain" }

func (p *plain) SendText(_ context.Context, recipient, text string) error {
	p.said = append(p.said, recipient+"|"+text)
	return p.fail
}

// full is the message of the specification's §1.4: everything at once.
func full() *dialogue.BotUttered {
	return &dialogue.BotUttered{Text: "hi", Data: map[string]any{
		"quick_replies": []any{map[string]any{"title": "q", "payload": "/q"}},
		"buttons":       []any{map[string]any{"title": "b"}},
		"custom":        map[string]any{"k": 1},
		"image":         "http://i",
		"attachment":    map[string]any{"type": "file"},
		"elements": []any{
			map[string]any{"title": "T", "subtitle": "S", "buttons": []any{map[string]any{"title": "x", "payload": "/x"}}},
			map[string]any{"title": "U"},
		},
	}}
}

func TestCollectorKeepsMessagesAsTheReferenceDoes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		bot  *dialogue.BotUttered
		want string
	}{
		{"all kinds, in order", full(), `[{"recipient_id":"u","text":"hi","buttons":[{"payload":"/q","title":"q"}]},` +
			`{"recipient_id":"u","custom":{"k":1}},{"recipient_id":"u","image":"http://i"},` +
			`{"recipient_id":"u","attachment":{"type":"file"}},` +
			`{"recipient_id":"u","text":"T : S","buttons":[{"payload":"/x","title":"x"}]},` +
			`{"recipient_id":"u","text":"U : ","buttons":[]}]`},
		{"text is stripped and split", &dialogue.BotUttered{Text: " a\n\n\nb\n\n\n\nc \n"}, `[{"recipient_id":"u","text":"a"},` +
			`{"recipient_id":"u","text":"\nb"},{"recipient_id":"u","text":""},{"recipient_id":"u","text":"c"}]`},
		{"blank text is one empty message", &dialogue.BotUttered{Text: " "}, `[{"recipient_id":"u","text":""}]`},
		{"no text", &dialogue.BotUttered{Text: ""}, `[]`},
		{
			"text with buttons is not split", &dialogue.BotUttered{Text: "a\n\nb", Data: map[string]any{"buttons": []any{"x"}}},
			`[{"recipient_id":"u","text":"a\n\nb","buttons":["x"]}]`,
		},
		{
			"buttons without text", &dialogue.BotUttered{NoText: true, Data: map[string]any{"buttons": []any{"x"}}},
			`[{"recipient_id":"u","buttons":["x"]}]`,
		},
		{
			"an attachment that repeats the image", &dialogue.BotUttered{Data: map[string]any{"image": "i", "attachment": "i"}},
			`[{"recipient_id":"u","image":"i"}]`,
		},
		{"empty parts count as absent", &dialogue.BotUttered{Text: "a", Data: map[string]any{
			"quick_replies": []any{}, "buttons": nil, "custom": map[string]any{}, "image": "", "elements": []any{},
		}}, `[{"recipient_id":"u","text":"a"}]`},
		{"metadata counts before data", &dialogue.BotUttered{
			Header: dialogue.Header{Metadata: map[string]any{"image": "m", "utter_action": "utter_x"}},
			Text:   "a", Data: map[string]any{"image": "d"},
		}, `[{"recipient_id":"u","text":"a"},{"recipient_id":"u","image":"m"}]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := NewCollector()
			if err := Dispatch(t.Context(), c, dialogue.BotMessage{RecipientID: "u", Event: tt.bot}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(c.Messages())); diff != "" {
				t.Errorf("messages differ (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.want, string(c.Body())); diff != "" {
				t.Errorf("the body differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOutputsWithoutCapabilitiesGetText(t *testing.T) {
	t.Parallel()
	p := &plain{}
	bot := full()
	bot.Data["quick_replies"] = []any{
		map[string]any{"title": "yes", "payload": "/yes"}, map[string]any{"title": "no", "colour": "red"}, "odd",
	}
	if err := Dispatch(t.Context(), p, dialogue.BotMessage{RecipientID: "u", Event: bot}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"u|hi", "u|1: yes (/yes)", `u|2: no - {"colour":"red"}`, "u|3: odd", `u|{"k":1}`, "u|Image: http://i",
		"u|Attachment: {'type': 'file'}", "u|T : S", "u|1: x (/x)", "u|U : ",
	}
	want[len(want)-1] = "u|U :" // plain text is stripped
	if diff := cmp.Diff(want, p.said); diff != "" {
		t.Errorf("texts differ (-want +got):\n%s", diff)
	}
}

func TestDispatchStopsAtTheFirstError(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	p := &plain{fail: gone}
	err := Dispatch(t.Context(), p, dialogue.BotMessage{RecipientID: "u", Event: full()})
	if !errors.Is(err, gone) {
		t.Errorf("error is %v, want %v", err, gone)
	}
	if len(p.said) != 1 {
		t.Errorf("%d texts were tried, want 1", len(p.said))
	}
}

func TestPythonString(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]any{
		"True": true, "None": nil, "5": 5, "5.0": 5.0, "0.5": 0.5, "1e+16": 1e16, "1e-05": 1e-5, "abc": "abc",
		"['a', \"it's\", None, {'k': False}]": []any{"a", "it's", nil, map[string]any{"k": false}},
		`['a\n\\\x00']`:                       []any{"a\n\\\x00"},
	} {
		if got := dialogue.PyString(v); got != want {
			t.Errorf("PyString(%v) is %q, want %q", v, got, want)
		}
	}
}
