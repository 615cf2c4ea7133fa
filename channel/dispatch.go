package channel

import (
	"context"
	"strconv"
	"strings"
	"unicode"

	"parley/dialogue"
)

// Output takes what the bot says in one turn. Text is the one thing that all outputs can show; what else one can show it says
// by implementing the other interfaces of this file, and Dispatch renders the rest as text.
type Output interface {
	// Name chooses among response variations (channel: in the domain).
	Name() string
	// SendText sends one text, already split.
	SendText(ctx context.Context, recipient, text string) error
}

// ButtonSender is an output with buttons; text is nil when there is none.
type ButtonSender interface {
	SendButtons(ctx context.Context, recipient string, text *string, buttons []any) error
}

// QuickReplySender is an output with quick replies; text is nil when there is none.
type QuickReplySender interface {
	SendQuickReplies(ctx context.Context, recipient string, text *string, replies []any) error
}

// CustomSender is an output that takes the custom part of a response as it is.
type CustomSender interface {
	SendCustom(ctx context.Context, recipient string, custom any) error
}

// ImageSender is an output that shows images, given by URL.
type ImageSender interface {
	SendImage(ctx context.Context, recipient string, image any) error
}

// AttachmentSender is an output that sends attachments.
type AttachmentSender interface {
	SendAttachment(ctx context.Context, recipient string, attachment any) error
}

// ElementSender is an output that shows a carousel of elements.
type ElementSender interface {
	SendElements(ctx context.Context, recipient string, elements []any) error
}

// Dispatch sends one bot message: first its quick replies, or its buttons, or its text, then what else it holds: custom,
// image, attachment, elements (Rasa: OutputChannel.send_response).
func Dispatch(ctx context.Context, out Output, m dialogue.BotMessage) error {
	s := sends{ctx: ctx, out: out, to: m.RecipientID}
	text := textOf(m.Event)
	switch {
	case dialogue.Truthy(field(m.Event, "quick_replies")):
		s.quickReplies(text, list(field(m.Event, "quick_replies")))
	case dialogue.Truthy(field(m.Event, "buttons")):
		s.buttons(text, list(field(m.Event, "buttons")))
	case text != nil && *text != "":
		s.text(*text)
	}
	if custom := field(m.Event, "custom"); dialogue.Truthy(custom) {
		s.custom(custom)
	}
	image, attachment := field(m.Event, "image"), field(m.Event, "attachment")
	if dialogue.Truthy(image) {
		s.image(image)
	}
	if dialogue.Truthy(attachment) && !dialogue.Equal(image, attachment) { // an attachment may repeat the image: once is enough
		s.attachment(attachment)
	}
	if elements := field(m.Event, "elements"); dialogue.Truthy(elements) {
		s.elements(list(elements))
	}
	return s.err
}

// sends is one message on its way out; after the first error nothing more is sent.
type sends struct {
	ctx context.Context //nolint:containedctx // lives as long as one call of Dispatch
	out Output
	to  string
	err error
}

func (s *sends) try(send func() error) {
	if s.err == nil {
		s.err = send()
	}
}

func (s *sends) text(text string) {
	for part := range strings.SplitSeq(strip(text), "\n\n") {
		s.try(func() error { return s.out.SendText(s.ctx, s.to, part) })
	}
}

func (s *sends) buttons(text *string, buttons []any) {
	if o, ok := s.out.(ButtonSender); ok {
		s.try(func() error { return o.SendButtons(s.ctx, s.to, text, buttons) })
		return
	}
	if text != nil {
		s.text(*text)
	}
	for i, b := range buttons {
		s.text(buttonText(i, b))
	}
}

func (s *sends) quickReplies(text *string, replies []any) {
	if o, ok := s.out.(QuickReplySender); ok {
		s.try(func() error { return o.SendQuickReplies(s.ctx, s.to, text, replies) })
		return
	}
	s.buttons(text, replies)
}

func (s *sends) custom(custom any) {
	if o, ok := s.out.(CustomSender); ok {
		s.try(func() error { return o.SendCustom(s.ctx, s.to, custom) })
		return
	}
	s.text(string(dialogue.AppendJSON(nil, custom)))
}

func (s *sends) image(image any) {
	if o, ok := s.out.(ImageSender); ok {
		s.try(func() error { return o.SendImage(s.ctx, s.to, image) })
		return
	}
	s.text("Image: " + dialogue.PyString(image))
}

func (s *sends) attachment(attachment any) {
	if o, ok := s.out.(AttachmentSender); ok {
		s.try(func() error { return o.SendAttachment(s.ctx, s.to, attachment) })
		return
	}
	s.text("Attachment: " + dialogue.PyString(attachment))
}

func (s *sends) elements(elements []any) {
	if o, ok := s.out.(ElementSender); ok {
		s.try(func() error { return o.SendElements(s.ctx, s.to, elements) })
		return
	}
	for _, e := range elements {
		element, ok := e.(map[string]any)
		if !ok {
			continue
		}
		text := orEmpty(element, "title") + " : " + orEmpty(element, "subtitle")
		buttons := list(element["buttons"])
		if buttons == nil {
			buttons = []any{}
		}
		s.buttons(&text, buttons)
	}
}

// field is a part of a bot message, as the reference flattens it: metadata counts before data.
func field(e *dialogue.BotUttered, name string) any {
	if v, ok := e.Metadata[name]; ok {
		return v
	}
	return e.Data[name]
}

// textOf is the text of a bot message, nil if it has none.
func textOf(e *dialogue.BotUttered) *string {
	if v, ok := e.Metadata["text"]; ok {
		if text, ok := v.(string); ok {
			return &text
		}
		return nil
	}
	if e.NoText {
		return nil
	}
	return &e.Text
}

// buttonText is a button as text: "1: Yes (/affirm)".
func buttonText(i int, b any) string {
	button, ok := b.(map[string]any)
	if !ok {
		return strconv.Itoa(i+1) + ": " + dialogue.PyString(b)
	}
	text := strconv.Itoa(i+1) + ": " + orEmpty(button, "title")
	if payload, ok := button["payload"]; ok {
		text += " (" + dialogue.PyString(payload) + ")"
	}
	rest := make(map[string]any, len(button))
	for k, v := range button {
		if k != "title" && k != "payload" {
			rest[k] = v
		}
	}
	if len(rest) > 0 {
		text += " - " + string(dialogue.AppendJSON(nil, rest))
	}
	return text
}

func orEmpty(m map[string]any, key string) string {
	if v, ok := m[key]; ok {
		return dialogue.PyString(v)
	}
	return ""
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// strip cuts white space at both ends, as Python's str.strip does.
func strip(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f })
}
