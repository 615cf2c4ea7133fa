package nlu

import (
	"context"
	"encoding/json"
	"fmt"

	"parley/dialogue"
	"parley/learn"
)

// keyword is a training text that stands for its intent.
type keyword struct{ Text, Intent string }

// keywordClassifier gives the intent of the first training text that occurs in the message, as words of their own. As in
// Rasa a training text is a regular expression.
type keywordClassifier struct {
	caseSensitive bool
	keywords      []keyword
	literals      *phrases   // the plain keywords
	numbers       []int      // the keyword of each literal
	patterns      []*pattern // the others, nil at literals
}

func newKeywordIntentClassifier(o *options) component {
	return &keywordClassifier{caseSensitive: o.boolean("case_sensitive", true)}
}

func (k *keywordClassifier) train(ctx context.Context, t *training) error {
	at := map[string]int{}
	drop := map[string]bool{}
	for i := range t.data.Examples {
		e := &t.data.Examples[i]
		if e.Intent == "" {
			continue
		}
		first, known := at[e.Text]
		switch {
		case !known:
			at[e.Text] = len(k.keywords)
			k.keywords = append(k.keywords, keyword{e.Text, e.Intent})
		case k.keywords[first].Intent != e.Intent:
			drop[e.Text] = true
			t.warn("KeywordIntentClassifier: %q is an example of both %q and %q; it is left out", e.Text, k.keywords[first].Intent, e.Intent)
		}
	}
	k.remove(drop)
	k.compile(t.warn)
	clear(drop)
	for i := range k.keywords {
		if err := ctx.Err(); err != nil {
			return err
		}
		// What stands inside the keyword of another intent would hide it.
		other := k.keywords[i]
		k.each(other.Text, func(inner int) bool {
			if in := k.keywords[inner]; in.Intent != other.Intent && !drop[in.Text] {
				drop[in.Text] = true
				t.warn("KeywordIntentClassifier: the keyword %q of %q is part of %q of %q; it is left out", in.Text, in.Intent, other.Text, other.Intent)
			}
			return true
		})
	}
	if len(drop) > 0 {
		k.remove(drop)
		k.compile(func(string, ...any) {})
	}
	return nil
}

func (k *keywordClassifier) remove(texts map[string]bool) {
	kept := k.keywords[:0]
	for _, w := range k.keywords {
		if !texts[w.Text] {
			kept = append(kept, w)
		}
	}
	k.keywords = kept
}

// compile prepares matching: literals go into one trie, the rest are regular expressions. A text that is no valid
// expression is taken literally; Rasa fails on the first message.
func (k *keywordClassifier) compile(warn func(format string, args ...any)) {
	k.patterns = make([]*pattern, len(k.keywords))
	k.numbers = nil
	var literals []string
	for i, w := range k.keywords {
		if !isLiteral(w.Text) {
			p, err := compilePattern(`\b`+w.Text+`\b`, !k.caseSensitive)
			if err == nil {
				k.patterns[i] = p
				continue
			}
			warn("KeywordIntentClassifier: %q is no regular expression and is taken literally: %v", w.Text, err)
		}
		if w.Text != "" {
			literals = append(literals, w.Text)
			k.numbers = append(k.numbers, i)
		}
	}
	k.literals = newPhrases(literals, !k.caseSensitive, true)
}

// each calls yield with the keywords that occur in a text until it returns false: literals first.
func (k *keywordClassifier) each(text string, yield func(keyword int) bool) {
	more := true
	k.literals.all(text, func(phrase int) {
		more = more && yield(k.numbers[phrase])
	})
	for i, p := range k.patterns {
		if !more {
			return
		}
		if p != nil && p.matches(text) {
			more = yield(i)
		}
	}
}

func (k *keywordClassifier) process(_ context.Context, m *message) error {
	best := len(k.keywords)
	k.literals.all(m.text, func(phrase int) { best = min(best, k.numbers[phrase]) })
	for i, p := range k.patterns[:best] {
		if p != nil && p.matches(m.text) {
			best = i
			break
		}
	}
	if best < len(k.keywords) {
		m.intent, m.answered = dialogue.Intent{Name: k.keywords[best].Intent, Confidence: 1}, true
	} else if !m.answered {
		m.intent, m.answered = dialogue.Intent{}, true
	}
	return nil
}

func (k *keywordClassifier) save(w *learn.FileWriter) error {
	data, err := json.Marshal(k.keywords)
	if err != nil {
		return err
	}
	w.Bytes("keywords", data)
	return nil
}

func (k *keywordClassifier) load(f *learn.File) error {
	data, err := f.Bytes("keywords")
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &k.keywords); err != nil {
		return fmt.Errorf("read keywords: %w", err)
	}
	k.compile(func(string, ...any) {})
	return nil
}
