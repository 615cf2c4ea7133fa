package nlu

import (
	"context"
	"math"
	"slices"
)

// countFeaturizer says which words or n-grams of characters count. The counting is done by the learners that read it,
// for each of them together with its other features.
type countFeaturizer struct {
	alias string
	block block
}

func newCountVectorsFeaturizer(o *options) component {
	c := &countFeaturizer{alias: o.text("alias", "")}
	b := &c.block
	b.Analyzer = o.choice("analyzer", "word", "word", "char", "char_wb")
	switch accents := o.text("strip_accents", ""); accents {
	case "", "ascii", "unicode":
		b.StripAccents = accents
	default:
		o.fail("strip_accents", "must be ascii, unicode or null, not %q", accents)
	}
	if v, ok := o.value("stop_words"); ok {
		if name, isText := v.(string); !isText {
			b.StopWords = o.texts("stop_words")
		} else if name == "english" {
			b.StopWords = englishStopWords()
		} else {
			o.fail("stop_words", "must be english or a list of words, not %q", name)
		}
	}
	b.MinDF, b.MinShare = o.frequency("min_df", 1, 0)
	b.MaxDF, b.MaxShare = o.frequency("max_df", 0, 1)
	b.Min, b.Max = o.integer("min_ngram", 1), o.integer("max_ngram", 1)
	if b.Min < 1 || b.Max < b.Min || b.Max > maxNgram {
		o.fail("max_ngram", "n-grams must have 1 ≤ min_ngram ≤ max_ngram ≤ %d, not %d to %d", maxNgram, b.Min, b.Max)
		b.Min, b.Max = 1, 1
	}
	b.MaxFeatures = o.integer("max_features", 0)
	b.KeepCase = !o.boolean("lowercase", true)
	b.OOVToken = o.text("OOV_token", "")
	b.OOVWords = o.texts("OOV_words")
	o.boolean("use_lemma", true) // no tokenizer here has lemmas
	o.boolean("use_shared_vocab", false)
	o.without("token_pattern", "additional_vocabulary_size") // Rasa 1.x and 2.x
	return c
}

// maxNgram bounds the length of n-grams.
const maxNgram = 12

// frequency reads a document frequency: a whole number counts documents, a fraction is a share of them.
func (o *options) frequency(name string, count int, share float64) (int, float64) {
	v, ok := o.value(name)
	if !ok {
		return count, share
	}
	if f, isFloat := v.(float64); isFloat && f <= 1 {
		if f < 0 {
			o.fail(name, "must not be negative")
		}
		return 0, f
	}
	f, isNumber := toNumber(v)
	if !isNumber || f != math.Trunc(f) || f < 0 {
		o.fail(name, "must be a count, or a share between 0 and 1, not %s", describe(v))
		return count, share
	}
	return int(f), 0
}

func (c *countFeaturizer) name() string { return c.alias }

func (c *countFeaturizer) process(context.Context, *message) error { return nil }

// isDefault reports whether a block is one of the two of Rasa's default pipeline; those give way to blocks that
// measured better.
func (b *block) isDefault() bool {
	d := block{Analyzer: b.Analyzer, MinDF: 1, MaxShare: 1, Min: 1, Max: 1}
	if b.Analyzer != "word" {
		d.Max = 4
	}
	return slices.Equal([]any{
		b.Analyzer, b.StripAccents, len(b.StopWords), b.MinDF, b.MinShare, b.MaxDF, b.MaxShare, b.Min, b.Max, b.MaxFeatures,
		b.KeepCase, b.OOVToken, len(b.OOVWords),
	}, []any{d.Analyzer, d.StripAccents, 0, d.MinDF, d.MinShare, d.MaxDF, d.MaxShare, d.Min, d.Max, 0, false, "", 0})
}
