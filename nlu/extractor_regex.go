package nlu

import (
	"context"

	"parley/dialogue"
	"parley/learn"
)

// regexExtractor makes entities of the matches of regexes and lookup tables that are named like an entity.
type regexExtractor struct {
	options patternOptions
	set     *patternSet
}

func newRegexEntityExtractor(o *options) component {
	return &regexExtractor{options: decodePatternOptions(o, false)}
}

func (r *regexExtractor) train(_ context.Context, t *training) (err error) {
	kinds := map[string]bool{}
	for i := range t.data.Examples {
		for _, e := range t.data.Examples[i].Entities {
			kinds[e.Entity] = true
		}
	}
	if r.set, err = newPatternSet(t.data, r.options, func(name string) bool { return kinds[name] }); err != nil {
		return err
	}
	if len(r.set.sources) == 0 {
		t.warn("RegexEntityExtractor: no regex or lookup table is named like an annotated entity, so it finds nothing")
	}
	return nil
}

func (r *regexExtractor) process(_ context.Context, m *message) error {
	if r.set == nil {
		return nil
	}
	r.set.find(m.text, func(pattern, start, end int) {
		m.entities = append(m.entities, dialogue.Entity{
			Entity: r.set.sources[pattern].Name, Value: m.text[start:end],
			Start: start, End: end, Extractor: "RegexEntityExtractor",
		})
	})
	return nil
}

func (r *regexExtractor) save(w *learn.FileWriter) error { return r.set.save(w) }

func (r *regexExtractor) load(f *learn.File) (err error) {
	r.set, err = loadPatternSet(f, r.options)
	return err
}
