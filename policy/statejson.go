package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"parley/dialogue"
)

// appendState appends a state as the reference writes it with Python's json.dumps and sorted keys, ASCII only: the length of this
// text decides which of several rules is the most specific one.
func (v *vocabulary) appendState(dst []byte, s state) []byte {
	dst = append(dst, '{')
	sep := func(key string) {
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ", "...)
		}
		dst = append(dst, '"')
		dst = append(dst, key...)
		dst = append(dst, `": `...)
	}
	if s.loop != absent {
		sep("active_loop")
		dst = append(dst, `{"name": `...)
		dst = append(appendASCII(dst, v.loops.name(s.loop)), '}')
	}
	switch {
	case s.prev != absent:
		sep("prev_action")
		dst = append(dst, `{"action_name": `...)
		dst = append(appendASCII(dst, v.actions.name(s.prev)), '}')
	case s.prevText != absent:
		sep("prev_action")
		dst = append(dst, `{"action_text": `...)
		dst = append(appendASCII(dst, v.actionTexts.name(s.prevText)), '}')
	}
	if s.slots > firstWord { // firstWord itself is the vector without features
		sep("slots")
		dst = v.appendSlots(dst, v.vectorsBy[s.slots-firstWord])
	}
	if s.intent != absent || s.text != absent || s.entities != absent || s.hollow {
		sep("user")
		dst = append(dst, '{')
		if s.entities != absent {
			sep("entities")
			dst = append(dst, '[')
			for i, label := range strings.Split(v.entities.name(s.entities), entitySeparator) {
				if i > 0 {
					dst = append(dst, ", "...)
				}
				dst = appendASCII(dst, label)
			}
			dst = append(dst, ']')
		}
		if s.intent != absent {
			sep("intent")
			dst = appendASCII(dst, v.intents.name(s.intent))
		}
		if s.text != absent {
			sep("text")
			dst = appendASCII(dst, v.texts.name(s.text))
		}
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

func (v *vocabulary) appendSlots(dst []byte, vector []symbol) []byte {
	var named []int
	for i, f := range vector {
		if f != absent {
			named = append(named, i)
		}
	}
	slices.SortFunc(named, func(a, b int) int { return strings.Compare(v.slots[a].slot.Name, v.slots[b].slot.Name) })
	dst = append(dst, '{')
	for n, i := range named {
		if n > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(appendASCII(dst, v.slots[i].slot.Name), ": "...)
		if vector[i] == unset {
			dst = appendASCII(dst, dialogue.ShouldNotBeSet)
			continue
		}
		dst = append(dst, '[')
		for j, x := range v.slots[i].features[vector[i]-firstWord] {
			if j > 0 {
				dst = append(dst, ", "...)
			}
			dst = dialogue.AppendFloat(dst, x)
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// text is the JSON of a sequence of states, oldest first.
func (v *vocabulary) text(states []state) string {
	dst := []byte{'['}
	for i, s := range states {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = v.appendState(dst, s)
	}
	return string(append(dst, ']'))
}

// appendASCII appends a string as Python's json.dumps writes it.
func appendASCII(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	unit := func(u uint16) {
		dst = append(dst, '\\', 'u', hex[u>>12], hex[u>>8&15], hex[u>>4&15], hex[u&15])
	}
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r == '\b':
			dst = append(dst, `\b`...)
		case r == '\f':
			dst = append(dst, `\f`...)
		case r >= ' ' && r < utf8.RuneSelf:
			dst = append(dst, byte(r))
		case r > math.MaxUint16:
			r -= 0x10000
			unit(uint16(0xd800 + r>>10))
			unit(uint16(0xdc00 + r&0x3ff))
		default:
			unit(uint16(r))
		}
	}
	return append(dst, '"')
}

// stateText is the JSON of a state.
type stateText struct {
	Loop *struct {
		Name string `json:"name"`
	} `json:"active_loop"`
	Prev *struct {
		Name string `json:"action_name"`
		Text string `json:"action_text"`
	} `json:"prev_action"`
	Slots map[string]any `json:"slots"`
	User  *struct {
		Entities []string `json:"entities"`
		Intent   string   `json:"intent"`
		Text     string   `json:"text"`
	} `json:"user"`
}

// parseStates reads what text wrote, and nothing else.
func (v *vocabulary) parseStates(text string) ([]state, error) {
	var all []stateText
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, fmt.Errorf("read states: %w", err)
	}
	states := make([]state, len(all))
	for i := range all {
		s, err := v.fromText(&all[i])
		if err != nil {
			return nil, err
		}
		states[i] = s
	}
	if v.text(states) != text {
		return nil, errors.New("read states: not in the form they are written in")
	}
	return states, nil
}

func (v *vocabulary) fromText(t *stateText) (state, error) {
	var s state
	if t.Loop != nil {
		s.loop = v.loops.add(t.Loop.Name)
	}
	if t.Prev != nil {
		s.prev, s.prevText = v.actions.add(t.Prev.Name), v.actionTexts.add(t.Prev.Text)
	}
	if t.User != nil {
		s.intent, s.text = v.intents.add(t.User.Intent), v.texts.add(t.User.Text)
		s.entities = v.entities.add(strings.Join(t.User.Entities, entitySeparator))
	}
	vector := make([]symbol, len(v.slots))
	for _, name := range sortedKeys(t.Slots) {
		i := slices.IndexFunc(v.slots, func(w slotWords) bool { return w.slot.Name == name })
		if i < 0 {
			return s, fmt.Errorf("the domain has no slot %q that influences the conversation", name)
		}
		switch value := t.Slots[name].(type) {
		case string:
			vector[i] = unset // any other text does not survive the check of the form
		case []any:
			feature := make([]float64, len(value))
			for j, x := range value {
				feature[j], _ = x.(float64)
			}
			if len(feature) != v.slots[i].slot.FeatureSize() {
				return s, fmt.Errorf("slot %q has %d features, not %d", name, v.slots[i].slot.FeatureSize(), len(feature))
			}
			vector[i] = v.slots[i].featureSymbol(feature, true)
		default:
			return s, fmt.Errorf("slot %q has no feature", name)
		}
	}
	s.slots = v.vector(vector)
	return s, nil
}
