package action

import (
	"fmt"
	"maps"

	"parley/dialogue"
)

// draft is a message on its way to becoming a bot event.
type draft struct {
	content map[string]any // text and data
	rest    map[string]any // metadata
}

func newDraft() *draft { return &draft{content: make(map[string]any), rest: make(map[string]any)} }

func (d *draft) set(key string, value any) {
	if isContent(key) {
		d.content[key] = value
	} else {
		d.rest[key] = value
	}
}

// addButtons appends to the buttons; a text counts as a list of its characters, as in the reference.
func (d *draft) addButtons(buttons any) error {
	var more []any
	switch b := buttons.(type) {
	case []any:
		more = b
	case string:
		for _, r := range b {
			more = append(more, string(r))
		}
	case map[string]any:
		for _, key := range sortedKeys(b) {
			more = append(more, key)
		}
	default:
		return fmt.Errorf("buttons: want a list, got %s", typeName(buttons))
	}
	have, ok := d.content["buttons"]
	if !ok {
		have = []any(nil)
	}
	list, ok := have.([]any)
	if !ok {
		return fmt.Errorf("buttons of the response: want a list, got %s", typeName(have))
	}
	d.content["buttons"] = append(append(make([]any, 0, len(list)+len(more)), list...), more...)
	return nil
}

// noData is the data of events that say nothing but text.
var noData = map[string]any{
	"elements": nil, "quick_replies": nil, "buttons": nil, "attachment": nil, "image": nil, "custom": nil,
}

// data is the data of the bot event: always six keys. An image is an attachment too unless there is another one.
func (d *draft) data() map[string]any {
	filled := false
	for key := range noData {
		filled = filled || d.content[key] != nil
	}
	if !filled {
		return noData
	}
	data := maps.Clone(noData)
	for key := range noData {
		data[key] = d.content[key]
	}
	if !dialogue.Truthy(data["attachment"]) {
		data["attachment"] = data["image"]
	}
	return data
}

// event is the message as a bot event. A text that is none, which breaks the reference's channels, becomes one.
func (d *draft) event() *dialogue.BotUttered {
	e := &dialogue.BotUttered{Header: dialogue.Header{Metadata: d.rest}, Data: d.data()}
	if text := d.content["text"]; text != nil {
		e.Text = dialogue.PyString(text)
	} else {
		e.NoText = true
	}
	return e
}
