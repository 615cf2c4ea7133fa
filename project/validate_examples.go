package project

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// sameExamples finds texts that are examples of several intents.
func (v *validator) sameExamples() {
	first := make(map[string]int, len(v.p.NLU.Examples))
	others := map[string][]string{}
	var order []string
	for i := range v.p.NLU.Examples {
		e := &v.p.NLU.Examples[i]
		if e.Intent == "" {
			continue
		}
		j, ok := first[e.Text]
		if !ok {
			first[e.Text] = i
			continue
		}
		if name := e.Intent; name != v.p.NLU.Examples[j].Intent && !slices.Contains(others[e.Text], name) {
			if others[e.Text] == nil {
				order = append(order, e.Text)
			}
			others[e.Text] = append(others[e.Text], name)
		}
	}
	for _, text := range order {
		e := &v.p.NLU.Examples[first[text]]
		names := append([]string{e.Intent}, others[text]...)
		slices.Sort(names)
		v.add(place{e.File, e.Line}, e.Text, SeverityWarning, "duplicate-example", "keep it for one of them", "the example %q belongs to several intents: %s", clip(text), strings.Join(names, ", "))
	}
}

// manyRepeated is how many examples of an intent may say nothing new.
const manyRepeated = 3

// similarExamples finds examples that only case, punctuation or the order of words tells apart: a pipeline that counts words takes
// them for the same. Those of several intents are reported one by one, those of one intent together.
func (v *validator) similarExamples() {
	type group struct {
		first   int
		intents map[string]int // the first example of each intent
		texts   map[string]bool
	}
	groups := make(map[string]*group, len(v.p.NLU.Examples))
	var order []*group
	for i := range v.p.NLU.Examples {
		e := &v.p.NLU.Examples[i]
		key := wordsOf(e.Text)
		if e.Intent == "" || key == "" {
			continue
		}
		g := groups[key]
		if g == nil {
			g = &group{first: i, intents: map[string]int{}, texts: map[string]bool{}}
			groups[key] = g
			order = append(order, g)
		}
		if _, ok := g.intents[e.Intent]; !ok {
			g.intents[e.Intent] = i
		}
		g.texts[e.Text] = true
	}
	repeated := map[string]int{} // intent → texts that say nothing new
	example := map[string]int{}
	for _, g := range order {
		e := &v.p.NLU.Examples[g.first]
		switch {
		case len(g.intents) > 1 && len(g.texts) > 1:
			names := slices.SortedFunc(maps.Keys(g.intents), func(a, b string) int { return cmp.Compare(g.intents[a], g.intents[b]) })
			other := &v.p.NLU.Examples[g.intents[names[1]]]
			if other.Text == e.Text {
				continue // the same text: reported already
			}
			v.add(place{e.File, e.Line}, e.Text, SeverityNote, "similar-examples", "keep one of them, or make them more different",
				"the example %q of %s and %q of %s (line %d of %s) have the same words", clip(e.Text), e.Intent, clip(other.Text), other.Intent, other.Line, other.File)
		case len(g.texts) > 1:
			repeated[e.Intent] += len(g.texts) - 1
			if _, ok := example[e.Intent]; !ok {
				example[e.Intent] = g.first
			}
		}
	}
	for _, intent := range sortedKeys(repeated) {
		if repeated[intent] < manyRepeated {
			continue
		}
		e := &v.p.NLU.Examples[example[intent]]
		v.add(place{e.File, e.Line}, e.Text, SeverityNote, "repeated-examples", "examples with other words teach more",
			"the intent %q has %d examples that differ from another one only in case, punctuation or order of words, as those like %q do", intent, repeated[intent], clip(e.Text))
	}
}

// wordsOf is a text as its words in lower case, sorted, without punctuation.
func wordsOf(text string) string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && !unicode.IsSymbol(r)
	})
	slices.Sort(words)
	return strings.Join(words, " ")
}

// unbalanced is how many times fewer or more examples than usual an intent may have.
const unbalanced = 10

// balance finds intents with far fewer or far more examples than the median: a classifier learns the large ones at the cost of the
// small ones.
func (v *validator) balance() {
	counts, first := map[string]int{}, map[string]int{}
	for i := range v.p.NLU.Examples {
		name := v.p.NLU.Examples[i].Intent
		if name == "" {
			continue
		}
		if counts[name] == 0 {
			first[name] = i
		}
		counts[name]++
	}
	if len(counts) < 3 {
		return
	}
	median := slices.Sorted(maps.Values(counts))[len(counts)/2]
	for _, name := range sortedKeys(counts) {
		e, n := &v.p.NLU.Examples[first[name]], counts[name]
		at := place{e.File, e.Line}
		switch {
		case n*unbalanced <= median:
			v.add(at, "", SeverityNote, "unbalanced-intent", "add examples to it", "the intent %q has %d of the examples, most others have some %d", name, n, median)
		case n >= median*unbalanced:
			v.add(at, "", SeverityNote, "unbalanced-intent", "add examples to the others, or split it",
				"the intent %q has %d examples, most others some %d: what is unlike all of them may be taken for it", name, n, median)
		}
	}
}
