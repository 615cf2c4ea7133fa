package action

import (
	"fmt"
	"maps"
	"strings"

	"golang.org/x/text/cases"

	"parley/dialogue"
)

// vars are what placeholders may name: slots, and over them the arguments of a call.
type vars struct {
	slots *dialogue.Slots
	args  map[string]any
}

func (v vars) value(name string) (any, bool) {
	if value, ok := v.args[name]; ok {
		return value, true
	}
	if v.slots == nil {
		return nil, false
	}
	return v.slots.Value(name)
}

func (v vars) all() map[string]any {
	all := make(map[string]any)
	if v.slots != nil {
		maps.Insert(all, v.slots.All())
	}
	maps.Copy(all, v.args)
	return all
}

// response is a response of the domain, ready to be filled.
type response struct {
	name       string
	variations []variation
	// plain: one variation for every channel and state.
	plain bool
}

// variation is one way to say a response.
type variation struct {
	channel    string
	id         string
	rank       [2]rank // without and with its channel being the output's
	conditions []condition
	untyped    bool // a condition has no type: the variation fails when it is chosen

	text  *template // nil: body says what stands there
	body  map[string]any
	parts []part         // of the body, to be filled
	data  map[string]any // the event's data when it is the same for all
	said  map[string]any // the event's metadata when the response is said by its own action
	rest  map[string]any // the body without text and data: goes to the metadata
}

// rank is the order in which groups of variations are tried; lower goes first.
type rank uint8

const (
	conditionalForChannel rank = iota
	defaultForChannel
	conditionalAnywhere
	defaultAnywhere
	never
)

// condition restricts a variation to a slot's value.
type condition struct {
	slot   string
	value  any
	folded string // of a text
}

// part is a piece of a variation's body that has placeholders.
type part struct {
	key  string
	tree node
}

func newResponse(name string, list []dialogue.Response, stamp map[string]any) *response {
	r := &response{name: name, variations: make([]variation, len(list))}
	for i := range list {
		r.variations[i] = newVariation(name, &list[i], stamp)
	}
	if len(list) == 1 {
		v := &r.variations[0]
		r.plain = v.rank == [2]rank{defaultAnywhere, defaultAnywhere}
	}
	return r
}

func newVariation(name string, r *dialogue.Response, stamp map[string]any) variation {
	v := variation{channel: r.Channel, id: r.ID, body: r.Body}
	switch {
	case r.Unusable:
		v.rank = [2]rank{never, never}
	case r.Conditional && r.Channel != "":
		v.rank = [2]rank{never, conditionalForChannel}
	case r.Conditional:
		v.rank = [2]rank{conditionalAnywhere, conditionalAnywhere}
	case r.Channel != "":
		v.rank = [2]rank{never, defaultForChannel}
	default:
		v.rank = [2]rank{defaultAnywhere, defaultAnywhere}
	}
	for _, c := range r.Conditions {
		cond := condition{slot: c.Name, value: c.Value}
		if s, ok := c.Value.(string); ok {
			cond.folded = fold(s)
		}
		v.conditions = append(v.conditions, cond)
		v.untyped = v.untyped || c.NoType
	}
	if s, ok := r.Body["text"].(string); ok {
		v.text = compileTemplate(s)
	}
	for _, key := range []string{"image", "custom", "buttons", "attachment", "quick_replies"} {
		if tree := compileTree(r.Body[key]); tree != nil {
			v.parts = append(v.parts, part{key: key, tree: tree})
		}
	}
	v.rest = make(map[string]any)
	for key, value := range r.Body {
		if !isContent(key) {
			v.rest[key] = value
		}
	}
	if len(v.parts) == 0 {
		d := draft{content: r.Body}
		v.data = d.data()
	}
	v.said = maps.Clone(v.rest)
	v.said["utter_action"] = name
	maps.Copy(v.said, stamp)
	return v
}

// isContent reports whether a key of a message stands in the event's text or data; all others go to its metadata.
func isContent(key string) bool {
	switch key {
	case "text", "elements", "quick_replies", "buttons", "attachment", "image", "custom":
		return true
	}
	return false
}

// matches reports whether all conditions hold: texts are compared without case, everything else as Python does. A slot that the
// domain does not have is null.
func (v *variation) matches(slots *dialogue.Slots) bool {
	for i := range v.conditions {
		c := &v.conditions[i]
		value, _ := slots.Value(c.slot)
		s, isText := value.(string)
		_, wantText := c.value.(string)
		if isText && wantText {
			if fold(s) != c.folded {
				return false
			}
		} else if !dialogue.Equal(value, c.value) {
			return false
		}
	}
	return true
}

// fold is Python's str.casefold.
func fold(s string) string {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return cases.Fold().String(s)
		}
	}
	return strings.ToLower(s)
}

// eligible are the variations that may be said, in their order: all of the best group that has any.
func (r *response) eligible(channel string, slots *dialogue.Slots) []*variation {
	best := never
	var group []*variation
	for i := range r.variations {
		v := &r.variations[i]
		k := v.rank[0]
		if v.channel != "" && v.channel == channel {
			k = v.rank[1]
		}
		if k > best || k == never || !v.matches(slots) {
			continue
		}
		if k < best {
			best, group = k, group[:0]
		}
		group = append(group, v)
	}
	return group
}

// pick chooses a variation, nil if none fits.
func (r *response) pick(channel string, slots *dialogue.Slots, random func(int) int) (*variation, error) {
	var v *variation
	if r.plain {
		v = &r.variations[0]
	} else {
		group := r.eligible(channel, slots)
		switch len(group) {
		case 0:
			return nil, nil
		case 1:
			v = group[0]
		default:
			v = group[random(len(group))]
		}
	}
	if v.untyped {
		return nil, fmt.Errorf("response %s: a condition has no type", r.name)
	}
	return v, nil
}

// variationID is what NLG servers are told: the id of the first variation that may be said, "" if the ids are not unique.
func (r *response) variationID(channel string, slots *dialogue.Slots) string {
	group := r.eligible(channel, slots)
	for i, v := range group {
		for _, other := range group[:i] {
			if v.id != "" && v.id == other.id {
				return ""
			}
		}
	}
	if len(group) == 0 {
		return ""
	}
	return group[0].id
}

// say is the bot event of a variation said by the response's own action.
func (v *variation) say(vs vars) (*dialogue.BotUttered, error) {
	if v.text != nil && v.data != nil {
		text, err := v.text.fill(vs)
		if err != nil {
			return nil, err
		}
		return &dialogue.BotUttered{Header: dialogue.Header{Metadata: v.said}, Text: text, Data: v.data}, nil
	}
	d, err := v.draft(vs)
	if err != nil {
		return nil, err
	}
	e := d.event()
	e.Metadata = v.said
	return e, nil
}

// draft is the variation filled, as a message that may be changed.
func (v *variation) draft(vs vars) (*draft, error) {
	d := &draft{content: make(map[string]any, 7), rest: maps.Clone(v.rest)}
	for key, value := range v.body {
		if isContent(key) {
			d.content[key] = value
		}
	}
	if v.text != nil {
		text, err := v.text.fill(vs)
		if err != nil {
			return nil, err
		}
		d.content["text"] = text
	}
	for i := range v.parts {
		value, err := v.parts[i].tree.fill(vs)
		if err != nil {
			return nil, err
		}
		d.content[v.parts[i].key] = value
	}
	return d, nil
}
