package policy

import (
	"encoding/json"
	"fmt"

	"parley/dialogue"
)

// savedVocabulary is a vocabulary as it is stored. Symbols are positions in its lists.
type savedVocabulary struct {
	Intents     []string    `json:"intents"`
	Texts       []string    `json:"texts"`
	Entities    []string    `json:"entities"`
	Actions     []string    `json:"actions"`
	ActionTexts []string    `json:"action_texts"`
	Loops       []string    `json:"loops"`
	Slots       []savedSlot `json:"slots"`
	Vectors     [][]symbol  `json:"vectors"` // slot and symbol, one pair after another
}

type savedSlot struct {
	Name     string      `json:"name"`
	Features [][]float64 `json:"features"`
}

func (v *vocabulary) encode() any {
	s := savedVocabulary{
		Intents: v.intents.names, Texts: v.texts.names, Entities: v.entities.names, Actions: v.actions.names,
		ActionTexts: v.actionTexts.names, Loops: v.loops.names,
	}
	for i := range v.slots {
		s.Slots = append(s.Slots, savedSlot{v.slots[i].slot.Name, v.slots[i].features})
	}
	for _, vector := range v.vectorsBy {
		pairs := []symbol{}
		for slot, f := range vector {
			if f != absent {
				pairs = append(pairs, symbol(slot), f)
			}
		}
		s.Vectors = append(s.Vectors, pairs)
	}
	return s
}

// decodeVocabulary makes the vocabulary of a domain again.
func decodeVocabulary(data []byte, d *dialogue.Domain) (*vocabulary, error) {
	var s savedVocabulary
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("read vocabulary: %w", err)
	}
	v := newVocabulary(d)
	for _, list := range []struct {
		words *words
		names []string
	}{
		{&v.intents, s.Intents},
		{&v.texts, s.Texts},
		{&v.entities, s.Entities},
		{&v.actions, s.Actions},
		{&v.actionTexts, s.ActionTexts},
		{&v.loops, s.Loops},
	} {
		for i, name := range list.names {
			if id := list.words.add(name); id != firstWord+symbol(i) {
				return nil, fmt.Errorf("the word %q stands at the wrong place", name)
			}
		}
	}
	if len(s.Slots) != len(v.slots) {
		return nil, fmt.Errorf("the domain has %d slots that influence the conversation, not %d", len(v.slots), len(s.Slots))
	}
	for i, slot := range s.Slots {
		w := &v.slots[i]
		if slot.Name != w.slot.Name {
			return nil, fmt.Errorf("the domain has the slot %q in the place of %q", w.slot.Name, slot.Name)
		}
		for j, f := range slot.Features {
			if len(f) != w.slot.FeatureSize() || w.featureSymbol(f, true) != firstWord+symbol(j) {
				return nil, fmt.Errorf("feature %d of slot %q is none", j, slot.Name)
			}
		}
	}
	vector := make([]symbol, len(v.slots))
	for i, pairs := range s.Vectors {
		clear(vector)
		if len(pairs)%2 != 0 {
			return nil, fmt.Errorf("vector %d is odd", i)
		}
		for ; len(pairs) > 0; pairs = pairs[2:] {
			slot, f := int(pairs[0]), pairs[1]
			if slot < 0 || slot >= len(v.slots) || f < unset || int(f) >= int(firstWord)+len(v.slots[slot].features) {
				return nil, fmt.Errorf("vector %d is out of range", i)
			}
			vector[slot] = f
		}
		if v.vector(vector) != firstWord+symbol(i) {
			return nil, fmt.Errorf("vector %d stands at the wrong place", i)
		}
	}
	return v, nil
}

// stateSize is the number of symbols of a stored state.
const stateSize = 7

// appendSymbols appends a state as stored.
func (s state) appendSymbols(dst []symbol) []symbol {
	return append(dst, s.intent, s.text, s.entities, s.prev, s.prevText, s.loop, s.slots)
}

// fromSymbols is the state that was stored as symbols, all of which must be known.
func (v *vocabulary) fromSymbols(all []symbol) (state, error) {
	sizes := [stateSize]int{
		len(v.intents.names), len(v.texts.names), len(v.entities.names), len(v.actions.names), len(v.actionTexts.names),
		len(v.loops.names), len(v.vectorsBy),
	}
	for i, id := range all {
		if id < absent || id == unknown || int(id) >= int(firstWord)+sizes[i] || i == stateSize-1 && id < firstWord {
			return state{}, fmt.Errorf("symbol %d is out of range", id)
		}
	}
	return state{intent: all[0], text: all[1], entities: all[2], prev: all[3], prevText: all[4], loop: all[5], slots: all[6]}, nil
}
