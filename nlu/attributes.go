package nlu

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// attributes is what a tagger sees of the tokens of a text, as hashes, and the memory for finding it.
type attributes struct {
	starts []uint32 // of each token in keys
	keys   []uint64
	own    []uint32 // of each token in keys: where those begin that tell its own word

	norm    []byte // normalised tokens, one after another
	ends    []int
	runes   []int
	words   []uint64 // hashes of the normalised words
	shapes  []uint64
	classes []uint64    // of words; 0: none
	pre     [][5]uint64 // of length 1 to 5; 0: the word is shorter
	suf     [][5]uint64
	hits    []patternHit
	bases   [atClass + 1][2*nearest + 1]uint64 // of each template and place; 0: not computed yet

	numStarts, numOwn, nums []uint32
	labels                  []uint16
	probs                   []float32
	spans                   []span
	spanCols                []uint32
	spanVals                []float32
	spanNums                []float32
	spanKeys                []uint64
}

// Templates of attributes. Their numbers are part of the model file.
const (
	atBias uint64 = iota + 1
	atWord
	atPair
	atShape
	atPrefix
	atSuffix
	atFromStart
	atFromEnd
	atPattern
	atIntent
	atIntentWord
	atOutside
	atFlag
	atSpan
	atBefore
	atAfter
	atClass
)

// attribute hashes a template, a place relative to the token, and what stands there.
func attribute(template uint64, place int, what ...uint64) uint64 {
	h := mixHash(template<<32 ^ uint64(uint32(place)))
	for _, w := range what {
		h = joinHash(h, w)
	}
	return h
}

// read finds the words, shapes, prefixes and suffixes of a message.
func (x *attributes) read(m *message) {
	x.norm, x.ends = x.norm[:0], x.ends[:0]
	x.words, x.shapes, x.pre, x.suf = x.words[:0], x.shapes[:0], x.pre[:0], x.suf[:0]
	for _, t := range m.tokens {
		word := m.word(t)
		from := len(x.norm)
		x.norm = appendNormal(x.norm, word, false, "")
		norm := x.norm[from:]
		x.ends = append(x.ends, len(x.norm))
		x.words = append(x.words, mixHash(hashBytes(hashStart, norm)))
		x.shapes = append(x.shapes, shape(word))
		x.runes = x.runes[:0]
		for i := 0; i < len(norm); {
			x.runes = append(x.runes, i)
			_, n := utf8.DecodeRune(norm[i:])
			i += n
		}
		x.runes = append(x.runes, len(norm))
		n := len(x.runes) - 1
		var pre, suf [5]uint64
		for k := 1; k <= min(5, n); k++ {
			pre[k-1] = mixHash(hashBytes(hashStart, norm[:x.runes[k]]))
			suf[k-1] = mixHash(hashBytes(hashStart, norm[x.runes[n-k]:]))
		}
		x.pre, x.suf = append(x.pre, pre), append(x.suf, suf)
	}
}

// shape hashes a word with its letters, digits and other characters replaced by X, x, d and themselves, repetitions cut to two.
func shape(word string) uint64 {
	h := uint64(hashStart)
	last, times := rune(-1), 0
	for _, r := range word {
		switch {
		case unicode.IsUpper(r):
			r = 'X'
		case unicode.IsLetter(r):
			r = 'x'
		case unicode.IsDigit(r):
			r = 'd'
		}
		if r == last {
			times++
		} else {
			last, times = r, 1
		}
		if times <= 2 {
			h = (h ^ uint64(r)) * hashPrime
		}
	}
	return mixHash(h)
}

// outside stands for the words beyond the ends of a text.
func outside(place int) uint64 {
	if place < 0 {
		return 1
	}
	return 2
}

func (x *attributes) word(i int) uint64 {
	if i < 0 || i >= len(x.words) {
		return outside(i)
	}
	return x.words[i]
}

func (x *attributes) shape(i int) uint64 {
	if i < 0 || i >= len(x.shapes) {
		return outside(i)
	}
	return x.shapes[i]
}

// attributes finds the attributes of every token of a message.
func (g *tagger) attributes(x *attributes, m *message, intents []uint64) {
	x.read(m)
	x.starts, x.keys, x.own = append(x.starts[:0], 0), x.keys[:0], x.own[:0]
	x.hits = x.hits[:0]
	for slot, hits := range m.hits {
		for _, h := range hits {
			x.hits = append(x.hits, patternHit{token: h.token, pattern: slot<<16 | h.pattern})
		}
	}
	n := len(m.tokens)
	if g.window == nil {
		x.classes = x.classes[:0]
		for _, w := range x.words {
			x.classes = append(x.classes, g.classes[w])
		}
	}
	for i := range n {
		if g.window != nil {
			g.windowAttributes(x, m, i)
			x.own = append(x.own, uint32(len(x.keys)))
		} else {
			x.all(i, n, intents)
			x.own = append(x.own, uint32(len(x.keys)))
			x.self(i, intents)
		}
		x.starts = append(x.starts, uint32(len(x.keys)))
	}
}

// farthest is how many words before and after a token count, in whatever order.
const farthest = 6

// nearest is how far from a token the places are that one looks at.
const nearest = 3

func (x *attributes) add(template uint64, place int, what ...uint64) {
	x.keys = append(x.keys, attribute(template, place, what...))
}

// one is add for one thing at a place no farther than nearest.
func (x *attributes) one(template uint64, place int, what uint64) {
	base := &x.bases[template][place+nearest]
	if *base == 0 {
		*base = attribute(template, place)
	}
	x.keys = append(x.keys, joinHash(*base, what))
}

// two is add for two things.
func (x *attributes) two(template uint64, place int, first, second uint64) {
	x.one(template, place, first)
	last := &x.keys[len(x.keys)-1]
	*last = joinHash(*last, second)
}

// all adds everything that is known to help, except what tells the word itself.
func (x *attributes) all(i, n int, intents []uint64) {
	w1, w2, n1, n2 := x.word(i-1), x.word(i-2), x.word(i+1), x.word(i+2)
	x.add(atBias, 0)
	x.one(atWord, -1, w1)
	x.one(atWord, 1, n1)
	x.one(atWord, -2, w2)
	x.one(atWord, 2, n2)
	x.two(atPair, -2, w2, w1)
	x.two(atPair, 1, n1, n2)
	x.two(atPair, 2, w1, n1)
	x.one(atShape, 0, x.shape(i))
	x.one(atShape, -1, x.shape(i-1))
	x.one(atShape, 1, x.shape(i+1))
	x.affixes(i, 0, shortAffix)
	if i > 0 {
		x.one(atPrefix, -1, x.pre[i-1][2])
		x.one(atSuffix, -1, x.suf[i-1][2])
	}
	if i+1 < n {
		x.one(atPrefix, 1, x.pre[i+1][2])
		x.one(atSuffix, 1, x.suf[i+1][2])
	}
	x.add(atFromStart, min(i, 3))
	x.add(atFromEnd, min(n-1-i, 3))
	for j, w := range x.words[max(0, i-farthest):min(n, i+farthest+1)] {
		switch d := j + max(0, i-farthest) - i; {
		case d < 0:
			x.one(atBefore, 0, w)
		case d > 0:
			x.one(atAfter, 0, w)
		}
	}
	for _, h := range x.hits {
		if d := h.token - i; -1 <= d && d <= 1 {
			x.one(atPattern, d, uint64(h.pattern))
		}
	}
	x.classesAround(i, w1, n1)
	for _, intent := range intents {
		x.one(atIntent, 0, intent)
		x.two(atIntentWord, -1, intent, w1)
		x.two(atIntentWord, 1, intent, n1)
	}
}

// shortAffix is the length of prefixes and suffixes that do not give a word away.
const shortAffix = 2

// affixes adds the prefixes and suffixes of a word that are longer than one length, up to another.
func (x *attributes) affixes(i, above, upTo int) {
	for k := above; k < upTo && x.pre[i][k] != 0; k++ {
		x.one(atPrefix, 0, x.pre[i][k])
		x.one(atSuffix, 0, x.suf[i][k])
	}
}

// classesAround adds the classes of a word and its neighbours.
func (x *attributes) classesAround(i int, before, after uint64) {
	class, last, next := x.classes[i], uint64(0), uint64(0)
	if i > 0 {
		last = x.classes[i-1]
	}
	if i+1 < len(x.classes) {
		next = x.classes[i+1]
	}
	if last != 0 {
		x.one(atClass, -1, last)
	}
	if next != 0 {
		x.one(atClass, 1, next)
	}
	if class == 0 {
		return
	}
	x.one(atClass, 0, class)
	x.two(atClass, -2, class, before)
	x.two(atClass, 2, class, after)
	if last != 0 {
		x.two(atClass, -3, class, last)
	}
	if next != 0 {
		x.two(atClass, 3, class, next)
	}
}

// self adds what tells the word itself, which all leaves out.
func (x *attributes) self(i int, intents []uint64) {
	w0, w1, n1 := x.words[i], x.word(i-1), x.word(i+1)
	x.one(atWord, 0, w0)
	x.two(atPair, -1, w1, w0)
	x.two(atPair, 0, w0, n1)
	x.affixes(i, shortAffix, 5)
	for _, intent := range intents {
		x.two(atIntentWord, 0, intent, w0)
	}
}

// windowAttributes adds the features that the option features of CRFEntityExtractor lists for the tokens around one.
func (g *tagger) windowAttributes(x *attributes, m *message, i int) {
	half := len(g.window) / 2
	for row, names := range g.window {
		place := row - half
		at := i + place
		if at < 0 || at >= len(m.tokens) {
			x.add(atOutside, place, outside(at))
			continue
		}
		word := m.word(m.tokens[at])
		for _, name := range names {
			switch name {
			case "low":
				x.add(atWord, place, x.words[at])
			case "bias":
				x.add(atBias, place)
			case "prefix2", "prefix5":
				k := min(int(name[len(name)-1]-'0'), utf8.RuneCountInString(word), 5)
				if k > 0 {
					x.add(atPrefix, place<<8|int(name[len(name)-1]), x.pre[at][k-1])
				}
			case "suffix1", "suffix2", "suffix3", "suffix5":
				k := min(int(name[len(name)-1]-'0'), utf8.RuneCountInString(word), 5)
				if k > 0 {
					x.add(atSuffix, place<<8|int(name[len(name)-1]), x.suf[at][k-1])
				}
			case "title", "upper", "digit":
				x.add(atFlag, place, uint64(name[0]), flag(name, word))
			case "pattern":
				for _, h := range x.hits {
					if h.token == at {
						x.add(atPattern, place, uint64(h.pattern))
					}
				}
			}
		}
	}
}

// flag is 1 if a word has a property, as Python's istitle, isupper and isdigit have it.
func flag(name, word string) uint64 {
	cased, ok := false, true
	afterCased := false
	for _, r := range word {
		upper, lower := unicode.IsUpper(r) || unicode.IsTitle(r), unicode.IsLower(r)
		switch name {
		case "digit":
			ok = ok && unicode.IsDigit(r)
			cased = true
		case "upper":
			ok = ok && !lower
			cased = cased || upper
		case "title":
			ok = ok && !(upper && afterCased) && !(lower && !afterCased)
			cased = cased || upper || lower
			afterCased = upper || lower
		}
	}
	if ok && cased {
		return 1
	}
	return 0
}

// taggerFeatures are the names that the option features of CRFEntityExtractor may list; some need other components.
func taggerFeatures() []string {
	return []string{
		"low", "title", "upper", "digit", "prefix5", "prefix2", "suffix5", "suffix3", "suffix2", "suffix1", "bias", "pos", "pos2",
		"pattern", "text_dense_features", "entity",
	}
}

// hasFeature reports whether a window lists a feature.
func hasFeature(window [][]string, name string) bool {
	return slices.ContainsFunc(window, func(row []string) bool { return slices.Contains(row, name) })
}
