package nlu

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"parley/learn"
)

// patternSource is one pattern as it is kept in a model: a regular expression, or the phrases of a lookup table.
type patternSource struct {
	Name    string
	Pattern string   `json:",omitempty"`
	Phrases []string `json:",omitempty"`
}

// patternSet is the regexes and lookup tables of the training data, regexes first.
type patternSet struct {
	sources    []patternSource
	ignoreCase bool
	boundaries bool // lookup phrases match whole words only
	patterns   []*pattern
	phrases    []*phrases
}

type patternOptions struct {
	caseSensitive, lookups, regexes, boundaries bool
}

func decodePatternOptions(o *options, caseSensitive bool) patternOptions {
	return patternOptions{
		caseSensitive: o.boolean("case_sensitive", caseSensitive),
		lookups:       o.boolean("use_lookup_tables", true),
		regexes:       o.boolean("use_regexes", true),
		boundaries:    o.boolean("use_word_boundaries", true),
	}
}

// newPatternSet gathers the patterns whose name is wanted. Rasa sorts regexes by name and pattern and keeps the order of
// lookup tables.
func newPatternSet(data *TrainingData, o patternOptions, wanted func(name string) bool) (*patternSet, error) {
	s := &patternSet{ignoreCase: !o.caseSensitive, boundaries: o.boundaries}
	var errs []error
	if o.regexes {
		sorted := slices.Clone(data.Regexes)
		slices.SortStableFunc(sorted, func(a, b Regex) int {
			return cmp.Compare(a.Name+"+"+a.Pattern, b.Name+"+"+b.Pattern)
		})
		for _, r := range sorted {
			if !wanted(r.Name) {
				continue
			}
			if _, err := compilePattern(r.Pattern, s.ignoreCase); err != nil {
				errs = append(errs, &ConfigError{Component: "regex " + r.Name, File: r.File, Line: r.Line, Problem: err.Error()})
				continue
			}
			s.sources = append(s.sources, patternSource{Name: r.Name, Pattern: r.Pattern})
		}
	}
	if o.lookups {
		for _, l := range data.Lookups {
			if wanted(l.Name) {
				s.sources = append(s.sources, patternSource{Name: l.Name, Phrases: append([]string{}, l.Elements...)})
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, s.compile()
}

// place is the prefix of a message about something in a file.
func place(file string, line int) string {
	if file == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d: ", file, line)
}

func (s *patternSet) compile() error {
	s.patterns, s.phrases = make([]*pattern, len(s.sources)), make([]*phrases, len(s.sources))
	for i, source := range s.sources {
		if source.Pattern == "" {
			s.phrases[i] = newPhrases(source.Phrases, s.ignoreCase, s.boundaries)
			continue
		}
		p, err := compilePattern(source.Pattern, s.ignoreCase)
		if err != nil {
			return err
		}
		s.patterns[i] = p
	}
	return nil
}

// find calls yield with every match of every pattern, pattern by pattern.
func (s *patternSet) find(text string, yield func(pattern, start, end int)) {
	for i := range s.sources {
		if p := s.phrases[i]; p != nil {
			p.find(text, func(start, end, _ int) { yield(i, start, end) })
			continue
		}
		s.patterns[i].find(text, func(start, end int) { yield(i, start, end) })
	}
}

func (s *patternSet) save(w *learn.FileWriter) error {
	data, err := json.Marshal(s.sources)
	if err != nil {
		return err
	}
	w.Bytes("patterns", data)
	return nil
}

func loadPatternSet(f *learn.File, o patternOptions) (*patternSet, error) {
	data, err := f.Bytes("patterns")
	if err != nil {
		return nil, err
	}
	s := &patternSet{ignoreCase: !o.caseSensitive, boundaries: o.boundaries}
	if err := json.Unmarshal(data, &s.sources); err != nil {
		return nil, fmt.Errorf("read patterns: %w", err)
	}
	return s, s.compile()
}

// isLiteral reports whether a pattern has no character with a meaning in a regular expression.
func isLiteral(source string) bool { return !strings.ContainsAny(source, `\.+*?()|[]{}^$`) }
