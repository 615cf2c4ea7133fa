package policy

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// reach is how many states, at most, the features of a window look at.
const reach = 10

// seen is a state as the learned policies read it. Slots and labels are kept apart, so that what was never seen together can
// still be known.
type seen struct {
	state
	turn   bool     // the user has just spoken
	slots  []symbol // by slot
	labels []uint64 // hashes of the labels of the message's entities
}

// Kinds of features. They are part of saved models.
const (
	featurePrev uint64 = iota + 1
	featurePart
	featureIntent
	featureLabel
	featureSlot
	featureLoop
	featureBag
	featureLast
	featureDone
	featureDoneIntent
	featureDoneLabel
	featureDoneSlot
	featureDoneLoop
	featureBefore
	featureSuffix
	featureText
	featureWord
	featureIntents
)

// mix joins numbers into a hash.
func mix(parts ...uint64) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, p := range parts {
		h = (h ^ p) * 0xff51afd7ed558ccd
		h ^= h >> 32
	}
	return h
}

// hashText is the FNV-1a hash of a text.
func hashText(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return h
}

// feature is a hash and a value.
type feature struct {
	key   uint64
	value float32
}

// reader turns windows of states into features.
type reader struct {
	v     *vocabulary
	slots []int // those whose values differ in the stories
	// memory adds what makes whole windows recognisable, and what the bot has done since the message joined with what it knows.
	memory bool

	features []feature
	states   []seen
	labels   []uint64
	symbols  []symbol
}

func (r *reader) add(parts ...uint64) { r.weigh(1, parts...) }

// weigh adds a feature that counts for more or less than others.
func (r *reader) weigh(weight float32, parts ...uint64) {
	r.features = append(r.features, feature{mix(parts...), weight})
}

// fresh is how much the intent of the message that is answered counts. Less, and long histories drown what was just said; more, and
// what it means at this point of the conversation is lost.
const fresh = 1.5

// tally adds to a feature that may be there already.
func (r *reader) tally(from int, value float32, parts ...uint64) {
	key := mix(parts...)
	for i := from; i < len(r.features); i++ {
		if r.features[i].key == key {
			r.features[i].value += value
			return
		}
	}
	r.features = append(r.features, feature{key, value})
}

// action is the latest action of a state as one number.
func (s *seen) action() uint64 { return uint64(s.prev)<<32 | uint64(s.prevText) }

// read leaves the features of a window in r.features. The states come newest first; text is that of the message which the window
// answers, "" if its intent counts.
func (r *reader) read(states []seen, text string) {
	r.features = r.features[:0]
	states = states[:min(len(states), reach)]
	if len(states) == 0 {
		return
	}
	message := len(states) // how many actions ago the user spoke
	for k := range states {
		if states[k].turn {
			message = k
			break
		}
	}
	r.readAges(states)
	r.readBag(states)
	now := &states[0]
	for _, i := range r.slots {
		r.slot(now, i, featureSlot)
	}
	if now.loop != absent {
		r.add(featureLoop, uint64(now.loop))
	}
	last := uint64(0)
	for k := range min(3, len(states)) {
		last = mix(last, states[k].action())
		if k > 0 {
			r.add(featureLast, uint64(k), last)
		}
	}
	if !r.memory {
		return
	}
	r.readTurn(states, message, text)
	whole := uint64(0)
	for k := range min(5, len(states)) {
		whole = mix(whole, r.hash(&states[k]))
		r.add(featureSuffix, uint64(k), whole)
	}
	scale(r.features)
	if text != "" {
		from := len(r.features)
		r.readText(text, uint64(min(message, 2)))
		scale(r.features[from:])
	}
}

// readAges adds actions and messages with their age.
func (r *reader) readAges(states []seen) {
	for k := range states {
		s, age := &states[k], uint64(k)
		if s.prev != absent || s.prevText != absent {
			r.add(featurePrev, age, s.action())
		}
		if k < 3 && s.prev >= firstWord {
			for part := range strings.SplitSeq(r.v.actions.name(s.prev), "_") {
				r.tally(0, 1, featurePart, age, hashText(part))
			}
		}
		if !s.turn {
			continue
		}
		if s.intent != absent {
			weight := float32(1)
			if k == 0 {
				weight = fresh
			}
			r.weigh(weight, featureIntent, age, uint64(s.intent))
		}
		if s.text != absent {
			r.add(featureText, age, uint64(s.text))
		}
		for _, label := range s.labels {
			r.add(featureLabel, age, label)
		}
	}
}

// readBag adds what happened in the window, the less the longer ago.
func (r *reader) readBag(states []seen) {
	from := len(r.features)
	intents := uint64(0)
	for k := range states {
		s, weight := &states[k], 1/float32(1+k)
		r.tally(from, weight, featureBag, s.action())
		if !s.turn {
			continue
		}
		r.tally(from, weight, featureBag, 1, uint64(s.intent))
		for _, label := range s.labels {
			r.tally(from, weight, featureBag, 2, label)
		}
		if intents = mix(intents, uint64(s.intent)); k > 0 {
			r.add(featureIntents, intents)
		}
	}
}

// readTurn adds what the bot has done since the message, alone and joined with what it knows.
func (r *reader) readTurn(states []seen, message int, text string) {
	now := &states[0]
	done := uint64(0)
	for k := range message {
		done = mix(done, states[k].action())
	}
	r.add(featureDone, done)
	if now.loop != absent {
		r.add(featureDoneLoop, done, uint64(now.loop))
	}
	for _, i := range r.slots {
		r.slot(now, i, featureDoneSlot, done)
	}
	if message == len(states) {
		return
	}
	m := &states[message]
	if text == "" {
		r.weigh(fresh, featureDoneIntent, done, uint64(m.intent))
		if now.loop != absent {
			r.add(featureDoneIntent, done, uint64(m.intent), uint64(now.loop))
		}
		for _, i := range r.slots {
			r.slot(now, i, featureDoneSlot, done, uint64(m.intent)<<1|1)
		}
	}
	for _, label := range m.labels {
		r.add(featureDoneLabel, done, label)
	}
	before := uint64(0)
	for k := message + 1; k < len(states); k++ {
		before = mix(before, states[k].action())
		if states[k].turn {
			break
		}
	}
	r.add(featureBefore, done, before)
	r.add(featureBefore, done, before, uint64(m.intent))
}

// slot adds the value of a slot to parts, if it is set.
func (r *reader) slot(s *seen, i int, parts ...uint64) {
	if s.slots[i] != absent {
		r.features = append(r.features, feature{mix(mix(parts...), uint64(i), uint64(s.slots[i])), 1})
	}
}

// hash is that of a whole state.
func (r *reader) hash(s *seen) uint64 {
	h := mix(s.action(), uint64(s.loop))
	if s.turn {
		h = mix(h, uint64(s.intent), uint64(s.text))
		for _, label := range s.labels {
			h = mix(h, label)
		}
	}
	for _, i := range r.slots {
		if s.slots[i] != absent {
			h = mix(h, uint64(i), uint64(s.slots[i]))
		}
	}
	return h
}

// window is the hash of a whole window and the text that it answers.
func (r *reader) window(states []seen, text string) uint64 {
	h := hashText(text)
	for k := range states[:min(len(states), reach)] {
		h = mix(h, r.hash(&states[k]))
	}
	return h
}

// readText adds the words, pairs of words and pieces of words of a text. Letters are taken in lower case.
func (r *reader) readText(text string, position uint64) {
	from := len(r.features)
	text = strings.ToLower(text)
	var last uint64
	for word := range strings.FieldsFuncSeq(text, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsNumber(c) && !unicode.IsMark(c) }) {
		h := hashText(word)
		r.tally(from, 1, featureWord, position, 1, h)
		if last != 0 {
			r.tally(from, 1, featureWord, position, 2, last, h)
		}
		last = h
		padded := " " + word + " "
		for i := 0; i < len(padded); {
			_, size := utf8.DecodeRuneInString(padded[i:])
			end := i
			for n := 1; n <= 5 && end < len(padded); n++ {
				_, size := utf8.DecodeRuneInString(padded[end:])
				if end += size; n >= 3 {
					r.tally(from, 0.5, featureWord, position, 3, hashText(padded[i:end]))
				}
			}
			i += size
		}
		if len(r.features)-from > maxTextFeatures {
			return
		}
	}
	if last == 0 { // neither letters nor numbers
		r.tally(from, 1, featureWord, position, 1, hashText(strings.TrimSpace(text)))
	}
}

// maxTextFeatures bounds the time that a long text takes.
const maxTextFeatures = 600

// scale brings features to length one.
func scale(features []feature) {
	sum := float32(0)
	for _, f := range features {
		sum += f.value * f.value
	}
	if sum == 0 {
		return
	}
	factor := 1 / float32(math.Sqrt(float64(sum)))
	for i := range features {
		features[i].value *= factor
	}
}
