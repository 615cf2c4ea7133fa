package policy

import (
	"encoding/binary"
	"slices"
	"strings"

	"parley/dialogue"
)

// symbol is a word of the training data as a number.
type symbol int32

const (
	absent  symbol = iota // the feature is not there
	unknown               // it is there, but training never saw it: equal to nothing
	unset                 // dialogue.ShouldNotBeSet
	firstWord
)

// words are the values of one feature.
type words struct {
	ids   map[string]symbol
	names []string // names[i] is the word of firstWord+i
}

func newWords() words { return words{ids: map[string]symbol{dialogue.ShouldNotBeSet: unset}} }

func (w *words) find(name string) symbol {
	if name == "" {
		return absent
	}
	if id, ok := w.ids[name]; ok {
		return id
	}
	return unknown
}

func (w *words) add(name string) symbol {
	if name == "" {
		return absent
	}
	id, ok := w.ids[name]
	if !ok {
		id = firstWord + symbol(len(w.names))
		w.ids[name] = id
		w.names = append(w.names, name)
	}
	return id
}

func (w *words) name(id symbol) string {
	switch {
	case id == unset:
		return dialogue.ShouldNotBeSet
	case id < firstWord:
		return ""
	}
	return w.names[id-firstWord]
}

// state is what a conversation is like before an action, in symbols. It can be compared, and be the key of a map.
type state struct {
	intent, text, entities symbol // of the latest message
	prev, prevText         symbol // the latest action: its name, or its text
	loop                   symbol
	slots                  symbol // the features of all slots
	hollow                 bool   // there is a message, but nothing of it counts
}

// slotWords are the features of one slot that influences the conversation.
type slotWords struct {
	slot     *dialogue.Slot
	at       int         // position among the domain's slots
	features [][]float64 // of firstWord+i
	ruleOnly bool        // only rules mention it: learned policies do not see it
}

// vocabulary holds the words of the training data. It grows while policies learn, and is fixed once it is sealed.
type vocabulary struct {
	domain *dialogue.Domain
	sealed bool

	intents, texts, entities, actions, actionTexts, loops words

	slots       []slotWords
	slotsByName map[string]int
	vectors     map[string]symbol // features of all slots, by their symbols
	vectorsBy   [][]symbol        // vectorsBy[i] is the vector of firstWord+i
	states      map[state]int32
	statesBy    []state

	ruleOnlyLoops map[symbol]bool
	initial       symbol // vector of the initial values of the slots that learned policies see
	listen        symbol // action_listen
	unlikely      symbol // action_unlikely_intent
}

func newVocabulary(d *dialogue.Domain) *vocabulary {
	v := &vocabulary{
		domain: d, intents: newWords(), texts: newWords(), entities: newWords(), actions: newWords(), actionTexts: newWords(),
		loops: newWords(), slotsByName: map[string]int{}, vectors: map[string]symbol{}, states: map[state]int32{}, ruleOnlyLoops: map[symbol]bool{},
	}
	for i := range d.Slots {
		if s := &d.Slots[i]; s.FeatureSize() > 0 {
			v.slotsByName[s.Name] = len(v.slots)
			v.slots = append(v.slots, slotWords{slot: s, at: i})
		}
	}
	v.vector(make([]symbol, len(v.slots))) // firstWord: no slot counts
	v.listen = v.actions.add(dialogue.ActionListen)
	v.unlikely = v.actions.add(dialogue.ActionUnlikelyIntent)
	return v
}

// seal ends the growth. Views need the slots that only rules mention.
func (v *vocabulary) seal() {
	vector := make([]symbol, len(v.slots))
	for i := range v.slots {
		if !v.slots[i].ruleOnly {
			vector[i] = v.slots[i].symbol(v.slots[i].slot.Initial, true)
		}
	}
	v.initial = v.vector(vector)
	v.sealed = true
}

// word is the symbol of a word, a new one while the vocabulary grows.
func (v *vocabulary) word(w *words, name string) symbol {
	if v.sealed {
		return w.find(name)
	}
	return w.add(name)
}

// symbol is the feature of a slot's value. A list slot wraps the marker, which so counts as a value, as in Rasa 3.6.21 (golden
// dlg-loose).
func (s *slotWords) symbol(value any, grow bool) symbol {
	switch x := value.(type) {
	case nil:
		return absent
	case string:
		if x == dialogue.ShouldNotBeSet {
			return unset
		}
	}
	switch s.slot.Type {
	case dialogue.SlotText, dialogue.SlotList:
		if s.slot.Type == dialogue.SlotList && !dialogue.Truthy(value) {
			return absent
		}
		if len(s.features) > 0 {
			return firstWord
		}
	}
	feature := s.slot.Feature(value)
	if !slices.ContainsFunc(feature, func(x float64) bool { return x != 0 }) {
		return absent
	}
	return s.featureSymbol(feature, grow)
}

func (s *slotWords) featureSymbol(feature []float64, grow bool) symbol {
	for i, f := range s.features {
		if slices.Equal(f, feature) {
			return firstWord + symbol(i)
		}
	}
	if !grow {
		return unknown
	}
	s.features = append(s.features, feature)
	return firstWord + symbol(len(s.features)-1)
}

// vector is the symbol of the features of all slots, unknown if one of them is.
func (v *vocabulary) vector(features []symbol) symbol {
	var buf [128]byte
	key := buf[:0]
	for _, f := range features {
		if f == unknown {
			return unknown
		}
		key = binary.LittleEndian.AppendUint16(key, uint16(f))
	}
	if id, ok := v.vectors[string(key)]; ok {
		return id
	}
	if v.sealed {
		return unknown
	}
	id := firstWord + symbol(len(v.vectorsBy))
	v.vectors[string(key)] = id
	v.vectorsBy = append(v.vectorsBy, slices.Clone(features))
	return id
}

// slotFeatures writes the features of a state's slots, in the order of v.slots.
func (v *vocabulary) slotFeatures(dst []symbol, s *dialogue.Slots, onlySet bool) {
	for i := range v.slots {
		slot := &v.slots[i]
		if onlySet && !s.IsSetAt(slot.at) {
			dst[i] = absent
			continue
		}
		dst[i] = slot.symbol(s.At(slot.at), !v.sealed)
	}
}

// words reads a state but for its slots.
func (v *vocabulary) words(s *dialogue.State) state {
	st := v.message(s)
	st.prev, st.prevText = v.latestAction(s)
	st.loop = v.loop(s)
	return st
}

func (v *vocabulary) latestAction(s *dialogue.State) (name, text symbol) {
	switch a := s.LatestAction; {
	case a == nil:
		return absent, absent
	case a.Name != "":
		return v.word(&v.actions, a.Name), absent
	default:
		return absent, v.word(&v.actionTexts, a.Text)
	}
}

func (v *vocabulary) loop(s *dialogue.State) symbol {
	if s.Loop == nil {
		return absent
	}
	return v.word(&v.loops, s.Loop.Name)
}

// message reads the latest message of a state.
func (v *vocabulary) message(s *dialogue.State) (st state) {
	if s.LatestMessage == nil {
		return st
	}
	text, intent := s.LatestText(), s.LatestIntent()
	if text == "" && intent == "" {
		return st
	}
	if s.UseText == nil || *s.UseText {
		st.text = v.word(&v.texts, text)
	}
	if s.UseText == nil || !*s.UseText {
		st.intent = v.word(&v.intents, intent)
		if len(s.Entities) > 0 {
			st.entities = v.entityWord(s.Entities, intent)
		}
	}
	return st
}

// entityWord is the symbol of the labels of the entities that count beside an intent.
func (v *vocabulary) entityWord(entities []dialogue.Entity, intent string) symbol {
	var buf [8]string
	labels := v.appendLabels(buf[:0], entities, intent)
	switch len(labels) {
	case 0:
		return absent
	case 1:
		return v.word(&v.entities, labels[0])
	}
	return v.word(&v.entities, strings.Join(labels, entitySeparator))
}

// appendLabels appends the labels of the entities that count beside an intent, sorted.
func (v *vocabulary) appendLabels(labels []string, entities []dialogue.Entity, intent string) []string {
	spec, known := v.domain.Intent(intent)
	add := func(label string) {
		if known && !slices.Contains(spec.UsedEntities, label) || slices.Contains(labels, label) {
			return
		}
		labels = append(labels, label)
	}
	for i := range entities {
		e := &entities[i]
		add(e.Entity)
		if e.Role != "" {
			add(e.Entity + "#" + e.Role)
		}
		if e.Group != "" {
			add(e.Entity + "#" + e.Group)
		}
	}
	slices.Sort(labels)
	return labels
}

// entitySeparator stands between the labels of an entity word.
const entitySeparator = "\x00"

// withoutDoubt drops the text of a state that has an intent as well.
func (s state) withoutDoubt() state {
	if s.intent != absent {
		s.text = absent
	}
	return s
}

// stateID is the number of a whole state, -1 for one that training never saw.
func (v *vocabulary) stateID(s state) int32 {
	if id, ok := v.states[s]; ok {
		return id
	}
	if v.sealed {
		return -1
	}
	id := int32(len(v.statesBy))
	v.states[s] = id
	v.statesBy = append(v.statesBy, s)
	return id
}
