package nlu

import (
	"context"

	"parley/learn"
)

// featurizer is a component whose features later components may read.
type featurizer interface {
	component
	name() string // the alias, "" if none
}

// regexFeaturizer marks the tokens that lie in a match of a regex or lookup table.
type regexFeaturizer struct {
	alias   string
	options patternOptions
	set     *patternSet
	slot    int // where its hits stand in a message
}

func newRegexFeaturizer(o *options) component {
	o.without("number_additional_patterns") // Rasa 2.x
	return &regexFeaturizer{alias: o.text("alias", ""), options: decodePatternOptions(o, true)}
}

func (r *regexFeaturizer) name() string { return r.alias }

func (r *regexFeaturizer) bind(before []component) {
	for _, c := range before {
		if _, ok := c.(*regexFeaturizer); ok {
			r.slot++
		}
	}
}

func (r *regexFeaturizer) train(_ context.Context, t *training) (err error) {
	r.set, err = newPatternSet(t.data, r.options, func(string) bool { return true })
	return err
}

func (r *regexFeaturizer) process(_ context.Context, m *message) error {
	if r.set == nil || len(r.set.sources) == 0 {
		return nil
	}
	hits := m.hits[r.slot]
	r.set.find(m.text, func(pattern, start, end int) {
		for i, t := range m.tokens {
			if t.start >= end {
				break
			}
			if t.end > start {
				hits = append(hits, patternHit{token: i, pattern: pattern})
			}
		}
	})
	m.hits[r.slot] = hits
	return nil
}

func (r *regexFeaturizer) save(w *learn.FileWriter) error { return r.set.save(w) }

func (r *regexFeaturizer) load(f *learn.File) (err error) {
	r.set, err = loadPatternSet(f, r.options)
	return err
}
