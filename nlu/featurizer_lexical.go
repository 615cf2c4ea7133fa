package nlu

import (
	"context"
	"slices"
)

// lexicalFeaturizer says which features of the tokens around each token the entity extractors see.
type lexicalFeaturizer struct {
	alias    string
	features [][]string
}

// lexicalNames are the features a LexicalSyntacticFeaturizer may list; the last two need a tagger of parts of speech.
func lexicalNames() []string {
	return []string{"BOS", "EOS", "low", "title", "upper", "digit", "prefix2", "prefix5", "suffix1", "suffix2", "suffix3", "suffix5", "pos", "pos2"}
}

func newLexicalFeaturizer(o *options) component {
	l := &lexicalFeaturizer{alias: o.text("alias", "")}
	l.features = decodeWindow(o, lexicalNames(), [][]string{
		{"low", "title", "upper"}, {"BOS", "EOS", "low", "upper", "title", "digit"}, {"low", "title", "upper"},
	})
	return l
}

// decodeWindow reads the option features: a list of feature names for each token of a window.
func decodeWindow(o *options, allowed []string, def [][]string) [][]string {
	v, ok := o.value("features")
	if !ok {
		return def
	}
	list, ok := v.([]any)
	if !ok {
		o.fail("features", "must be a list of lists of names, not %s", describe(v))
		return def
	}
	window := make([][]string, 0, len(list))
	for _, row := range list {
		names, ok := row.([]any)
		if !ok {
			o.fail("features", "must be a list of lists of names, but holds %s", describe(row))
			return def
		}
		at := make([]string, 0, len(names))
		for _, n := range names {
			name, ok := n.(string)
			if !ok || !slices.Contains(allowed, name) {
				o.fail("features", "unknown feature %v%s", n, didYouMean(name, allowed))
				continue
			}
			at = append(at, name)
		}
		window = append(window, at)
	}
	return window
}

func (l *lexicalFeaturizer) name() string { return l.alias }

func (l *lexicalFeaturizer) process(context.Context, *message) error { return nil }
