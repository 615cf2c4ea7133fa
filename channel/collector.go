package channel

import (
	"context"
	"slices"

	"parley/dialogue"
)

// Collector is the output of request and reply: it keeps what the bot says as the reference's collecting output does, one JSON
// object a message, with the keys recipient_id, text, image, buttons, attachment and custom as far as they are set.
type Collector struct {
	name string
	list []byte // the JSON array so far, without its closing bracket
	drop bool   // do not keep messages
	emit func(ctx context.Context, message []byte) error
	one  []byte // the message being made, if it is not kept
}

// NewCollector returns an empty collector; its name is "collector".
func NewCollector() *Collector { return &Collector{name: "collector"} }

// newQueue returns an output that hands every message over as it is made and keeps none.
func newQueue(emit func(ctx context.Context, message []byte) error) *Collector {
	return &Collector{name: "queue", drop: true, emit: emit}
}

// Name implements Output.
func (c *Collector) Name() string { return c.name }

// Messages implements Collecting: a JSON array of what was said so far.
func (c *Collector) Messages() []byte {
	if len(c.list) == 0 {
		return []byte("[]")
	}
	return append(slices.Clip(c.list), ']')
}

// Body is Messages for the last call: it may reuse the collector's memory.
func (c *Collector) Body() []byte {
	if len(c.list) == 0 {
		return []byte("[]")
	}
	return append(c.list, ']')
}

// SendText implements Output.
func (c *Collector) SendText(ctx context.Context, recipient, text string) error {
	m := append(c.begin(recipient), `,"text":`...)
	return c.add(ctx, dialogue.AppendString(m, text))
}

// SendButtons implements ButtonSender.
func (c *Collector) SendButtons(ctx context.Context, recipient string, text *string, buttons []any) error {
	m := c.begin(recipient)
	if text != nil {
		m = c.key(m, "text", *text)
	}
	return c.add(ctx, c.key(m, "buttons", buttons))
}

// SendCustom implements CustomSender.
func (c *Collector) SendCustom(ctx context.Context, recipient string, custom any) error {
	return c.add(ctx, c.key(c.begin(recipient), "custom", custom))
}

// SendImage implements ImageSender.
func (c *Collector) SendImage(ctx context.Context, recipient string, image any) error {
	return c.add(ctx, c.key(c.begin(recipient), "image", image))
}

// SendAttachment implements AttachmentSender.
func (c *Collector) SendAttachment(ctx context.Context, recipient string, attachment any) error {
	return c.add(ctx, c.key(c.begin(recipient), "attachment", attachment))
}

// begin opens a message: in the list, or in the collector's scratch space.
func (c *Collector) begin(recipient string) []byte {
	var m []byte
	switch {
	case c.drop:
		m = c.one[:0]
	case len(c.list) == 0:
		m = append(make([]byte, 0, 256), '[')
	default:
		m = append(c.list, ',')
	}
	m = append(m, `{"recipient_id":`...)
	return dialogue.AppendString(m, recipient)
}

func (*Collector) key(m []byte, key string, value any) []byte {
	m = append(m, ',', '"')
	m = append(m, key...)
	m = append(m, '"', ':')
	return dialogue.AppendJSON(m, value)
}

// add closes a message, keeps it and hands it over.
func (c *Collector) add(ctx context.Context, m []byte) error {
	m = append(m, '}')
	if c.drop {
		c.one = m
		return c.emit(ctx, m)
	}
	start := len(c.list) + 1 // behind the bracket or the comma
	c.list = m
	if c.emit == nil {
		return nil
	}
	return c.emit(ctx, m[start:])
}
